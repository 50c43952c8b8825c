"""Look at what is brought in, hold it, go on with it, end it, and take its result."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli.commands.asking import agreed, yes_option
from cli.commands.bringing_in import endings, following, results, sending, telling
from cli.commands.operate import json_option, ring
from cli.environment import opened
from cli.output import TroubleError, plain, print_json, print_table, say, unknown_told
from sync.core.batch import words
from sync.core.batch.model import OVER, Fate, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sync.runtime import Ring, Sync

_MOST: Final = 50
_WORDS: Final = list(dict.fromkeys(one.value for one in (*Fate, *Outcome)))
batch_argument = click.argument("batch", metavar="ID", type=click.IntRange(1, 2**31 - 1))


@click.group()
def batches() -> None:
    """Look at what is brought in from a file or the record, and steer it.

    \b
    Examples:
      drchrono-oncall batches list
      drchrono-oncall batches follow 7
    """


@batches.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the newest batches, and how far each is.

    \b
    Example:
      drchrono-oncall batches list
    """
    from sync.batches import showing

    with opened(anyway=True) as sync:
        found = [*showing.listed(sync, imports=True), *showing.listed(sync, imports=False)]
    found.sort(key=lambda one: -one.id)
    if as_json:
        print_json([telling.document(one) for one in found])
        return
    if not found:
        click.echo("Nothing was brought in yet: see drchrono-oncall import --help.")
        return
    rows = (
        (one.id, words.KINDS[one.kind], words.STATES[one.state], one.total, one.opened_at, one.by)
        for one in found
    )
    print_table("Batches", ("id", "what", "how far", "items", "begun", "by"), rows)


@batches.command()
@batch_argument
@click.option("--only", type=click.Choice(_WORDS), help="List the lines with this fate or outcome.")
@click.option("--after", default=0, metavar="LINE", help="Only lines after this one.")
@json_option
def show(batch: int, only: str | None, after: int, as_json: bool) -> None:
    """Show how far one is, and what becomes of its lines.

    \b
    Examples:
      drchrono-oncall batches show 7
      drchrono-oncall batches show 7 --only problem --after 1200
    """
    from sync.batches import showing

    with opened(anyway=True) as sync, unknown_told():
        found = showing.show(sync, batch)
        started = found.started_at is not None
        fate = Fate(only) if only and only in list(Fate) and not started else None
        outcome = Outcome(only) if only and only in list(Outcome) and started else None
        some = fate or outcome
        items = (
            showing.items(sync, batch, fate=fate, outcome=outcome, after=after, limit=_MOST)
            if some
            else []
        )
        foreseen = showing.foreseen(sync, batch) if found.state is State.PLANNED else None
        progress = showing.progress(sync, batch)
    if as_json:
        told = {"foreseen": plain(foreseen), "progress": plain(progress), "items": plain(items)}
        print_json(telling.document(found, **told))
        return
    if foreseen is not None:
        telling.show_plan(found, foreseen)
    else:
        telling.show_outcomes(found)
    if found.state not in OVER:
        say(following.line(found, progress))
    telling.show_lines(items, ())
    if len(items) == _MOST:
        say(f"More: --after {items[-1].number}")


@batches.command()
@batch_argument
@sending.result_option
@json_option
def follow(batch: int, result: Path | None, as_json: bool) -> None:
    """Work on one here until it is over, or watch the workers do it.

    Exit status as of import.

    \b
    Example:
      drchrono-oncall batches follow 7 --result done.csv
    """
    from sync.batches import showing

    how = sending.How(dry_run=False, yes=False, result=result, as_json=as_json)
    with opened() as sync, unknown_told():
        found = showing.show(sync, batch)
        if found.state is State.CHOOSING:
            raise TroubleError("Its columns are not named yet: name them on the page.")
        if found.state is State.PLANNING:
            with endings.left_behind(batch, sends=False):
                found = following.follow(sync, batch, following.READ)
        if found.state is State.PLANNED:
            if not as_json:
                telling.show_plan(found, showing.foreseen(sync, batch))
            raise TroubleError(f"It waits to be started: drchrono-oncall batches start {batch}")
        ended = sending.send(sync, batch, how)
    sys.exit(ended)


@batches.command()
@batch_argument
@yes_option
def start(batch: int, yes: bool) -> None:
    """Start one that was planned, after showing what it takes.

    \b
    Example:
      drchrono-oncall batches start 7
    """
    from sync.batches import showing, steering

    with opened() as sync, unknown_told():
        found = showing.show(sync, batch)
        if found.state is State.PLANNED:
            telling.show_plan(found, showing.foreseen(sync, batch))
            agreed("Send this?", yes=yes)
        rings = steering.start(sync, batch)
        _rung(sync, rings, f"It is being sent. To watch it: drchrono-oncall batches follow {batch}")


@batches.command()
@batch_argument
def pause(batch: int) -> None:
    """Have no further line begun until it is resumed.

    \b
    Example:
      drchrono-oncall batches pause 7
    """
    from sync.batches import steering

    _do(lambda sync: steering.pause(sync, batch), "It is paused. What was begun is ended first.")


@batches.command()
@batch_argument
def resume(batch: int) -> None:
    """Go on with a paused one.

    \b
    Example:
      drchrono-oncall batches resume 7
    """
    from sync.batches import steering

    _do(
        lambda sync: steering.resume(sync, batch),
        f"It goes on with the workers. To work on it here: drchrono-oncall batches follow {batch}",
    )


@batches.command()
@batch_argument
@yes_option
def cancel(batch: int, yes: bool) -> None:
    """End one: nothing further is begun, what was made stays.

    \b
    Example:
      drchrono-oncall batches cancel 7
    """
    from sync.batches import steering

    agreed("End it?", yes=yes)
    _do(
        lambda sync: steering.cancel(sync, batch),
        "It is ended. What was sent without an answer is looked for first.",
    )


@batches.command("result")
@batch_argument
@click.option(
    "--to",
    metavar="OUT.csv",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to; else to standard output.",
)
def result_(batch: int, to: Path | None) -> None:
    """Write the result of one as CSV.

    Each line with its address in OnCall or its problem. It is there
    for a day. Of a file it holds what the file says.

    \b
    Examples:
      drchrono-oncall batches result 7 --to done.csv
      drchrono-oncall batches result 7 | column -s, -t | less
    """
    from sync.batches import looking

    with opened() as sync, unknown_told():
        if to is not None:
            results.write(sync, batch, to)
            return
        for piece in looking.take_result(sync, batch, bom=False):
            click.echo(piece, nl=False)


@batches.command()
@batch_argument
def drop(batch: int) -> None:
    """Delete the file and the result of one that is over.

    Else that is done after a day.

    \b
    Example:
      drchrono-oncall batches drop 7
    """
    from sync.batches import steering

    _do(lambda sync: steering.drop(sync, batch), "Its file and its result are deleted.")


def _do(deed: "Callable[[Sync], Iterable[Ring] | None]", words: str) -> None:
    with opened() as sync, unknown_told():
        _rung(sync, deed(sync) or (), words)


def _rung(sync: "Sync", rings: "Iterable[Ring]", words: str) -> None:
    ring(sync, rings)
    click.echo(words)
