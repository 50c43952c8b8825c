"""Limit reads of unknown ids: bursts, floods and what is given back."""

import pytest

from sync.core.bucket import SOON, UNLIMITED, Level, Rates, rates


def reads(buckets: Rates, seconds: float, *, honest: bool = False) -> int:
    """How many of ids that are told without end get a token in so many seconds."""
    level, read = buckets.full, 0
    for _tick in range(int(seconds * 2)):
        while level.may:
            level, read = level.taken(), read + 1
            if honest:
                level = buckets.given_back(level)
                break
        level = buckets.later(level, 0.5)
    return read


@pytest.mark.parametrize(("limit", "share"), [(500, 0.15), (500, 0.3), (100, 0.15), (None, 0.15)])
def test_no_hour_sees_more_than_one_and_a_half_of_the_share(
    limit: int | None, share: float
) -> None:
    found = reads(rates(limit, share), 3600)
    assert found <= 1.5 * (limit or UNLIMITED) * share + 1


def test_a_burst_of_ten_goes_at_once_and_a_flood_a_few_a_second() -> None:
    buckets = rates(500, 0.15)
    assert reads(buckets, 0.5) == SOON.most
    assert reads(buckets, 10) <= SOON.most + 20


def test_honest_ids_use_up_nothing() -> None:
    buckets = rates(500, 0.15)
    assert reads(buckets, 3600, honest=True) == 7200
    assert buckets.given_back(buckets.full) == buckets.full


def test_a_clock_that_is_set_back_adds_and_takes_nothing() -> None:
    buckets = rates(500, 0.15)
    assert buckets.later(Level(3, 4), -50) == Level(3, 4)


def test_calm_is_while_half_of_the_share_is_left() -> None:
    buckets = rates(500, 0.16)
    assert buckets.is_calm(buckets.full)
    assert buckets.is_calm(Level(1, 20))
    assert not buckets.is_calm(Level(12, 19))
