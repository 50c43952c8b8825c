"""Print a run: one table, and below it a line for whatever is wrong."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table

from chaos.plan import Do, Side
from chaos.recovery import Recovery
from chaos.verdict import Report


def show_report(console: Console, report: Report) -> None:
    """Write the table of a run and what is wrong in it."""
    console.print(table(report))
    for line in problems(report):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def table(report: Report) -> Table:
    """What a run came to."""
    made = Table(title=f"Chaos, seed {report.seed}", title_justify="left", header_style="bold")
    made.add_column("")
    made.add_column("", justify="right")
    made.add_column("")
    for name, value, more in _rows(report):
        made.add_row(name, value, more)
    return made


def problems(report: Report) -> Iterator[str]:
    """One line for each thing that is wrong, with its ids."""
    verdict = report.verdict
    for what, lines in (
        ("lost", verdict.lost),
        ("doubled", verdict.doubled),
        ("in a wrong chart", verdict.wrong_charts),
        ("surplus mail", verdict.surplus_mails),
        ("written though nothing changed", report.idle_writes),
        ("refused by the remote", report.refused),
    ):
        for line in lines:
            yield f"{what}: {line}"


def show_recoveries(console: Console, recoveries: Iterable[Recovery]) -> None:
    """Write the recovery table and what is not right again."""
    listed = list(recoveries)
    made = Table(title="Recovery, each fault alone", title_justify="left", header_style="bold")
    made.add_column("fault")
    made.add_column("seconds until all is right again", justify="right")
    for one in listed:
        colour = "green" if one.good else "bold red"
        made.add_row(one.name, f"[{colour}]{one.seconds:.0f}[/]")
    console.print(made)
    for one in listed:
        for line in one.problems:
            console.print(f"{one.name}: {line}", highlight=False, markup=False, soft_wrap=True)


def _rows(report: Report) -> Iterator[tuple[str, str, str]]:
    verdict = report.verdict
    edits = sum(report.edits.values())
    by_side = Counter(dict.fromkeys(Side, 0))
    for (_, side), count in report.edits.items():
        by_side[side] += count
    yield "edits", str(edits), _listed(by_side.items())
    by_do: Counter[Do] = Counter()
    for (do, _), count in report.edits.items():
        by_do[do] += count
    for do, count in by_do.most_common():
        yield f"  {do}", str(count), ""
    yield "  left undone", str(report.passed), "the group's last edit had not arrived yet"
    yield "faults", str(sum(report.faults.values())), f"{report.restarts} restarts of processes"
    for kind, count in report.faults.most_common():
        yield f"  {kind}", str(count), ""
    if report.forged:
        yield "forged", str(sum(report.forged.values())), _listed(sorted(report.forged.items()))
    yield "lost", _zero(len(verdict.lost)), ""
    yield "duplicated", _zero(len(verdict.doubled)), ""
    yield "in a wrong chart", _zero(len(verdict.wrong_charts)), ""
    yield "mails too many", _zero(len(verdict.surplus_mails)), ""
    yield "conflicts recorded", str(report.conflicts), "both sides changed one field"
    yield "  gave way unrecorded", str(verdict.met), "both within one read and write"
    yield (
        "questions to a person",
        str(sum(report.questions.values())),
        _listed(report.questions.items()),
    )
    yield "connected anew", str(report.reconnected), "a worker died while it renewed the token"
    ours = by_side[Side.DRCHRONO]
    yield "mails of ours", str(report.mails), _per(report.mails, ours, "change in DrChrono")
    for remote, count in report.calls.items():
        yield f"calls to {remote}", str(count), _per(count, edits, "change")
    if report.arrivals:
        yield (
            "seconds to arrive",
            f"{_percentile(report.arrivals, 0.95):.1f}",
            (
                f"95 of 100, {len(report.arrivals)} visits, no fault left, forging on; "
                f"half {_percentile(report.arrivals, 0.5):.1f}, longest {max(report.arrivals):.1f}"
            ),
        )
    yield "seconds of edits", f"{report.played:.0f}", ""
    yield "seconds to quiet", f"{report.quiet:.0f}", "after the last fault"
    yield "seconds to converge", f"{report.converged:.0f}", "the whole catch-up cycle included"
    yield "written by a further cycle", _zero(len(report.idle_writes)), "nothing had changed"


def _percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)]


def _zero(count: int) -> str:
    return f"[green]{count}[/]" if count == 0 else f"[bold red]{count}[/]"


def _per(count: int, changes: int, what: str) -> str:
    return f"{count / changes:.2f} per {what}" if changes else ""


def _listed(items: Iterable[tuple[object, int]]) -> str:
    return ", ".join(f"{name} {count}" for name, count in items)
