"""Measure what many webhooks of the same visits cost, against one of each.

Five edits of each visit, told of within the settle time, are one change: the same calls.
"""

import time
from dataclasses import replace

from bench.clinic import Clinic, Otherwise
from bench.figures import Figure
from bench.sizes import Sizes

_TIMES = 5


def flood(clinic: Clinic, sizes: Sizes) -> list[Figure]:
    """Tell of visits once and five times, in turn, while a worker is at it."""
    clinic.staffed(workers=1, otherwise={"web": _settling(sizes.settle)})
    single, many = [], []
    for _ in range(sizes.rounds):
        single.append(_drained(clinic, sizes.flooded, 1))
        many.append(_drained(clinic, sizes.flooded, _TIMES))
    visits = f"{_TIMES * sizes.flooded} webhooks of {sizes.flooded} visits"
    against = f"{sizes.flooded} single ones"
    both = list(zip(many, single, strict=True))
    calls = [(ours, least) for (ours, _), (least, _) in both]
    seconds = [(ours, least) for (_, ours), (_, least) in both]
    return [
        Figure.in_turn(f"{visits}: remote calls", clinic.database, against, calls, "1"),
        Figure.in_turn(f"{visits}: time until drained", clinic.database, against, seconds, "≤ 1.3"),
    ]


def _settling(seconds: float) -> Otherwise:
    """Have the door wait so long after the last webhook of a visit, as it ships."""
    setting = {"SETTLE_SECONDS": str(seconds)}
    return lambda process: replace(process, env={**process.env, **setting})


def _drained(clinic: Clinic, count: int, times: int) -> tuple[int, float]:
    """Edit so many visits so many times and tell of all; gives the calls, and the seconds."""
    visits = clinic.visits[:count]
    edits = []
    with clinic.untold():
        for _ in range(times):
            clinic.move(visits)
            edits.append(clinic.webhooks(visits))
    clinic.calls()
    begun = time.time()
    clinic.tell([told for one in zip(*edits, strict=True) for told in one])
    clinic.drained()
    calls = clinic.calls()
    return len(calls), max(call.end for call in calls) - begun
