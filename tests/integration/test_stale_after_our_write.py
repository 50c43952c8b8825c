"""A read that is older than our own write is nobody's edit: it is looked at again."""

import pytest

from tests.integration.agreement import agree
from tests.integration.clinic import Clinic
from tests.integration.flows import here, slot, there

HERE = {"match": {"method": "GET", "path": r"^/api/appointments/\d+$"}, "do": "stale"}
THERE = {"match": {"method": "GET", "path": r"^/appointments/\d+/$"}, "do": "stale"}


@pytest.mark.parametrize("echo", ["deliver", "drop"])
def test_drchrono_shows_what_was_before_our_write(clinic: Clinic, echo: str) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.sandbox.faults("drchrono", webhooks={"mode": echo, "times": 1})
    clinic.change_visit(visit, datetime=there(slot(1)))
    clinic.settle()
    clinic.forget()
    clinic.sandbox.faults("drchrono", HERE)
    clinic.change_visit(visit, datetime=there(slot(2)))
    clinic.settle()
    agree(clinic)
    assert clinic.appointment(appointment)["scheduled_time"] == here(slot(2))
    assert clinic.mails() == [("change", "staff")]
    assert clinic.conflicts() == []


def test_oncall_shows_what_was_before_our_write(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.sandbox.faults("oncall", webhooks={"mode": "hold"})
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.settle()
    clinic.sandbox.faults("oncall", THERE, webhooks={"mode": "deliver"})
    clinic.sandbox.control("oncall", "release", {})
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(1))
    assert clinic.mails() == [("change", "app")]


def test_moved_back_at_once_by_a_person_is_believed(clinic: Clinic) -> None:
    """10:00 → 11:00 by our write, → 10:00 by staff in OnCall: the second look shows the same."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.settle()
    clinic.change_visit(visit, datetime=there(slot(0)))
    clinic.settle()
    agree(clinic)
    assert clinic.appointment(appointment)["scheduled_time"] == here(slot(0))
