"""Each side changed another field, and one run carries both: a baseline moves with its own change.

What OnCall answers to our write shows the whole visit, with edits that nobody has carried yet.
"""

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, slot, there
from tests.support.meanwhile import meanwhile
from tests.support.servers.killed_flows import two_in_a_group

FAILS = pytest.mark.parametrize("do", ["drop", "garbage", "status", "429", "drop_after"])
CHANGES = {"match": {"method": "PATCH", "path": "^/api/appointments/"}, "seconds": 0.1}
PATCH = ("oncall", "PATCH", "^/appointments/")


def cancel(clinic: Clinic, visit: str) -> None:
    """The first patient of a visit cancels."""
    who = clinic.visit(visit)["participants"][0]["id"]
    clinic.sandbox.patient_oncall("PATCH", f"/participants/{who}/", {"cancelled": True})


@FAILS
def test_oncall_s_change_outlives_a_failed_write(clinic: Clinic, do: str) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.change_visit(visit, duration=45)
    clinic.sandbox.faults("drchrono", {**CHANGES, "do": do})
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(1))
    assert clinic.appointment(appointment)["duration"] == 45
    assert clinic.conflicts() == []


def test_an_edit_between_our_read_and_our_write_is_carried(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    with meanwhile(clinic, PATCH, before=lambda: clinic.change_visit(visit, duration=45)):
        clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(1))
    assert clinic.appointment(appointment)["duration"] == 45


def test_a_patient_s_own_cancellation_before_our_write_is_carried(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, duration=45)
    with meanwhile(clinic, PATCH, before=lambda: cancel(clinic, visit)):
        clinic.settle()
    agree(clinic)
    assert clinic.appointment(appointment)["status"] == "Cancelled"


def longer_group(clinic: Clinic) -> tuple[str, list[str]]:
    """A group of two that was just made longer in DrChrono: its visit, and its appointments."""
    stands = two_in_a_group(clinic, 0)
    booked = stands.appointment.split(",")
    for one in booked:
        clinic.edit(one, duration=45)
    return stands.visit, booked


@FAILS
def test_of_a_group(clinic: Clinic, do: str) -> None:
    visit, booked = longer_group(clinic)
    clinic.change_visit(visit, datetime=there(slot(1)))
    clinic.sandbox.faults("drchrono", {**CHANGES, "do": do})
    clinic.settle(hours=3)
    agree(clinic)
    assert clinic.visit(visit)["duration"] == 45
    assert {clinic.appointment(one)["scheduled_time"] for one in booked} == {here(slot(1))}


@FAILS
def test_one_who_cancelled_while_the_group_was_made_longer(clinic: Clinic, do: str) -> None:
    visit, booked = longer_group(clinic)
    cancel(clinic, visit)
    clinic.sandbox.faults("drchrono", {**CHANGES, "do": do})
    clinic.settle(hours=3)
    agree(clinic)
    assert sorted(clinic.appointment(one)["status"] for one in booked) == ["", "Cancelled"]
    assert clinic.visit(visit)["duration"] == 45
