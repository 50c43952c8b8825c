"""Keep one side of a group visit by hand: its time and length for all, or one member's state."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.operations.hand import keep
from sync.operations.hand.by_hand import NotPossibleError
from tests.support.clinic import Clinic, utc, wall
from tests.support.group_clinic import a_clinic_with_groups, booked, open_names, participant
from tests.support.templates import Templates

LATER = f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with a_clinic_with_groups(templates, tmp_path) as opened:
        yield opened


def unheard(clinic: Clinic) -> None:
    """Nobody tells us what is changed in OnCall next."""
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop", "times": 1})


@pytest.fixture
def moved(clinic: Clinic) -> tuple[Clinic, list[str], str]:
    """OnCall's time and length were changed: its appointments' ids, and the visit's."""
    _, appointments, visit = booked(clinic, 2)
    unheard(clinic)
    clinic.change_visit(visit, datetime=LATER, duration=45)
    clinic.forget()
    return clinic, appointments, visit


@pytest.mark.parametrize("kind", ["appointment", "oncall-appointment"])
def test_drchrono_overwrites_oncall_once(moved: tuple[Clinic, list[str], str], kind: str) -> None:
    clinic, appointments, visit = moved
    named = appointments[1] if kind == "appointment" else visit
    found = keep.keep_preview(clinic.sync, "drchrono", kind, named)
    assert found.lines == ("starts, minutes: written to oncall (2 mails)",)
    assert (found.mails, clinic.visit(visit)["datetime"]) == (2, LATER)
    keep.keep(clinic.sync, "drchrono", kind, named)
    clinic.settle()
    now = clinic.visit(visit)
    assert (now["datetime"], now["duration"]) == (f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}", 60)
    assert clinic.writes() == ["PATCH /appointments/ID/"]
    assert clinic.mails() == [("change", "app")] * 2
    assert {clinic.appointment(one)["scheduled_time"] for one in appointments} == {wall(days=3)}
    assert clinic.attention() == []


def test_oncall_overwrites_every_appointment(moved: tuple[Clinic, list[str], str]) -> None:
    clinic, appointments, visit = moved
    found = keep.keep_preview(clinic.sync, "oncall", "oncall-appointment", visit)
    assert found.lines == tuple(
        f"starts, minutes: written to appointment {one} (0 mails)" for one in appointments
    )
    keep.keep(clinic.sync, "oncall", "oncall-appointment", visit)
    clinic.settle()
    stand = [clinic.appointment(one) for one in appointments]
    assert {(one["scheduled_time"], one["duration"]) for one in stand} == {
        (wall(days=3, hour=18), 45)
    }
    assert clinic.writes() == ["PATCH /api/appointments/ID"] * 2
    assert (clinic.mails(), clinic.attention()) == ([], [])


@pytest.fixture
def cancelled(clinic: Clinic) -> tuple[Clinic, list[str], str]:
    """Omar's participant was cancelled in OnCall; his appointment stands."""
    _, appointments, visit = booked(clinic, 2)
    who = participant(clinic.visit(visit), "Omar")
    unheard(clinic)
    answer = clinic.sandbox.staff_oncall(
        "PATCH", f"/participants/{who['id']}/", {"cancelled": True}
    )
    assert answer.status_code == 200, answer.text
    clinic.forget()
    return clinic, appointments, visit


def test_a_member_s_appointment_is_kept_and_they_are_invited_again(
    cancelled: tuple[Clinic, list[str], str],
) -> None:
    clinic, appointments, visit = cancelled
    with pytest.raises(NotPossibleError, match="nothing to keep"):
        keep.keep_preview(clinic.sync, "drchrono", "appointment", appointments[0])
    found = keep.keep_preview(clinic.sync, "drchrono", "appointment", appointments[1], ("state",))
    assert found.lines == ("participants: added in oncall (1 mail)",)
    keep.keep(clinic.sync, "drchrono", "appointment", appointments[1], ("state",))
    clinic.settle()
    assert open_names(clinic.visit(visit)) == ["Omar", "Vera"]
    assert clinic.appointment(appointments[1])["status"] != "Cancelled"
    assert clinic.mails() == [("invitation", "app")]


def test_a_member_s_end_in_oncall_is_kept(cancelled: tuple[Clinic, list[str], str]) -> None:
    clinic, appointments, visit = cancelled
    found = keep.keep_preview(clinic.sync, "oncall", "oncall-appointment", visit)
    assert found.lines == (f"state: written to appointment {appointments[1]} (0 mails)",)
    keep.keep(clinic.sync, "oncall", "oncall-appointment", visit)
    clinic.settle()
    assert [clinic.appointment(one)["status"] for one in appointments] == ["", "Cancelled"]
    assert (open_names(clinic.visit(visit)), clinic.mails()) == (["Vera"], [])


@pytest.fixture
def apart(clinic: Clinic) -> tuple[Clinic, list[str], str]:
    """One appointment of three was moved, and nobody told us."""
    _, appointments, visit = booked(clinic, 3)
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    clinic.edit(appointments[0], scheduled_time=wall(days=3, hour=18))
    clinic.forget()
    return clinic, appointments, visit


def test_one_that_stands_alone_is_brought_back_to_the_visit(
    apart: tuple[Clinic, list[str], str],
) -> None:
    clinic, appointments, visit = apart
    found = keep.keep_preview(clinic.sync, "oncall", "appointment", appointments[0])
    keep.keep(clinic.sync, "oncall", "appointment", appointments[0])
    clinic.settle()
    assert {clinic.appointment(one)["scheduled_time"] for one in appointments} == {wall(days=3)}
    assert found.lines == (f"starts: written to appointment {appointments[0]} (0 mails)",)
    assert clinic.writes() == ["PATCH /api/appointments/ID"]
    assert len(open_names(clinic.visit(visit))) == 3


def test_one_that_stands_alone_leaves_when_it_is_kept(
    apart: tuple[Clinic, list[str], str],
) -> None:
    clinic, appointments, _ = apart
    found = keep.keep_preview(clinic.sync, "drchrono", "appointment", appointments[0])
    assert found.lines == (
        f"the participant of appointment {appointments[0]}: cancelled in oncall (1 mail)",
        f"appointment {appointments[0]}: gets a visit of its own (1 mail)",
    )
    assert (found.mails, clinic.writes()) == (2, [])
