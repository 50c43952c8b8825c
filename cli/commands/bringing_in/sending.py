"""Plan a batch, show it, ask, send it and tell how it ended: the same for files and the record."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.commands.bringing_in import endings, following, results, telling
from cli.commands.bringing_in.endings import Sending
from cli.commands.operate import ring
from cli.output import TroubleError, plain, print_json, say
from sync.core.batch import causes
from sync.core.batch.model import OVER, Fate, State

if TYPE_CHECKING:
    from sync.core.batch.model import Batch
    from sync.runtime import Sync

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show what it would do, send nothing, leave nothing waiting."
)
result_option = click.option(
    "--result",
    metavar="OUT.csv",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write each line with its address in OnCall or its problem; with --dry-run the plan.",
)


@dataclass(frozen=True, slots=True)
class How:
    """How a command was asked to go on."""

    dry_run: bool
    yes: bool
    result: Path | None
    as_json: bool


def plan_and_send(
    sync: "Sync",
    batch: int,
    how: How,
    begun: Sending,
    *,
    headers: tuple[str, ...] = (),
    ours: bool = True,
) -> int:
    """Take a batch that is being planned, or further, to its end. Returns the exit status.

    `ours`: this command has opened it, and so gives it up where it is not started.
    """
    with dropped_on_refusal(sync, batch) if ours else nullcontext():
        planned = _planned(sync, batch, how, headers)
        if how.dry_run:
            return _told_only(sync, planned, how)
        if planned.state is State.PLANNED:
            _agreed(planned, how)
            _start(sync, batch)
    begun.begun = True
    return send(sync, batch, how, headers=headers)


def send(sync: "Sync", batch: int, how: How, *, headers: tuple[str, ...] = ()) -> int:
    """Follow a batch that was started to its end, and tell it. Returns the exit status."""
    with endings.left_behind(batch):
        ended = following.follow(sync, batch, following.ENDED)
    written = _written(sync, ended, how)
    if how.as_json:
        print_json(telling.document(ended, result=written))
    else:
        telling.show_outcomes(ended)
        telling.for_a_person(sync, ended, headers)
        if ended.state is State.PAUSED:
            say(f"It was paused. To go on: drchrono-oncall batches resume {batch}")
        elif written is not None:
            say(f"The result is in {written}. Nothing of what was read is kept.")
        else:
            say(f"Each line with its address: drchrono-oncall batches result {batch} --to OUT.csv")
    return endings.code(ended)


@contextmanager
def dropped_on_refusal(sync: "Sync", batch: int) -> Iterator[None]:
    """Leave nothing waiting of what was not started: neither its file nor its plan."""
    try:
        yield
    except (TroubleError, click.Abort):
        drop(sync, batch)
        raise


def drop(sync: "Sync", batch: int) -> None:
    """Give a batch up that was not started, and delete what is sealed of it."""
    from sync.batches import steering

    with suppress(LookupError):  # it is over: there is nothing to end
        steering.cancel(sync, batch)
    with suppress(LookupError):  # its file is gone already
        steering.drop(sync, batch)


def _planned(sync: "Sync", batch: int, how: How, headers: tuple[str, ...]) -> "Batch":
    from sync.batches import showing

    try:
        with endings.left_behind(batch, sends=False):
            planned = following.follow(sync, batch, following.READ | {State.RUNNING, State.PAUSED})
    except SystemExit:
        if how.dry_run:
            drop(sync, batch)
        raise
    if planned.state in OVER and planned.state is not State.DONE:
        why = causes.say(planned.cause) or "It was cancelled meanwhile."
        raise TroubleError(f"It can't be brought in. {why}")
    if planned.state is State.PLANNED and not how.as_json:
        telling.show_plan(planned, showing.foreseen(sync, batch))
        telling.for_a_person(sync, planned, headers)
    return planned


def _told_only(sync: "Sync", planned: "Batch", how: How) -> int:
    """The end of a dry run: the plan is written, and dropped."""
    from sync.batches import showing

    foreseen: Any = plain(showing.foreseen(sync, planned.id))
    if how.result is not None:
        results.write(sync, planned.id, how.result)
    drop(sync, planned.id)
    if how.as_json:
        result = str(how.result) if how.result is not None else None
        told = telling.document(planned, foreseen=foreseen, dry_run=True, result=result)
        print_json({**told, "file_is_kept_until": None})
    else:
        say("Nothing was sent, and nothing of it is kept.")
    return endings.code(planned)


def _agreed(planned: "Batch", how: How) -> None:
    """Ask before anything is sent. Raises TroubleError for a no, and where nobody can be asked."""
    if how.yes or not any(planned.fates.get(fate) for fate in (Fate.CREATE, Fate.UPDATE)):
        return
    if not sys.stdin.isatty() or how.as_json:
        raise TroubleError("Nothing was sent: say it again with --yes.")
    if not click.confirm("Send this?", err=True):
        raise TroubleError("Nothing was sent.")


def _start(sync: "Sync", batch: int) -> None:
    from sync.batches import steering

    try:
        ring(sync, steering.start(sync, batch))
    except LookupError as refused:
        raise TroubleError(str(refused)) from None


def _written(sync: "Sync", ended: "Batch", how: How) -> str | None:
    """Where the result was put. What it was made of is then deleted: it was read once."""
    from sync.batches import steering

    if how.result is None or ended.state not in OVER:
        return None
    results.write(sync, ended.id, how.result)
    with suppress(LookupError):
        steering.drop(sync, ended.id)
    return str(how.result)
