"""A task of the beat that takes minutes: a practice's lists may have hundreds of pages."""

from typing import Any, cast

import pytest
from sqlalchemy.exc import NoResultFound, OperationalError, SQLAlchemyError

from sync.intake import oncall_lists
from sync.runtime import Ring, Sync
from sync.store import races
from sync.store.tables import scans
from sync.tasks import failing, gaps, schedule
from tests.support.clinic import Clinic, SilentBell
from workers import beat
from workers.bell import Bell

LISTS = {"oncall_walk", "oncall_contacts", "drchrono_window"}


def five_minutes(clinic: Clinic, sweeper: beat.Sweeper | None) -> set[str]:
    """The lists that are due after a task of five minutes beside which somebody sweeps, or not."""
    while schedule.due_tasks(clinic.sync):
        pass
    for _ in range(10):
        clinic.advance(30)
        if sweeper is not None:
            sweeper._beaten = float("-inf")  # the real seconds that a heartbeat is written after
            assert sweeper.once()
    gaps.after_a_gap(clinic.sync)
    return LISTS & set(schedule.due_tasks(clinic.sync))


def test_a_long_task_is_no_gap_after_which_all_is_read_again(clinic: Clinic) -> None:
    sweeper = beat.Sweeper(clinic.sync, cast("Bell", SilentBell()))
    assert five_minutes(clinic, sweeper) == set()
    # Without a beat it is one, and one that has been is not covered up by the next sweep.
    assert five_minutes(clinic, None) == LISTS
    while schedule.due_tasks(clinic.sync):
        pass
    clinic.advance(300)
    sweeper._beaten = float("-inf")
    assert sweeper.once()
    gaps.after_a_gap(clinic.sync)
    assert LISTS & set(schedule.due_tasks(clinic.sync)) == LISTS


def test_what_a_gap_makes_due_are_tasks_and_every_list_is_among_them():
    lists = {name for name in schedule.TASKS if name.startswith(("drchrono_", "oncall_"))}
    assert {*lists, "window"} == gaps.AFTER_MATCHING
    assert set(schedule.TASKS) >= gaps.AFTER_MATCHING


def due_after(clinic: Clinic, seconds: float) -> bool:
    """Whether the nightly walk is due so many seconds from now, while a beat sweeps on."""
    sweeper = beat.Sweeper(clinic.sync, cast("Bell", SilentBell()))
    for _ in range(int(seconds // 30)):
        clinic.advance(30)
        sweeper._beaten = float("-inf")
        assert sweeper.once()
    return "oncall_walk" in schedule.due_tasks(clinic.sync)


def due_in_a_day(clinic: Clinic) -> bool:
    """The same after a day in which nobody swept, which is noticed first."""
    clinic.advance(25 * 3600)
    due = set(schedule.due_tasks(clinic.sync))
    return "oncall_walk" in due | set(schedule.due_tasks(clinic.sync))


def test_a_beat_that_died_in_a_nightly_task_puts_it_off_by_an_hour(clinic: Clinic) -> None:
    """Its tick was taken, and nothing came of it; once it has ended it is due in a day."""
    assert due_in_a_day(clinic)
    assert not due_after(clinic, 50 * 60)
    assert due_after(clinic, 11 * 60)
    schedule.run(clinic.sync, "oncall_walk")
    assert not due_after(clinic, 3 * 3600)
    assert due_in_a_day(clinic)


@pytest.mark.parametrize("state", ["40P01", None], ids=["a deadlock", "a row that was taken away"])
def test_a_nightly_task_that_met_another_s_transaction_is_tried_again_soon(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, state: str | None
) -> None:
    def meets(_sync: Sync) -> tuple[Ring, ...]:
        if state is None:
            raise NoResultFound
        cause = Exception()
        cause.sqlstate = state  # type: ignore[attr-defined]
        raise OperationalError("", None, cause)

    every = schedule.TASKS["oncall_walk"].every_seconds
    broken = schedule.Task(every, failing.telling("oncall_walk", every, meets))
    assert due_in_a_day(clinic)
    with monkeypatch.context() as patch:
        patch.setattr(schedule, "TASKS", {**schedule.TASKS, "oncall_walk": broken})
        with pytest.raises(SQLAlchemyError):
            schedule.run(clinic.sync, "oncall_walk")
    assert due_after(clinic, 10 * 60)


def test_a_page_that_meets_another_s_transaction_is_done_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.linked()
    looks, tries = oncall_lists.look_at, []

    def meets(*args: Any, **kwargs: Any) -> Any:
        tries.append(1)
        if len(tries) < races.TIMES:
            raise NoResultFound
        return looks(*args, **kwargs)

    monkeypatch.setattr(oncall_lists, "look_at", meets)
    clinic.beat("oncall_walk")
    assert len(tries) == races.TIMES
    assert scans.progress(clinic.sync.store, "oncall_walk").done_at is not None
    with pytest.raises(NoResultFound):
        races.again(clinic.sync.store, lambda _conn: raising(NoResultFound()))
    with pytest.raises(ValueError, match="other"):
        races.again(clinic.sync.store, lambda _conn: raising(ValueError("other")))


def raising(failure: Exception) -> None:
    raise failure
