"""Count the calls and mails of each change, typed in from docs/costs.md.

Whichever comes first, the answer of a write of ours or the webhook that it causes.
"""

import pytest

from tests.support.clinic import Clinic, utc, wall

GET_DC, PATCH_DC = "GET /api/appointments/ID", "PATCH /api/appointments/ID"
GET_PATIENT, PATCH_PATIENT = "GET /api/patients/ID", "PATCH /api/patients/ID"
GET_OC, PATCH_OC, POST_OC = (
    "GET /appointments/ID/",
    "PATCH /appointments/ID/",
    "POST /appointments/",
)


@pytest.fixture(autouse=True, params=[False, True], ids=["as it comes", "echo first"])
def order(clinic: Clinic, request: pytest.FixtureRequest) -> None:
    clinic.wire.echo_first = request.param


def linked(clinic: Clinic) -> tuple[str, str]:
    """A visit that stands on both sides; its ids. The person is known from here on."""
    appointment = clinic.book()
    clinic.pump()
    (visit,) = clinic.visits()
    clinic.forget()
    return appointment, visit["id"]


def test_an_irrelevant_change_costs_nothing(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    clinic.edit(appointment, notes="called back", color="#FF0000", billing_status="Settled")
    clinic.pump()
    assert (clinic.calls("drchrono"), clinic.calls("oncall"), clinic.mails()) == ([], [], [])


def test_moved_in_drchrono(clinic: Clinic) -> None:
    appointment, _visit = linked(clinic)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.pump()
    assert clinic.calls("drchrono") == [GET_DC]
    assert clinic.calls("oncall") == [GET_OC, PATCH_OC, GET_OC]
    assert clinic.mails() == [("change", "app")]
    assert clinic.visits()[0]["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"


def test_moved_in_oncall(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    clinic.change_visit(visit, datetime=f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}")
    clinic.pump()
    assert clinic.calls("drchrono") == [GET_DC, PATCH_DC]
    assert clinic.calls("oncall") == [GET_OC]
    assert clinic.mails() == [("change", "staff")]
    assert clinic.appointment(appointment)["scheduled_time"] == wall(days=3, hour=18)


def test_cancelled_by_the_patient_in_oncall(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    clinic.change_visit(visit, by="patient", cancelled=True)
    clinic.pump()
    assert clinic.calls("drchrono") == [GET_DC, PATCH_DC]
    assert clinic.calls("oncall") == [GET_OC]
    assert clinic.mails() == [("cancellation", "patient")]
    assert clinic.appointment(appointment)["status"] == "Cancelled"
    assert "Cancelled by patient" in clinic.appointment(appointment)["notes"]


def test_cancelled_in_drchrono(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    clinic.edit(appointment, status="Cancelled")
    clinic.pump()
    assert clinic.calls("drchrono") == [GET_DC]
    assert clinic.calls("oncall") == [GET_OC, PATCH_OC, GET_OC]
    assert clinic.mails() == [("cancellation", "app")]
    assert clinic.visits() == []


def test_twenty_edits_within_the_settle_time(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    for minute in range(20):
        clinic.edit(appointment, scheduled_time=f"{wall(days=3, hour=17)[:14]}{minute:02}:00")
    clinic.pump()
    assert clinic.calls("drchrono") == [GET_DC]
    assert clinic.calls("oncall") == [GET_OC, PATCH_OC, GET_OC]
    assert clinic.mails() == [("change", "app")]


def test_booked_in_drchrono_person_known(clinic: Clinic) -> None:
    linked(clinic)
    clinic.book(scheduled_time=wall(days=5), patient=clinic.patient)
    clinic.pump()
    assert clinic.calls("drchrono") == [GET_DC, GET_PATIENT, PATCH_DC]
    assert clinic.calls("oncall") == [POST_OC, GET_OC]
    assert clinic.mails() == [("invitation", "app")]


def test_booked_in_drchrono_person_unknown(clinic: Clinic) -> None:
    clinic.book()
    clinic.pump()
    assert sorted(clinic.calls("drchrono")) == sorted(
        [GET_DC, GET_PATIENT, PATCH_DC, PATCH_PATIENT]
    )
    assert sorted(clinic.calls("oncall")) == sorted(
        [POST_OC, GET_OC, "GET /contacts/", "POST /contacts/"]
    )
    assert clinic.mails() == [("invitation", "app")]
    (visit,) = clinic.visits()
    (contact,) = clinic.of("oncall", "contacts")
    assert visit["participants"][0]["email"] == contact["email"] == "vera@mail.example"


def test_booked_in_oncall_person_known(clinic: Clinic) -> None:
    linked(clinic)
    clinic.invite()
    clinic.pump()
    assert clinic.calls("drchrono") == ["POST /api/appointments"]
    assert clinic.calls("oncall") == [GET_OC, PATCH_OC, GET_OC]
    assert clinic.mails() == [("invitation", "staff")]
    assert len(clinic.appointments()) == 2


def test_email_changed_in_drchrono(clinic: Clinic) -> None:
    linked(clinic)
    clinic.book(scheduled_time=wall(days=5), patient=clinic.patient)
    clinic.pump()
    clinic.forget()
    clinic.edit_patient(clinic.patient, email="vera.new@mail.example")
    clinic.pump()
    assert clinic.calls("drchrono") == [GET_PATIENT]
    # One contact, two open visits; each participant's echo is a bare hint and costs its GET.
    assert clinic.calls("oncall") == [
        "PATCH /contacts/ID/",
        "PATCH /participants/ID/",
        "PATCH /participants/ID/",
        GET_OC,
        GET_OC,
    ]
    assert clinic.mails() == [("invitation", "app"), ("invitation", "app")]
    emails = {p["email"] for v in clinic.visits() for p in v["participants"]}
    assert emails == {"vera.new@mail.example"}
    assert clinic.of("oncall", "contacts")[0]["email"] == "vera.new@mail.example"


def test_nothing_changed_costs_no_write(clinic: Clinic) -> None:
    linked(clinic)
    clinic.advance(3600)
    clinic.catch_up()
    calls = clinic.calls("drchrono") + clinic.calls("oncall")
    assert [c for c in calls if not c.startswith("GET ") and "_list" not in c] == []
    assert clinic.mails() == []
