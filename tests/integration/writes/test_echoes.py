"""Pay for an echo before the answer to our own call what one after it costs (docs/costs.md)."""

from tests.integration.writes.test_costs import (
    GET_DC,
    GET_OC,
    GET_PATIENT,
    PATCH_DC,
    POST_OC,
    linked,
)
from tests.support.clinic import Clinic, utc, wall


def test_echo_before_answer_to_create(clinic: Clinic) -> None:
    linked(clinic)
    clinic.sandbox.faults(
        "oncall",
        {"match": {"method": "POST", "path": "^/appointments/$"}, "do": "drip", "seconds": 0.002},
    )
    clinic.book(scheduled_time=wall(days=5), patient=clinic.patient)
    clinic.settle(hours=0.01)
    assert clinic.calls("drchrono") == [GET_DC, GET_PATIENT, PATCH_DC]
    assert clinic.calls("oncall") == [POST_OC, GET_OC]


def test_echo_before_answer_to_move(clinic: Clinic) -> None:
    appointment, _visit = linked(clinic)
    clinic.sandbox.faults(
        "oncall",
        {"match": {"method": "PATCH", "path": "^/appointments/"}, "do": "drip", "seconds": 0.002},
    )
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.settle(hours=0.01)
    assert clinic.calls("drchrono") == [GET_DC]
    assert clinic.calls("oncall") == [GET_OC, "PATCH /appointments/ID/", GET_OC]


def test_echo_before_answer_to_patch_drchrono(clinic: Clinic) -> None:
    _appointment, visit = linked(clinic)
    clinic.sandbox.faults(
        "drchrono",
        {
            "match": {"method": "PATCH", "path": "^/api/appointments/"},
            "do": "drip",
            "seconds": 0.002,
        },
    )
    clinic.change_visit(visit, datetime=f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle(hours=0.01)
    assert clinic.calls("drchrono") == [GET_DC, "PATCH /api/appointments/ID"]
    assert clinic.calls("oncall") == [GET_OC]


def test_echo_before_answer_to_booked_in_oncall(clinic: Clinic) -> None:
    linked(clinic)
    clinic.sandbox.faults(
        "drchrono",
        {
            "match": {"method": "POST", "path": "^/api/appointments$"},
            "do": "drip",
            "seconds": 0.002,
        },
    )
    clinic.sandbox.faults(
        "oncall",
        {"match": {"method": "PATCH", "path": "^/appointments/"}, "do": "drip", "seconds": 0.002},
    )
    clinic.invite()
    clinic.settle(hours=0.01)
    assert clinic.calls("drchrono") == ["POST /api/appointments"]
    assert clinic.calls("oncall") == [GET_OC, "PATCH /appointments/ID/", GET_OC]


def test_echo_before_answer_email(clinic: Clinic) -> None:
    linked(clinic)
    clinic.sandbox.faults(
        "oncall",
        {
            "match": {"method": "PATCH", "path": "^/(participants|contacts)/"},
            "do": "drip",
            "seconds": 0.002,
            "times": None,
        },
    )
    clinic.edit_patient(clinic.patient, email="vera.new@mail.example")
    clinic.settle(hours=0.01)
    assert clinic.calls("drchrono") == [GET_PATIENT]
    assert clinic.calls("oncall") == ["PATCH /contacts/ID/", "PATCH /participants/ID/", GET_OC]
