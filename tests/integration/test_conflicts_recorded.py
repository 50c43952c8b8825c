"""What both sides changed is recorded whatever becomes of the write that decides it, and once."""

import pytest

from tests.integration.agreement import agree
from tests.integration.clinic import Clinic
from tests.integration.flows import here, slot, there
from tests.integration.mortal import Mortal

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


def test_killed_after_the_write(clinic: Clinic) -> None:
    moved_on_both_sides(clinic)
    clinic.sandbox.wait_idle()
    worker = Mortal(clinic, 100)
    sent = worker.sync.wire.send

    def dies_after_the_patch(request: object) -> object:
        answer = sent(request)  # type: ignore[arg-type]
        if getattr(request, "method", "") == "PATCH":
            worker._left = 0
        return answer

    worker.sync.wire.send = dies_after_the_patch  # type: ignore[assignment, method-assign]
    assert not worker.work(clinic)
    clinic.advance(60)
    clinic.settle()
    agree(clinic)
    assert clinic.conflicts() == ["starts"]
