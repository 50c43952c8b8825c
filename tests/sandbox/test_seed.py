"""The seeded clinic: the same on every day but for its dates."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from sandbox import larger
from sandbox.world import Seed

MONDAY = date(2027, 3, 1)
SEEDS = [Seed(), Seed(number=5), Seed(doctors=4), Seed(name="empty")]


def undated(seed: Seed, today: date) -> tuple[Any, ...]:
    """A plan with each visit's weekday, counted from the start day, in place of its date."""
    plan = larger.plan(seed, today)
    ahead = [today + timedelta(days=one) for one in range(1, 15)]
    weekdays = [day for day in ahead if day.weekday() < 5]
    slots = [
        replace(
            slot,
            start=datetime.combine(
                MONDAY + timedelta(days=weekdays.index(slot.start.date())), slot.start.time()
            ),
        )
        for slot in plan.slots
    ]
    return slots, plan.patients, plan.contacts, plan.visits


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_who_has_which_visit_is_the_same_on_every_day(seed: Seed) -> None:
    first = undated(seed, MONDAY)
    for later in (1, 5, 6, 29, 305):
        assert undated(seed, MONDAY + timedelta(days=later)) == first


def test_another_number_is_another_clinic() -> None:
    assert undated(Seed(), MONDAY) != undated(Seed(number=2), MONDAY)
