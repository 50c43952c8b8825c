"""Count what one change costs: remote calls, and what the database is asked.

One change at a time, its webhooks and echoes included. Statements are those of the web process and
of one worker; what a process asks by the clock falls into a change now and then, so that the
median is the change's own.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench import counted
from bench.clinic import Clinic, Otherwise
from bench.figures import Figure
from bench.journal import Call
from bench.sizes import Sizes
from cli.world.supervisor import Process

_PROCESSES = ("web", "worker-1")


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of change, its calls by docs/costs.md, its budget of test_sql_costs_of_changes.py."""

    name: str
    calls: int
    statements: str
    transactions: str
    make: Callable[[Clinic, int], object]


_CHANGES = (
    Change("moved in DrChrono", 4, "≤ 55", "≤ 11", lambda c, n: c.move([c.visits[n]])),
    Change("moved in OnCall", 3, "", "", lambda c, n: c.move_in_oncall([c.visits[n]])),
    Change("booked in DrChrono", 5, "≤ 115", "≤ 20", lambda c, _: c.book()),
    Change("booked in OnCall", 4, "", "", lambda c, _: c.book_in_oncall()),
)


def costs(clinic: Clinic, sizes: Sizes) -> list[Figure]:
    """Make each kind of change some times and count."""
    files = {name: clinic.world.files.directory / f"{name}.count" for name in _PROCESSES}
    clinic.staffed(workers=1, otherwise=dict.fromkeys(_PROCESSES, _counting(files)))
    figures = []
    for change in _CHANGES:
        calls: list[list[Call]] = []
        counts: list[counted.Asked] = []
        for number in range(sizes.costed):
            clinic.drained()
            clinic.calls()
            before = _asked(files)
            change.make(clinic, number)
            clinic.drained()
            after = _asked(files)
            calls.append(clinic.calls())
            counts.append(counted.Asked(*(b - a for a, b in zip(before, after, strict=True))))
        figures += _figures(clinic.database, change, calls, counts)
    return figures


def _counting(files: Mapping[str, Path]) -> Otherwise:
    """Have a process count into its file."""

    def otherwise(process: Process) -> Process:
        file = files[process.name]
        counted.start(file)
        argv = (sys.executable, counted.__file__, process.argv[-1])
        return replace(process, argv=argv, env={**process.env, "COUNT_FILE": str(file)})

    return otherwise


def _asked(files: Mapping[str, Path]) -> counted.Asked:
    every = [counted.read(file) for file in files.values()]
    return counted.Asked(*map(sum, zip(*every, strict=True)))


def _figures(
    database: str, change: Change, calls: list[list[Call]], counts: list[counted.Asked]
) -> list[Figure]:
    made = [[f"{c.remote} {c.method} {c.path}" for c in some] for some in calls]
    budget = "the budget"
    return [
        Figure(
            f"remote calls of a visit {change.name}",
            database,
            "the least",
            [len(some) / change.calls for some in calls],
            f"1 ({change.calls} calls)",
            raw={"calls": made},
        ),
        Figure(
            f"statements of a visit {change.name}",
            database,
            budget,
            [one.statements for one in counts],
            change.statements,
            "statements",
        ),
        Figure(
            f"transactions of a visit {change.name}",
            database,
            budget,
            [one.transactions for one in counts],
            change.transactions,
            "transactions",
        ),
    ]
