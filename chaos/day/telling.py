"""Print a day: a line for each hour, a line for each table, and what is wrong."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from chaos.day.practice import REMOTES
from chaos.day.running import LISTS, PASSING, CaughtUp, Hour, Report, kept_rows

HEADINGS = (
    *("hour", "edits", "calls to DrChrono", "most in any hour", "calls to OnCall", "mails"),
    *("waiting", "rows of calls", "of deliveries", "of all else", "MB"),
)
MOST_LINES = 20


def show_day(console: Console, report: Report) -> None:
    """Write the hours, the tables, and what is wrong."""
    told = "webhooks working" if report.webhooks else "no webhook all day"
    made = _table(f"A day of {report.doctors} doctors, {told}")
    for heading in HEADINGS:
        made.add_column(heading, justify="right")
    made.add_row("before", *_hour(report.before))
    for number, hour in enumerate(report.hours[:-1], start=1):
        made.add_row(str(number), *_hour(hour))
    made.add_row("after", *_hour(report.hours[-1]))
    console.print(made)
    console.print(_rows(report))
    console.print(", ".join(f"{do} {count}" for do, count in report.edits.most_common()))
    _tell(console, report.differences)
    verdict = (
        ("DrChrono's calls in the busiest rolling hour", str(report.most_in_an_hour)),
        ("both sides agree", "yes" if not report.differences else "no"),
        (f"kept for longer than {report.keep_days:g} days", str(report.kept_too_long)),
        ("questions to a person", str(sum(report.questions.values()))),
    )
    for name, value in verdict:
        console.print(f"{name}: {value}", highlight=False)


def show_catch_up(console: Console, caught_up: CaughtUp) -> None:
    """Write what a day without webhooks cost when it was caught up with."""
    edits = sum(caught_up.edits.values())
    title = f"{edits} edits, {caught_up.doctors} doctors, {caught_up.visits} visits"
    made = _table(title)
    for heading in ("", "DrChrono", "OnCall", "mails"):
        made.add_column(heading, justify="left" if not heading else "right")
    lists = {remote: _of_lists(caught_up, remote) for remote in REMOTES}
    single = {remote: sum(caught_up.calls[remote].values()) - lists[remote] for remote in REMOTES}
    made.add_row("lists", *(str(lists[remote]) for remote in REMOTES), "")
    made.add_row(
        "single objects", *(str(single[remote]) for remote in REMOTES), str(caught_up.mails)
    )
    least = caught_up.least
    made.add_row("the least for these", str(least.drchrono), str(least.oncall), str(least.mails))
    console.print(made)
    for remote in REMOTES:
        told = ", ".join(f"{name} {count}" for name, count in caught_up.calls[remote].most_common())
        console.print(f"{remote}: {told}", highlight=False)
    console.print(", ".join(f"{do} {count}" for do, count in caught_up.edits.most_common()))
    agree = "no" if caught_up.differences else "yes"
    _tell(console, caught_up.differences)
    console.print(
        f"both sides agree: {agree}, after {caught_up.minutes:.0f} "
        f"simulated minutes; DrChrono's busiest rolling hour: {caught_up.most_in_an_hour} calls; "
        f"questions: {dict(caught_up.questions)}",
        highlight=False,
    )


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", header_style="bold")


def _hour(hour: Hour) -> Iterator[str]:
    yield str(hour.edits)
    yield str(hour.calls["drchrono"])
    yield str(hour.most_in_an_hour)
    yield str(hour.calls["oncall"])
    yield str(hour.mails)
    yield str(hour.waiting)
    for name in PASSING:
        yield str(hour.rows[name])
    yield str(kept_rows(hour.rows))
    yield f"{hour.megabytes:.0f}"


def _rows(report: Report) -> Table:
    """The rows of each table, before the day and at a third, two thirds and the end of it."""
    third = len(report.hours) // 3
    shown = [report.before, *(report.hours[place] for place in (third, 2 * third, -1))]
    made = _table("Rows")
    for heading in ("table", "before", "a third", "two thirds", "after"):
        made.add_column(heading, justify="left" if heading == "table" else "right")
    for name in sorted(report.before.rows):
        counts = [one.rows[name] for one in shown]
        if any(counts):
            made.add_row(name, *map(str, counts))
    return made


def _of_lists(caught_up: CaughtUp, remote: str) -> int:
    """Calls that read a list, or what a practice looks like, and not one patient's or visit's."""
    return sum(count for name, count in caught_up.calls[remote].items() if name in LISTS)


def _tell(console: Console, lines: list[str]) -> None:
    for line in lines[:MOST_LINES]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if len(lines) > MOST_LINES:
        console.print(f"and {len(lines) - MOST_LINES} more")
