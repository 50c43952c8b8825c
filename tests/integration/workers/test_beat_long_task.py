"""A task of the beat that takes minutes: a practice's lists may have hundreds of pages."""

from typing import cast

from sync.tasks import gaps, schedule
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
