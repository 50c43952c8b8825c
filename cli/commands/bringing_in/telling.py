"""Write a batch as tables for people, and as one document for scripts."""

from typing import TYPE_CHECKING, Any, Final

import click

from cli.output import print_table, say
from sync.core.batch import causes, words
from sync.core.batch.model import Fate, Kind, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.batches.showing import Columns
    from sync.core.batch.model import Batch, Foreseen, Item
    from sync.runtime import Sync

MOST_LINES: Final = 20
_NO_FIELD: Final = "not used"


def show_columns(kind: Kind, found: "Columns", columns: "Mapping[int, str]") -> None:
    """What each column of a file is taken for."""
    from sync.sheets import fields

    titled = {one.name: f"{one.title} ({one.name})" for one in fields.FIELDS[kind]}
    rows = (
        (at + 1, header, titled.get(columns.get(at, ""), _NO_FIELD))
        for at, header in enumerate(found.headers)
    )
    print_table("Columns", ("no", "header", "is taken for"), rows)
    if found.remembered:
        click.echo("As you chose for such a file before.")


def show_plan(batch: "Batch", foreseen: "Foreseen") -> None:
    """How many will be what, and what starting it takes."""
    counts = ((said, batch.fates.get(fate, 0)) for fate, said in words.FATES.items())
    title = f"{words.KINDS[batch.kind]}, batch {batch.id}"
    print_table(title, ("what", "lines" if batch.kind.is_import else "records"), counts)
    minutes = "not known: a budget is closed" if foreseen.minutes is None else foreseen.minutes
    takes = (
        ("calls of DrChrono", foreseen.drchrono_calls),
        ("calls of OnCall", foreseen.oncall_calls),
        ("minutes at the present budget", minutes),
        ("mails to patients", foreseen.mails_to_patients),
        ("mails to providers", foreseen.mails_to_providers),
    )
    print_table("It takes", ("what", "count"), takes)


def show_outcomes(batch: "Batch") -> None:
    """What became of the lines."""
    counts = ((said, batch.outcomes.get(one, 0)) for one, said in words.OUTCOMES.items())
    title = f"{words.KINDS[batch.kind]}, batch {batch.id}: {words.STATES[batch.state]}"
    print_table(title, ("what", "lines" if batch.kind.is_import else "records"), counts)
    if batch.cause and batch.state is not State.DONE:
        say(causes.say(batch.cause))


def show_lines(items: "Iterable[Item]", headers: tuple[str, ...]) -> None:
    """What is wrong with each of these lines, and what to do."""
    rows = [
        (item.number, _column(item, headers), problem(item), ", ".join(item.candidates) or None)
        for item in items
    ]
    if rows:
        print_table("For a person", ("line", "column", "what to do", "may be"), rows)


def _column(item: "Item", headers: tuple[str, ...]) -> object:
    if item.column is None:
        return None
    return headers[item.column] if item.column < len(headers) else f"column {item.column + 1}"


def problem(item: "Item") -> str:
    """What to do about a line."""
    return causes.say(item.cause) if item.cause else ""


def for_a_person(sync: "Sync", batch: "Batch", headers: tuple[str, ...]) -> None:
    """The first lines that need somebody, and how to see the others."""
    from sync.batches import showing

    found: list[Item] = []
    if batch.state is State.PLANNED:
        total = sum(batch.fates.get(one, 0) for one in (Fate.PROBLEM, Fate.QUESTION))
        for fate in (Fate.PROBLEM, Fate.QUESTION):
            found += showing.items(sync, batch.id, fate=fate, limit=MOST_LINES)
    else:
        total = sum(batch.outcomes.get(one, 0) for one in (Outcome.PROBLEM, Outcome.QUESTION))
        for outcome in (Outcome.PROBLEM, Outcome.QUESTION):
            found += showing.items(sync, batch.id, outcome=outcome, limit=MOST_LINES)
    found.sort(key=lambda item: item.number)
    show_lines(found[:MOST_LINES], headers)
    if total > MOST_LINES:
        click.echo(f"And {total - MOST_LINES} more: they are in the result.")


def document(batch: "Batch", **more: Any) -> dict[str, Any]:
    """A batch for scripts."""
    return {
        "batch": batch.id,
        "kind": batch.kind,
        "state": batch.state,
        "cause": batch.cause,
        "total": batch.total,
        "fates": {one.value: batch.fates.get(one, 0) for one in Fate},
        "outcomes": {one.value: batch.outcomes.get(one, 0) for one in Outcome},
        "options": dict(batch.options),
        "file_is_kept_until": batch.drop_at if batch.has_file else None,
        **more,
    }
