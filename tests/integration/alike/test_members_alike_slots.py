"""A visit that we did not make has its slot as one of ours has: nobody is booked in it twice.

Matched at go-live, paired by hand, or joined because it was entered on both sides (ADR 0004,
invariant 2).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.operations.hand import pair
from tests.support.clinic import Clinic, open_clinic, wall
from tests.support.group_clinic import day
from tests.support.sandbox_client import Sandbox


@pytest.fixture
def clinic(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """A connected clinic with one patient that has not gone live; OnCall tells its provider."""
    with open_clinic(sandbox, sqlite_url, tmp_path) as opened:
        opened.sandbox.behaviours("oncall", returns_provider=True)
        opened.new_patient()
        yield opened


def ours(clinic: Clinic) -> None:
    clinic.go_live()
    clinic.book(**day())
    clinic.settle()


def matched(clinic: Clinic) -> None:
    clinic.book(**day())
    clinic.invite()
    clinic.go_live()
    clinic.settle()


def paired(clinic: Clinic) -> None:
    """Before either is heard of, so that they are not joined."""
    clinic.go_live()
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop", "times": 1})
    appointment, visit = clinic.book(**day()), clinic.invite()
    pair.pair(clinic.sync, "visit", appointment, visit)
    clinic.settle()


def joined(clinic: Clinic) -> None:
    clinic.go_live()
    clinic.book(**day())
    clinic.invite()
    clinic.settle()


WAYS = pytest.mark.parametrize("way", [ours, matched, paired, joined], ids=lambda way: way.__name__)
Way = Callable[[Clinic], None]


def stands_once(clinic: Clinic, way: Way) -> tuple[str, str]:
    way(clinic)
    (visit,), (appointment,) = clinic.visits(), clinic.appointments()
    assert clinic.attention() == []
    clinic.forget()
    return str(appointment["id"]), str(visit["id"])


@WAYS
def test_a_second_booking_in_drchrono_is_told_and_not_made(clinic: Clinic, way: Way) -> None:
    stands_once(clinic, way)
    clinic.book(**day(), exam_room=2, allow_overlapping=True)
    clinic.settle()
    assert clinic.attention() == ["slot_taken"]
    assert len(clinic.visits()) == 1
    assert (clinic.mails(), clinic.writes()) == ([], [])


@WAYS
def test_a_second_booking_in_oncall_is_told_and_not_made(clinic: Clinic, way: Way) -> None:
    stands_once(clinic, way)
    clinic.invite()
    clinic.settle()
    assert clinic.attention() == ["slot_taken"]
    assert len(clinic.appointments()) == 1
    assert clinic.writes() == []


@WAYS
def test_the_slot_moves_along_and_the_former_one_is_free(clinic: Clinic, way: Way) -> None:
    appointment, _ = stands_once(clinic, way)
    clinic.edit(appointment, scheduled_time=wall(days=6))
    clinic.settle()
    moved: dict[str, Any] = {"exam_room": 2, "allow_overlapping": True, "duration": 30}
    clinic.book(**moved, scheduled_time=wall(days=4))
    clinic.settle()
    assert len(clinic.visits()) == 2
    assert clinic.attention() == []
    clinic.book(**moved, scheduled_time=wall(days=6))
    clinic.settle()
    assert len(clinic.visits()) == 2
    assert clinic.attention() == ["slot_taken"]


@WAYS
def test_the_slot_is_free_when_the_visit_is_over(clinic: Clinic, way: Way) -> None:
    appointment, _ = stands_once(clinic, way)
    clinic.book(**day(), exam_room=2, allow_overlapping=True)
    clinic.settle()
    clinic.edit(appointment, status="Cancelled")
    clinic.settle()
    assert len(clinic.visits()) == 1
    assert clinic.attention() == []
