"""Work on a batch here, or watch the workers do it, and show how far it is."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, TypeAlias

import click
from sqlalchemy.exc import SQLAlchemyError

from cli.output import say, seconds_text
from sync.core.batch import causes, words
from sync.core.batch.model import OVER, State

if TYPE_CHECKING:
    from sync.core.batch.model import Batch, Progress
    from sync.runtime import Sync

READ: Final = OVER | {State.PLANNED}
# What is paused by somebody else meanwhile is waited for by nobody.
ENDED: Final = OVER | {State.PAUSED}
_TENTHS: Final = 10
_LOOK: Final = 1.0  # seconds

Told: TypeAlias = "Callable[[Batch, Progress], None]"


def follow(sync: "Sync", batch: int, until: frozenset[State]) -> "Batch":
    """Have the batch worked on until it is in one of these states; progress on standard error."""
    from sync.batches import showing
    from sync.tasks import driving

    with _shown() as tell, _looked_at(lambda: tell(*_now(sync, batch))):
        return driving.drive(
            sync, batch, until, told=lambda now: tell(now, showing.progress(sync, batch))
        )


def _now(sync: "Sync", batch: int) -> "tuple[Batch, Progress]":
    from sync.batches import showing

    return showing.show(sync, batch), showing.progress(sync, batch)


@contextmanager
def _looked_at(look: Callable[[], None]) -> Iterator[None]:
    """Look each second where somebody watches, and once more at the end: a turn takes longer."""
    ends = threading.Event()

    def go_on() -> None:
        while not ends.wait(_LOOK):
            try:
                look()
            except SQLAlchemyError:
                return  # the turn itself tells of it

    beside = threading.Thread(target=go_on, daemon=True)
    if sys.stderr.isatty():
        beside.start()
    try:
        yield
    finally:
        ends.set()
        if beside.is_alive():
            beside.join()
    look()


def line(batch: "Batch", progress: "Progress") -> str:
    """How far a batch is, on one line."""
    parts = [f"{words.STATES[batch.state]}: {progress.done}"]
    if progress.total:
        parts[0] += f" of {progress.total}"
    parts += pace(progress)
    if batch.cause and batch.state not in OVER:
        parts.append(causes.say(batch.cause))
    return ", ".join(parts)


def pace(progress: "Progress") -> list[str]:
    """The rate and the time left, as far as they are known."""
    told = []
    if progress.per_minute is not None:
        told.append(f"{progress.per_minute:.0f} a minute")
    if progress.seconds_left is not None:
        told.append(f"{seconds_text(progress.seconds_left)} left")
    return told


@contextmanager
def _shown() -> Iterator[Told]:
    if not sys.stderr.isatty():
        yield _in_lines()
    elif find_spec("rich") is None:
        yield _on_one_line
        click.echo(err=True)
    else:
        with _as_a_bar() as tell:
            yield tell


def _in_lines() -> Told:
    """A line for each tenth and each change of what it does."""
    last: list[object] = []

    def tell(batch: "Batch", progress: "Progress") -> None:
        tenth = progress.done * _TENTHS // progress.total if progress.total else 0
        now = [batch.state, batch.cause, tenth]
        if now != last:
            last[:] = now
            say(line(batch, progress), err=True)

    return tell


def _on_one_line(batch: "Batch", progress: "Progress") -> None:
    click.echo(f"\r\x1b[K{line(batch, progress)}", nl=False, err=True)


@contextmanager
def _as_a_bar() -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, pace="")

        def tell(batch: "Batch", progress: "Progress") -> None:
            waits = causes.say(batch.cause) if batch.cause and batch.state not in OVER else ""
            bar.update(
                task,
                description=words.STATES[batch.state],
                total=progress.total or None,
                completed=progress.done,
                pace=", ".join([*pace(progress), waits] if waits else pace(progress)),
            )

        yield tell
