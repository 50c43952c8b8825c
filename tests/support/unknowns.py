"""Try every unknown, among others or alone, many of them in one clinic.

`make test` deals them out twice, each time into other hands: a plain visit goes through both deals,
every kind of visit through the first, groups through the second. EVERY_POINT=1 takes each alone,
and seeded pairs, for all of them: a hand that fails is taken apart by it.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.clinic import Clinic, open_clinic
from tests.support.flows import NO_LIMITS
from tests.support.matrix import SEED, UNKNOWNS, Unknown, pairs
from tests.support.sandbox_client import Sandbox

HANDS = 9
EVERY = bool(os.environ.get("EVERY_POINT"))


def dealt() -> Iterator[tuple[Unknown, ...]]:
    """Deal all unknowns into HANDS, twice; no hand has two values of one switch.

    Those that are settings of ours are not among them: a clinic has them or not.
    """
    chance = random.Random(SEED)  # noqa: S311 - a test's choice, not a secret
    for _ in range(2):
        hands: list[list[Unknown]] = [[] for _ in range(HANDS)]
        for unknown in chance.sample(PLAIN, len(PLAIN)):
            fitting = [hand for hand in hands if not any(_apart(unknown, one) for one in hand)]
            min(fitting, key=len).append(unknown)
        yield from map(tuple, hands)


def _apart(one: Unknown, other: Unknown) -> bool:
    """Whether the two are not tried together.

    A refusal that names no field is not known to be about the provider: then no new visit is made,
    and staff are told (docs/what-syncs.md, Not yet).
    """
    return {one.switch, other.switch} <= {"provider_patch", "error_shape"} or (
        one.switch == other.switch
    )


EACH: list[tuple[Unknown, ...]] = [*((one,) for one in UNKNOWNS), *pairs()]
SETTINGS = [found for found in EACH if any(one.settings for one in found)]
PLAIN = [one for one in UNKNOWNS if not one.settings]
SETS = [one for one in EACH if one not in SETTINGS] if EVERY else [*dealt()]
FIRST, SECOND = (SETS, SETS) if EVERY else (SETS[:HANDS], SETS[HANDS:])
CLINICS = 3
# What only a catch-up meets.
OF_LISTS = {
    *("bulk_lists", "bulk_order_by", "bulk_page_limit", "bulk_polls", "page_size", "paging"),
    *("verbose_page_size", "list_lag_seconds", "envelope", "order", "status_on_list"),
    *("contacts_list_email", "email_filter"),
}


@contextmanager
def switched(clinic: Clinic, unknowns: tuple[Unknown, ...]) -> Iterator[bool]:
    """Have these switched in the block, which is told whether a catch-up could meet them."""
    remotes = {one.remote for one in unknowns}
    before = {remote: clinic.sandbox.state(remote)["behaviours"] for remote in remotes}
    for one in unknowns:
        clinic.sandbox.behaviours(one.remote, **{one.switch: one.value})
    try:
        yield any(one.switch in OF_LISTS for one in unknowns)
    except AssertionError as different:
        raise AssertionError(f"{' '.join(map(str, unknowns))}: {different}") from None
    for one in unknowns:
        value = before[one.remote][one.switch]
        clinic.sandbox.behaviours(one.remote, **{one.switch: value})


Tour = Callable[[Clinic, int, tuple[Unknown, ...], bool], None]


def under_each(
    sets: Sequence[tuple[Unknown, ...]], sandbox: Sandbox, url: str, home: Path, tour: Tour
) -> None:
    """Go through these in one clinic; at its end nothing is written any more.

    `tour` is given the clinic, the number of its round, what is switched, and whether a catch-up
    could meet that.
    """
    sandbox.behaviours("drchrono", bulk_polls=0, hourly_limit=100_000)
    with open_clinic(sandbox, url, home, **NO_LIMITS) as clinic:
        clinic.go_live()
        for at, unknowns in enumerate(sets):
            with switched(clinic, unknowns) as listed:
                tour(clinic, at, unknowns, listed)
        clinic.forget()
        clinic.whole_cycle()
        assert clinic.writes() == []
