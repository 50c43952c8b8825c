"""Say how bringing something in ended: 0 all done, 1 some need a person, 2 nothing was sent."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from cli.environment import unexpected
from cli.output import TroubleError, print_json, say
from sync.core.batch.model import Fate, Outcome, State

if TYPE_CHECKING:
    from sync.core.batch.model import Batch

ALL_DONE: Final = 0
SOME_LEFT: Final = 1
NOTHING_SENT: Final = 2
INTERRUPTED: Final = 130  # as a shell has it of Ctrl-C

_NEED_A_PERSON: Final = frozenset({Fate.PROBLEM, Fate.QUESTION, Outcome.PROBLEM, Outcome.QUESTION})


class NothingSentError(TroubleError):
    """It can't be done, and nothing was sent. Exit code 2."""

    exit_code = NOTHING_SENT


@dataclass
class Sending:
    """Whether anything may have been sent by now."""

    begun: bool = False


@contextmanager
def nothing_sent(*, as_json: bool) -> Iterator[Sending]:
    """End with 2 whatever goes wrong before something may have been sent.

    For a script the sentence is on standard output too, as one document.
    """
    sending = Sending()
    try:
        yield sending
    except click.exceptions.Exit:
        raise
    except KeyboardInterrupt:
        click.echo(err=True)
        if not sending.begun:
            click.echo("Nothing was sent.", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if sending.begun:
            raise
        words = _said(error)
        if as_json:
            print_json({"refused": words})
        raise NothingSentError(words) from None


def _said(error: Exception) -> str:
    if isinstance(error, click.Abort):
        return "Nothing was sent."
    # Any other text could hold a secret, or what a file says.
    return error.format_message() if isinstance(error, TroubleError) else unexpected(error)


def code(batch: "Batch") -> int:
    """The exit status that tells how a batch stands."""
    if batch.state is State.FAILED:
        return NOTHING_SENT
    counted = batch.fates if batch.state is State.PLANNED else batch.outcomes
    left = any(count for what, count in counted.items() if what in _NEED_A_PERSON)
    whole = batch.state in {State.DONE, State.PLANNED}
    return SOME_LEFT if left or not whole else ALL_DONE


@contextmanager
def left_behind(batch: int, *, sends: bool = True) -> Iterator[None]:
    """Say at Ctrl-C what becomes of the batch, and how it is taken up again."""
    try:
        yield
    except KeyboardInterrupt:
        what = "It goes on with the workers" if sends else "Nothing was sent; workers read on"
        click.echo(err=True)
        say(f"{what}. To watch it, or to work on it here where no worker runs:", err=True)
        say(f"  drchrono-oncall batches follow {batch}", err=True)
        if sends:
            say(f"To hold it: drchrono-oncall batches pause {batch}", err=True)
        sys.exit(INTERRUPTED)
