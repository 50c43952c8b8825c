"""List what can be measured, in the order in which it is."""

from collections.abc import Callable, Mapping
from typing import Final

from bench.clinic import Clinic
from bench.figures import Figure
from bench.level import SMALL, level
from bench.sizes import Sizes
from bench.what.costs import costs
from bench.what.door import door
from bench.what.drain import at_once, workers
from bench.what.flood import flood
from bench.what.idle import idle
from bench.what.processes import processes
from tests.support.grown import Grown

Measure = Callable[[Clinic, Sizes], list[Figure]]


def grown(clinic: Clinic, sizes: Sizes) -> list[Figure]:
    """Whether anything takes longer in a database of some years: two of their own."""
    large = Grown(sizes.links, sizes.calls)
    small = SMALL if large.visits > SMALL.visits else Grown(large.visits // 2, large.calls // 2)
    return level((clinic.database,), small=small, large=large, rounds=sizes.rounds)


# So few processes are started anew, and what the door leaves no worker is to take.
WHAT: Final[Mapping[str, Measure]] = {
    "workers": workers,
    "at-once": at_once,
    "idle": idle,
    "flood": flood,
    "costs": costs,
    "processes": processes,
    "level": grown,
    "door": door,
}
# What is measured where nothing is named.
DEFAULT: Final = tuple(WHAT)
