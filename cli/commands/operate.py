"""Look at the running service and steer it: one command for each question."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cli.environment import EMBEDDED_REDIS, opened
from cli.output import TroubleError, print_json, say
from cli.world import embedded

if TYPE_CHECKING:
    from sync.operations.attention import Explanation
    from sync.runtime import Ring, Sync

KINDS = ("visit", "person", "appointment", "patient", "contact", "oncall-appointment")
kind_argument = click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
id_argument = click.argument("object_id", metavar="ID")
json_option = click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")


@click.command()
@kind_argument
@id_argument
@json_option
def resync(kind: str, object_id: str, as_json: bool) -> None:
    """Look at one thing again on both sides now, whatever it waits for.

    KIND is visit or person (our own ids), or appointment, patient, contact or oncall-appointment
    (ids of DrChrono and OnCall).

    \b
    Example:
      drchrono-oncall resync appointment 70211
    """
    from sync.operations import attention as operate

    with opened() as sync, unknown_told(kind, object_id):
        rings = operate.resync(sync, kind, object_id)
        rung = ring(sync, rings)
    if as_json:
        print_json({"raised": [item.aggregate for item in rings], "rung": rung})
        return
    when = "a worker is told" if rung else "the beat rings it within a second"
    click.echo(f"Raised {len(rings)}: {when}.")


@click.command()
@kind_argument
@id_argument
@json_option
def plan(kind: str, object_id: str, as_json: bool) -> None:
    """Show what would be written now, and why; reads both sides, writes nothing.

    \b
    Example:
      drchrono-oncall plan appointment 70211
    """
    from sync.operations import attention as operate

    with opened() as sync, unknown_told(kind, object_id):
        _show_explanation(operate.plan(sync, kind, object_id), as_json=as_json)


@click.command()
@kind_argument
@id_argument
@json_option
def explain(kind: str, object_id: str, as_json: bool) -> None:
    """Show what is known of one thing: its links, what it waits for, the last calls, conflicts.

    \b
    Example:
      drchrono-oncall explain patient 88123
    """
    from sync.operations import attention as operate

    with opened() as sync, unknown_told(kind, object_id):
        _show_explanation(operate.explain(sync, kind, object_id), as_json=as_json)


def _show_explanation(explanation: "Explanation", *, as_json: bool) -> None:
    if as_json:
        print_json(explanation.as_dict())
        return
    for line in explanation.lines():
        say(line)


def ring(sync: "Sync", rings: "Iterable[Ring]") -> bool:
    """Tell the workers; False when no Redis answers, and the beat does it."""
    from workers.bell import Bell

    url = sync.settings.redis_url
    if not url and EMBEDDED_REDIS.exists():
        url = embedded.url(EMBEDDED_REDIS)
    bell = Bell(url)
    try:
        return bell.ring(rings)
    finally:
        bell.close()


@contextmanager
def unknown_told(kind: str, object_id: str) -> Iterator[None]:
    """Turn the engine's LookupError into a message."""
    try:
        yield
    except LookupError:
        raise TroubleError(f"There is no {kind} {object_id} here.") from None
