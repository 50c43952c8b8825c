"""List what can be measured, in the order in which it is."""

from collections.abc import Callable, Mapping
from typing import Final

from bench.clinic import Clinic
from bench.figures import Figure
from bench.sizes import Sizes
from bench.what.costs import costs
from bench.what.door import door
from bench.what.drain import at_once, workers
from bench.what.flood import flood
from bench.what.idle import idle
from bench.what.processes import processes

Measure = Callable[[Clinic, Sizes], list[Figure]]


# So few processes are started anew, and what the door leaves no worker is to take.
WHAT: Final[Mapping[str, Measure]] = {
    "workers": workers,
    "at-once": at_once,
    "idle": idle,
    "flood": flood,
    "costs": costs,
    "processes": processes,
    "door": door,
}


def _level(database: str, sizes: Sizes) -> list[Figure]:
    """Do the same in a database of some years and in a small one, each made for it."""
    from bench.level import SMALL, level, of_years  # what the others need not load
    from tests.support.years.grown import Grown

    small, large, often = SMALL, of_years(sizes.links, sizes.calls), 1.0
    if sizes.links <= SMALL.visits:  # only to see that it can be measured
        small, large = (Grown(sizes.links // n, sizes.calls // n) for n in (2, 1))
        often = 0.05
    return level((database,), small=small, large=large, rounds=sizes.rounds, often=often)


# What makes practices of its own, after the clinic is closed.
ALONE: Final[Mapping[str, Callable[[str, Sizes], list[Figure]]]] = {"level": _level}
# What is measured where nothing is named.
DEFAULT: Final = (*WHAT, *ALONE)
