"""Measure how fast waiting changes are drained: at once by one process, and late by several.

Visits are moved in DrChrono while no webhook is delivered; then all are told of at once, to workers
that are up and have nothing else to do.
"""

from collections.abc import Sequence

from bench.clinic import Clinic, Visit
from bench.figures import Figure
from bench.floor.session import replay
from bench.journal import Call, span
from bench.sizes import Sizes


def at_once(clinic: Clinic, sizes: Sizes) -> list[Figure]:
    """Drain while remotes answer at once, and make the same calls by a bare session."""
    visits = clinic.visits[: sizes.at_once]
    clinic.staffed(workers=1)
    ours, floor, counts = [], [], []
    for _ in range(sizes.rounds):
        before = _times(clinic, visits)
        calls = _drain(clinic, visits, late=0)
        ours.append(span(calls))
        counts.append(len(calls))
        floor.append(_again(clinic, calls, before))
    return [
        Figure(
            "changes drained a second, one process, remotes at once",
            clinic.database,
            "one bare session's, same calls",
            [least / took for took, least in zip(ours, floor, strict=True)],
            "≥ 0.5",
            raw={
                "changes": len(visits),
                "calls": counts,
                "ours_a_second": [len(visits) / took for took in ours],
                "floor_a_second": [len(visits) / took for took in floor],
                "floor_ms_a_call": [1000 * f / n for f, n in zip(floor, counts, strict=True)],
            },
        )
    ]


def _times(clinic: Clinic, visits: Sequence[Visit]) -> dict[str, str]:
    rows = clinic.rows("oncall", "appointments")
    return {one.oncall: rows[one.oncall]["datetime"] for one in visits}


def _again(clinic: Clinic, calls: list[Call], before: dict[str, str]) -> float:
    """Put the visits back where they were, and have a bare session move them again."""
    after = clinic.rows("oncall", "appointments")
    bodies = {
        ("oncall", f"/appointments/{visit}/"): f'{{"datetime":"{after[visit]["datetime"]}"}}'
        for visit in before
    }
    with clinic.untold():
        for visit, at in before.items():
            clinic.put_in_oncall(visit, at)
        took = replay(clinic, calls, bodies)
    clinic.calls()  # those were none of the service's
    return took


def workers(clinic: Clinic, sizes: Sizes) -> list[Figure]:
    """Drain while each answer is late, by several processes and by one, in turn."""
    visits = clinic.visits[: sizes.waiting]
    rates: dict[int, list[float]] = {}
    flying: dict[int, list[float]] = {}
    for _ in range(sizes.late_rounds):
        for processes in sorted(sizes.processes, reverse=True):  # all run at first
            clinic.staffed(processes)
            calls = _drain(clinic, visits, sizes.late)
            seconds = span(calls)
            rates.setdefault(processes, []).append(len(visits) / seconds)
            own = sum(call.seconds for call in calls)
            flying.setdefault(processes, []).append(own / seconds / processes)
    one, *more = sizes.processes
    late = f"answers after {sizes.late * 1000:.0f} ms"
    figures = [
        Figure(
            f"changes in flight of each process: {processes}, {late}",
            clinic.database,
            "one change's own remote time",
            flying[processes],
            "≥ 8",
            raw={"changes": len(visits), "a_second": rates[processes]},
        )
        for processes in sizes.processes
    ]
    figures += [
        Figure(
            f"changes drained a second: {processes} processes, {late}",
            clinic.database,
            "one process's",
            [some / alone for some, alone in zip(rates[processes], rates[one], strict=True)],
            "near-linear until the cores are full",
        )
        for processes in more
    ]
    return figures


def _drain(clinic: Clinic, visits: Sequence[Visit], late: float) -> list[Call]:
    """Move the visits, tell of all at once, and give the calls until nothing waits."""
    with clinic.untold():
        clinic.move(visits)
    told = clinic.webhooks(visits)
    clinic.answer(late)
    clinic.calls()
    clinic.tell(told)
    clinic.drained()
    clinic.answer(late=0)
    return clinic.calls()
