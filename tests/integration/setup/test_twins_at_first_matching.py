"""A finished twin in the slot of an open appointment is nobody's counterpart, in whatever order.

After somanoetic/gcal-drchrono-sync (ca303c7, 87bbed1, 304e6f1): an appointment that was cancelled
or rescheduled stayed on the schedule in the same minute as the real one, and won.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.matching import preview
from tests.support.clinic import Clinic, open_clinic, utc, wall
from tests.support.sandbox_client import Sandbox

START = wall(days=4)


@pytest.fixture
def waiting(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """A connected clinic before its first matching: one patient, no webhooks of what stands."""
    with open_clinic(sandbox, sqlite_url, tmp_path, go_live="ask") as clinic:
        clinic.sandbox.behaviours("oncall", returns_provider=True)
        clinic.new_patient()
        for remote in ("drchrono", "oncall"):
            clinic.sandbox.faults(remote, webhooks={"mode": "drop"})
        yield clinic


def live(clinic: Clinic) -> preview.GoLivePreview:
    clinic.sandbox.wait_idle()
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote)
    clinic.forget()
    found = preview.preview(clinic.sync)
    clinic.beat("matching")
    preview.accept(clinic.sync)
    clinic.settle()
    clinic.catch_up()
    return found


def twins(clinic: Clinic, first: str, second: str) -> tuple[str, str]:
    """Two appointments of one patient in one slot, made in this order, by their status."""
    ids = [
        clinic.book(scheduled_time=START, allow_overlapping=True, status=status)
        for status in (first, second)
    ]
    return (ids[0], ids[1])


@pytest.mark.parametrize("finished", ["Cancelled", "Rescheduled", "No Show", "Complete"])
@pytest.mark.parametrize("finished_first", [True, False])
def test_the_open_one_is_linked(waiting: Clinic, finished: str, finished_first: bool) -> None:
    order = (finished, "") if finished_first else ("", finished)
    ids = twins(waiting, *order)
    over, open_ = ids if finished_first else ids[::-1]
    visit = waiting.invite()
    found = live(waiting)
    assert (found.visits_matched, found.mails, found.to_decide) == (1, 0, {})
    assert [v["id"] for v in waiting.visits()] == [visit]
    assert f"o={open_}" in str(waiting.visit(visit)["metadata"])
    assert waiting.mails() == []
    assert waiting.attention() == []
    assert waiting.appointment(over)["status"] == finished
    assert waiting.appointment(open_)["status"] == ""


def test_a_rescheduled_one_and_its_clone_in_one_slot_are_one_candidate(waiting: Clinic) -> None:
    original = waiting.book(scheduled_time=START, allow_overlapping=True)
    body = {"id": original, "scheduled_time": START}
    clone = str(waiting.sandbox.control("drchrono", "clone", body)["id"])
    visit = waiting.invite()
    found = live(waiting)
    assert (found.visits_matched, found.create_in_oncall, found.to_decide) == (1, 0, {})
    assert [v["id"] for v in waiting.visits()] == [visit]
    assert f"o={clone}" in str(waiting.visit(visit)["metadata"])
    assert waiting.mails() == []
    assert waiting.attention() == []


def test_a_clone_at_another_time_moves_the_visit_of_its_original(waiting: Clinic) -> None:
    original = waiting.book(scheduled_time=START)
    body = {"id": original, "scheduled_time": wall(days=5)}
    clone = str(waiting.sandbox.control("drchrono", "clone", body)["id"])
    visit = waiting.invite()
    live(waiting)
    assert [v["id"] for v in waiting.visits()] == [visit]
    assert waiting.visit(visit)["datetime"] == f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}"
    assert f"o={clone}" in str(waiting.visit(visit)["metadata"])
    assert waiting.mails() == [("change", "app")]
    assert waiting.attention() == []


def test_what_was_cancelled_from_its_birth_makes_nothing(waiting: Clinic) -> None:
    waiting.book(scheduled_time=START, status="Cancelled")
    found = live(waiting)
    assert (found.create_in_oncall, found.mails) == (0, 0)
    waiting.book(scheduled_time=wall(days=6), status="Cancelled")
    waiting.settle()
    waiting.catch_up()
    assert waiting.visits() == []
    assert waiting.mails() == []
    assert waiting.attention() == []
