"""Take a group visit apart by hand: the whole of it, or one member."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.operations.hand import by_hand
from tests.support.clinic import Clinic
from tests.support.group_clinic import a_clinic_with_groups, booked, open_names
from tests.support.templates import Templates


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with a_clinic_with_groups(templates, tmp_path) as opened:
        yield opened


def test_a_group_and_its_visit_are_each_their_own(clinic: Clinic) -> None:
    _, appointments, visit = booked(clinic, 2)
    found = by_hand.unlink_preview(clinic.sync, "oncall-appointment", visit)
    assert found.mails == 2
    assert (
        f"a new OnCall visit is made for appointments {', '.join(appointments)}" in found.lines[1]
    )
    assert clinic.writes() == []
    by_hand.unlink(clinic.sync, "oncall-appointment", visit)
    clinic.settle()
    clinic.catch_up()
    (new,) = [one for one in clinic.visits() if str(one["id"]) != visit]
    assert open_names(new) == open_names(clinic.visit(visit)) == ["Omar", "Vera"]
    assert clinic.mails() == [("invitation", "app")] * 2
    # The same patients at the same time twice: a person is told, nobody is booked double.
    assert sorted(one["id"] for one in clinic.appointments()) == sorted(appointments)
    assert clinic.attention() == ["slot_taken"]
    clinic.edit(appointments[1], status="Cancelled")
    clinic.settle()
    assert open_names(clinic.visit(str(new["id"]))) == ["Vera"]
    assert open_names(clinic.visit(visit)) == ["Omar", "Vera"]


def test_a_member_taken_out_has_a_visit_of_their_own(clinic: Clinic) -> None:
    _, appointments, visit = booked(clinic, 3)
    found = by_hand.unlink_preview(clinic.sync, "appointment", appointments[1])
    assert found.mails == 1
    assert "its participant stays" in found.lines[2]
    by_hand.unlink(clinic.sync, "appointment", appointments[1])
    clinic.settle()
    clinic.catch_up()
    (new,) = [one for one in clinic.visits() if str(one["id"]) != visit]
    assert open_names(new) == ["Omar"]
    assert open_names(clinic.visit(visit)) == ["Ines", "Omar", "Vera"]
    assert clinic.mails() == [("invitation", "app")]
    assert sorted(one["id"] for one in clinic.appointments()) == sorted(appointments)
    assert clinic.attention() == ["slot_taken"]
    clinic.edit(appointments[1], duration=45)
    clinic.settle()
    assert clinic.visit(str(new["id"]))["duration"] == 45
    assert clinic.visit(visit)["duration"] == 60
