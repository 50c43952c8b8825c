"""Compare both systems and say what differs: the command `diff`.

Exit status 0: the same; 1: different; 2: could not tell.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from cli.commands.operate import json_option
from cli.environment import opened, unexpected
from cli.output import TroubleError, counted, print_json, print_table, say
from sync.core.printable import row

if TYPE_CHECKING:
    from sync.operations.diff.model import Found, Report
    from sync.operations.diff.reading import Progress

_COULD_NOT_TELL: Final = 2
_COLUMNS: Final = (
    *("what", "cause", "drchrono", "oncall", "participant", "fields"),
    *("standing", "why", "item", "since"),
)
_MOST: Final = 200  # lines of a table; --json and --csv have them all


class CouldNotTellError(TroubleError):
    """Trouble that is no answer: to scripts, 1 says that the systems differ."""

    exit_code = _COULD_NOT_TELL


@click.command()
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="A line for each difference, ids only.")
@click.option("--reads", type=click.IntRange(0, 10_000), help="Objects to read by id, at most.")
@click.option("--wait", "waits", is_flag=True, help="Wait for the budget, and read everything.")
@click.option("--all", "everything", is_flag=True, help="List what is meant so, too.")
def diff(as_json: bool, as_csv: bool, reads: int | None, waits: bool, everything: bool) -> None:
    """List every visit and person that differs between both systems, or is not linked, by cause.

    Reads each list of both systems once, in what is left of the budget, and writes nothing. Shows
    ids, causes and names of fields; no values. What waits for a worker is on its way, and what a
    policy wants is meant: neither is a difference by itself.

    Exit status: 0 the same, 1 different, 2 could not tell (what was found until then is shown).

    \b
    Examples:
      drchrono-oncall diff
      drchrono-oncall diff --json | jq '.found[] | select(.cause == "missing_in_oncall")'
      drchrono-oncall diff --csv > differences.csv
      drchrono-oncall diff --reads 500      where OnCall's list leaves much out
      drchrono-oncall diff --wait           where the lists have more pages than an hour has calls
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are two ways of one answer: choose one.")
    from sync.operations.diff import keeping
    from sync.operations.diff.run import READS, Asked, compare

    try:
        with opened() as sync, _progress() as tell:
            most = READS if reads is None else reads
            asked = Asked(reads=most, progress=tell, waits=waits)
            report = keeping.kept_anyway(sync, compare(sync, asked))
    except TroubleError as trouble:
        raise CouldNotTellError(trouble.message) from None
    except Exception as error:  # noqa: BLE001 - 1 would say that the systems differ
        raise CouldNotTellError(unexpected(error)) from None
    shown = _shown(report, everything=everything)
    if as_json:
        print_json(_told(report, shown))
    elif as_csv:
        _csv(report, shown)
    else:
        _show(report, shown)
    sys.exit(report.status)


def _shown(report: "Report", *, everything: bool) -> list["Found"]:
    """What is listed: without --all not what is meant so; the counts tell of that too."""
    from sync.operations.diff.model import Standing

    return [one for one in report.found if everything or one.standing is not Standing.MEANT]


@contextmanager
def _progress() -> Iterator["Progress"]:
    """Say how far it came: by rich at a terminal that has it, else a line that is written over."""
    if not sys.stderr.isatty() or find_spec("rich") is None:
        with counted() as line:
            yield lambda what, count, _of: line(what, count)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as shown:
        tasks = {}

        def tell(what: str, count: int, of: int | None) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=of)
            shown.update(tasks[what], completed=count, total=of)

        yield tell


def _told(report: "Report", shown: list["Found"]) -> dict[str, object]:
    """The report as data: counts, differences by id, and what could not be told."""
    from sync.operations.diff.saying import why_not

    counts = Counter(str(one.standing) for one in report.found)
    return {
        "began": report.began,
        "ended": report.ended,
        "status": ("same", "different", "could_not_tell")[report.status],
        "compared": report.compared,
        "counts": dict(counts),
        "found": [{name: getattr(one, name) for name in _COLUMNS} for one in shown],
        "could_not_tell": [
            {"of": one.of, "code": one.code, "until": one.until, "why": why_not(one)}
            for one in report.troubles
        ],
        "undecided": report.undecided,
        "left_out": report.left_out,
    }


def _csv(report: "Report", shown: list["Found"]) -> None:
    """Ids, and nothing that a spreadsheet would run."""
    click.echo(row(_COLUMNS), nl=False)
    for one in shown:
        click.echo(row(_cell(one, name) for name in _COLUMNS), nl=False)
    _tell_troubles(report)


def _cell(one: "Found", name: str) -> str:
    value = getattr(one, name)
    if isinstance(value, tuple):
        return " ".join(value)
    if name == "since":
        return "" if value is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return str(value) if value else ""


def _show(report: "Report", shown: list["Found"]) -> None:
    from sync.operations.diff.saying import title, why_said

    for cause in dict.fromkeys(one.cause for one in shown):
        listed = [one for one in shown if one.cause == cause]
        print_table(
            f"{title(cause)}: {len(listed)}",
            ("DrChrono", "OnCall", "fields", "what is known of it", "since"),
            (
                (
                    one.drchrono or None,
                    " ".join(part for part in (one.oncall, one.participant) if part) or None,
                    ", ".join(one.fields) or None,
                    why_said(one),
                    one.since,
                )
                for one in listed[:_MOST]
            ),
        )
        if len(listed) > _MOST:
            say(f"… and {len(listed) - _MOST} more: --csv lists them all.")
    _tell_end(report)
    _tell_troubles(report)


def _tell_end(report: "Report") -> None:
    from sync.operations.diff.saying import in_one_line

    say(in_one_line(report))


def _tell_troubles(report: "Report") -> None:
    from sync.operations.diff.saying import undecided_said, why_not

    for trouble in report.troubles:
        say(f"Could not tell: {why_not(trouble)}.", err=True)
    for why, count in Counter(one.why for one in report.undecided).items():
        say(f"Could not compare {count}: {undecided_said(why)}.", err=True)
