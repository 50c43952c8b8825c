"""A read by id that is older than the object finds nothing: nobody is taken for gone at once.

DrChrono's and OnCall's reads may be some seconds behind; "stale" shows an object as it was before
its last change, which for a new one is not at all.
"""

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, name_of, slot, there

PATIENT = {"match": {"method": "GET", "path": r"^/api/patients/\d+$"}}
CONTACT = {"match": {"method": "GET", "path": r"^/contacts/\d+/$"}}


@pytest.mark.parametrize("times", [1, 2])
def test_a_new_chart_that_can_not_be_read_yet(clinic: Clinic, times: int) -> None:
    clinic.new_patient(**name_of(1))
    clinic.sandbox.faults("drchrono", {**PATIENT, "do": "stale", "times": times})
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(0)))
    clinic.settle()
    agree(clinic)
    assert clinic.attention() == []


def test_a_chart_that_can_not_be_read_while_its_contact_is_due(clinic: Clinic) -> None:
    clinic.new_patient(**name_of(1))
    # Two calls of the visit read it well; what reads it next is the person's own run.
    clinic.sandbox.faults(
        "oncall", {"match": {"method": "POST", "path": "^/contacts/"}, "do": "drop"}
    )
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(0)))
    clinic.pump()
    clinic.sandbox.faults("drchrono", {**PATIENT, "do": "status", "status": 404})
    clinic.settle()
    agree(clinic)


def test_a_contact_that_can_not_be_read_is_not_made_twice(clinic: Clinic) -> None:
    clinic.new_patient(**name_of(1))
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(0)))
    clinic.settle()
    clinic.advance(3 * 24 * 3600)
    clinic.sandbox.faults("oncall", {**CONTACT, "do": "stale"})
    clinic.edit_patient(clinic.patient, email="vera.new@mail.example")
    clinic.settle()
    agree(clinic)
    mine = [c for c in clinic.of("oncall", "contacts") if c["last_name"] == "LindqvistAb"]
    assert [c["email"] for c in mine] == ["vera.new@mail.example"]


def test_a_visit_whose_first_run_failed_and_that_can_not_be_read_at_its_next_turn(
    clinic: Clinic,
) -> None:
    clinic.new_patient(**name_of(1))
    clinic.linked(scheduled_time=here(slot(0)))
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.sandbox.faults(
        "drchrono", {"match": {"method": "POST", "path": "^/api/appointments$"}, "do": "drop"}
    )
    visit = clinic.invite(datetime=there(slot(1)), participants=[name_of(1)])
    clinic.pump()
    clinic.advance(90)
    clinic.sandbox.faults(
        "oncall", {"match": {"method": "GET", "path": f"^/appointments/{visit}/$"}, "do": "stale"}
    )
    clinic.settle(hours=1)
    agree(clinic)
    assert len(clinic.visits()) == 2


def test_one_that_is_gone_for_good_is_told(clinic: Clinic) -> None:
    clinic.new_patient(**name_of(1))
    clinic.sandbox.faults("drchrono", {**PATIENT, "do": "status", "status": 404, "times": None})
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(0)))
    clinic.settle()
    assert clinic.attention() == ["patient_gone"]
