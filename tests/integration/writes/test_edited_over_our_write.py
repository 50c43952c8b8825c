"""A write whose outcome nobody told us, and somebody who edits the same field after it.

What they put there is the later of the two: it was not there when we read the field before we
wrote. So it is carried, and the patient is told of each edit once (ADR 0035).
"""

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, slot, there
from tests.support.servers.killed_flows import two_in_a_group

PATCH = {"match": {"method": "PATCH", "path": "^/appointments/"}}
HERE = {"method": "PATCH", "path": "^/api/appointments/"}
# Whether our write has landed: nobody tells us.
UNKNOWN = pytest.mark.parametrize("do", ["drop_after", "drop"], ids=["landed", "lost"])


def moved_with_no_answer(clinic: Clinic, do: str) -> tuple[str, str]:
    """A visit moved in DrChrono whose write to OnCall has no known outcome; nothing told of it."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    webhooks = {"mode": "drop", "times": 1} if do == "drop_after" else None
    clinic.sandbox.faults("oncall", {**PATCH, "do": do}, webhooks=webhooks)
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.pump()
    return appointment, visit


@UNKNOWN
def test_the_later_edit_is_carried(clinic: Clinic, do: str) -> None:
    appointment, visit = moved_with_no_answer(clinic, do)
    clinic.change_visit(visit, datetime=there(slot(2)))
    clinic.settle()
    agree(clinic)
    assert clinic.appointment(appointment)["scheduled_time"] == here(slot(2))
    mails = [("change", "app")] if do == "drop_after" else []
    assert clinic.mails() == [*mails, ("change", "staff")]
    assert clinic.conflicts() == ["starts"]


@UNKNOWN
def test_edited_on_the_other_side_once_more(clinic: Clinic, do: str) -> None:
    """Then both sides changed since, and the system of record's value goes."""
    appointment, visit = moved_with_no_answer(clinic, do)
    clinic.change_visit(visit, datetime=there(slot(2)))
    clinic.edit(appointment, scheduled_time=here(slot(3)))
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(3))
    assert clinic.conflicts() == ["starts"]


@UNKNOWN
def test_another_field_is_no_later_edit(clinic: Clinic, do: str) -> None:
    appointment, visit = moved_with_no_answer(clinic, do)
    clinic.change_visit(visit, duration=50)
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(1))
    assert clinic.appointment(appointment)["duration"] == 50
    assert clinic.conflicts() == []


@UNKNOWN
def test_the_other_way_with_oncall_as_the_record(clinic: Clinic, do: str) -> None:
    file = clinic.settings.mapping_file
    file.write_text(file.read_text() + '\n[policy]\nsystem_of_record = "oncall"\n')
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    webhooks = {"mode": "drop", "times": 1} if do == "drop_after" else None
    clinic.sandbox.faults("drchrono", {"match": HERE, "do": do}, webhooks=webhooks)
    clinic.change_visit(visit, datetime=there(slot(1)))
    clinic.pump()
    clinic.edit(appointment, scheduled_time=here(slot(2)))
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(2))
    assert clinic.conflicts() == ["starts"]


@UNKNOWN
def test_a_group_s_visit(clinic: Clinic, do: str) -> None:
    stands = two_in_a_group(clinic, 0)
    webhooks = {"mode": "drop", "times": 1} if do == "drop_after" else None
    clinic.sandbox.faults("oncall", {**PATCH, "do": do}, webhooks=webhooks)
    for one in stands.appointment.split(","):
        clinic.edit(one, scheduled_time=here(slot(1)))
    clinic.pump()
    clinic.change_visit(stands.visit, datetime=there(slot(2)))
    clinic.settle(hours=3)
    agree(clinic)
    assert clinic.visit(stands.visit)["datetime"] == there(slot(2))


def test_an_older_copy_is_no_later_edit(clinic: Clinic) -> None:
    """What a copy from before it all shows, it shows no more a minute after our write."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.change_visit(visit, datetime=there(slot(2)))
    clinic.settle()
    clinic.advance(90)
    stale = {"match": {"method": "GET", "path": f"^/appointments/{visit}/$"}, "do": "stale"}
    clinic.sandbox.faults("oncall", {**PATCH, "do": "drop"})
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.pump()
    clinic.sandbox.faults("oncall", {**stale, "times": 2})
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(1))
    assert clinic.conflicts() == []
