"""Invariant 8, finished is finished: no late event revives a visit; the record can open it anew.

R… are rules of docs/rules.md.
"""

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, slot, there

OVER = ["Cancelled", "No Show", "Complete"]


def _deliveries(clinic: Clinic, remote: str = "drchrono") -> list[str]:
    return [d["delivery"] for d in clinic.sandbox.webhooks(remote)["deliveries"]]


@pytest.mark.parametrize("status", OVER)
def test_late_and_redelivered_events(clinic: Clinic, status: str) -> None:
    appointment, visit = clinic.linked()
    clinic.edit(appointment, duration=50)
    clinic.settle()
    clinic.edit(appointment, status=status)
    clinic.settle()
    cancelled = clinic.visit(visit)["cancelled"]
    clinic.forget()
    for delivery in _deliveries(clinic):
        clinic.sandbox.control("drchrono", "redeliver", {"delivery": delivery})
    clinic.settle()
    clinic.whole_cycle()
    assert clinic.writes() == []
    assert clinic.mails() == []
    assert clinic.appointment(appointment)["status"] == status
    assert clinic.visit(visit)["cancelled"] == cancelled == (status == "Cancelled")


def test_completing_and_no_show_charge_nobody(clinic: Clinic) -> None:
    """Such writes can charge the patient: off unless the operator turns them on (R30)."""
    appointment, visit = clinic.linked()
    clinic.edit(appointment, status="No Show")
    clinic.settle()
    assert clinic.visit(visit)["status"] == "Incomplete"
    assert clinic.writes() == []


@pytest.mark.parametrize(("word", "expected"), [("Complete", "Complete"), ("No show", "No Show")])
def test_ended_in_oncall(clinic: Clinic, word: str, expected: str) -> None:
    appointment, visit = clinic.linked()
    clinic.change_visit(visit, status=word)
    clinic.settle()
    assert clinic.appointment(appointment)["status"] == expected
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []


def test_an_edit_of_a_cancelled_visit_changes_nothing(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.change_visit(visit, by="patient", cancelled=True)
    clinic.settle()
    clinic.forget()
    clinic.change_visit(visit, datetime=there(slot(3)))
    clinic.settle()
    assert clinic.writes() == []
    assert clinic.appointment(appointment)["scheduled_time"] == here(slot(0))


def test_deleted_before_it_was_linked(clinic: Clinic) -> None:
    """The deletion overtakes the creation: the tombstone stays, nothing is made."""
    clinic.sandbox.faults("drchrono", webhooks={"mode": "hold"})
    appointment = clinic.book(patient=clinic.patient)
    clinic.delete(appointment)
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    clinic.sandbox.control("drchrono", "release", {"order": "reverse"})
    clinic.settle()
    clinic.whole_cycle()
    agree(clinic)
    assert clinic.of("oncall", "appointments") == []
    assert clinic.mails() == []


@pytest.mark.parametrize("shown", ["404", "flagged"])
def test_deleted_and_seen_by_the_scan_only(clinic: Clinic, shown: str) -> None:
    clinic.sandbox.behaviours("drchrono", delete_get=shown, bulk_polls=0)
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.delete(appointment)
    clinic.settle()
    clinic.whole_cycle()
    agree(clinic)
    assert clinic.visit(visit)["cancelled"]
    assert clinic.mails() == [("cancellation", "app")]


def test_a_403_is_not_a_deletion(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    match = {"method": "GET", "path": "^/api/appointments/"}
    clinic.sandbox.faults("drchrono", {"match": match, "do": "status", "status": 403})
    clinic.edit(appointment, duration=50)
    clinic.settle()
    assert not clinic.visit(visit)["cancelled"]
    assert clinic.mails() == []


def test_open_again_in_the_record_is_a_new_visit(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, status="Cancelled")
    clinic.settle()
    clinic.forget()
    clinic.edit(appointment, status="Confirmed")
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["cancelled"]
    assert [v["id"] for v in clinic.visits()] != [visit]
    assert clinic.mails() == [("invitation", "app")]
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []


def test_open_again_twice(clinic: Clinic) -> None:
    appointment, _ = clinic.linked(scheduled_time=here(slot(0)))
    for _ in range(2):
        clinic.edit(appointment, status="Cancelled")
        clinic.settle()
        clinic.edit(appointment, status="")
        clinic.settle()
        agree(clinic)
    assert sorted(clinic.mails()) == [("cancellation", "app")] * 2 + [("invitation", "app")] * 2


def test_another_patient_on_the_same_appointment(clinic: Clinic) -> None:
    """The old OnCall visit is cancelled, the other patient gets one of their own (R35)."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    other = clinic.new_patient(first_name="Nils", last_name="Aho", email="nils@mail.example")
    clinic.edit(appointment, patient=other)
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["cancelled"]
    assert clinic.mails() == [("cancellation", "app"), ("invitation", "app")]


def test_uncancelled_in_oncall_is_told_not_followed(clinic: Clinic) -> None:
    """Terminal there; DrChrono is the record and stays cancelled."""
    clinic.sandbox.behaviours("oncall", uncancel=True)
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, status="Cancelled")
    clinic.settle()
    clinic.forget()
    clinic.change_visit(visit, cancelled=False)
    clinic.settle()
    assert clinic.appointment(appointment)["status"] == "Cancelled"
    assert "PATCH /api/appointments/ID" not in clinic.calls("drchrono")
