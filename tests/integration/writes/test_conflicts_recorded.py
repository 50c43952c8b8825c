"""Record what both sides changed, once, whatever becomes of the write that decides it.

That a worker dies on the way is in `invariants/test_1_nothing_lost_killed.py`.
"""

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, slot, there
from tests.support.servers.killed_flows import stretch_on_both_sides, two_in_a_group

PATCH = {"match": {"method": "PATCH", "path": "^/appointments/"}}


def moved_on_both_sides(clinic: Clinic) -> str:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.change_visit(visit, datetime=there(slot(2)))
    return visit


@pytest.mark.parametrize("do", ["drop_after", "late", "status", "429", "drop", "garbage"])
def test_whatever_is_answered(clinic: Clinic, do: str) -> None:
    visit = moved_on_both_sides(clinic)
    clinic.sandbox.faults("oncall", {**PATCH, "do": do, "seconds": 0.1})
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(1))
    assert clinic.conflicts() == ["starts"]


@pytest.mark.parametrize("do", ["drop_after", "late", "429", "garbage"])
def test_of_a_group(clinic: Clinic, do: str) -> None:
    stands = two_in_a_group(clinic, 0)
    stretch_on_both_sides(clinic, stands)
    clinic.sandbox.faults("oncall", {**PATCH, "do": do, "seconds": 0.1})
    clinic.settle(hours=3)
    agree(clinic)
    assert clinic.visit(stands.visit)["duration"] == 50
    assert clinic.conflicts() == ["minutes"]
