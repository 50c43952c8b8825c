"""Show how the service stands, once or again and again: the command `status`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from typing import TYPE_CHECKING, Final

import click

from cli.colours import BAD, GOOD, QUIET, SOON, Shade, are_there, shaded
from cli.commands.operate import json_option
from cli.environment import opened
from cli.output import plain, print_json, print_table, say, seconds_text

if TYPE_CHECKING:
    from sync.operations.lights import Light
    from sync.operations.status import Overview
    from sync.runtime import Sync

_EVERY: Final = 2.0  # seconds; from the database alone
_COLOURS: Final = {"good": GOOD, "late": SOON, "bad": BAD, "off": QUIET}


@click.command()
@click.option("--watch", is_flag=True, help="Again and again, until Ctrl-C.")
@json_option
def status(watch: bool, as_json: bool) -> None:
    """Show what waits, what budget is left, and who was heard of.

    It is what the first of the operations pages shows, from the database alone. With --watch a
    terminal is kept fresh; elsewhere a line is written when something changed.

    \b
    Examples:
      drchrono-oncall status
      drchrono-oncall status --watch
      drchrono-oncall status --json | jq '.lights'
    """
    with opened() as sync:
        if watch:
            _watch(sync, as_json=as_json)
        elif as_json:
            print_json(_told(sync))
        else:
            _show(sync)


def _told(sync: "Sync") -> dict[str, object]:
    """All of the first page as data: the overview, the four lights, the chart of the last day."""
    from sync.operations import lights
    from sync.operations.status import last_day, overview

    found = plain(overview(sync))
    return {
        **found,
        "lights": lights.lights(sync),
        "samples": last_day(sync),
        "set_up_goes_on_at": _open_step(sync),
    }


def _open_step(sync: "Sync") -> str | None:
    from sync.setup.walk.steps import open_step

    found = open_step(sync)
    return None if found is None else found.name


# --- again and again ------------------------------------------------------------------------------


def _watch(sync: "Sync", *, as_json: bool) -> None:
    """Show it every two seconds; Ctrl-C ends it, and is no failure."""
    try:
        if as_json:
            _each(sync, lambda: print_json(_told(sync)))
        elif are_there():
            with _fresh() as replace:
                _each(sync, lambda: replace(_text(sync)))
        else:
            _each(sync, _Changes(sync).tell)
    except (KeyboardInterrupt, click.Abort):
        return


def _each(sync: "Sync", show: Callable[[], None]) -> None:
    while True:
        show()
        sys.stdout.flush()
        sync.pause(_EVERY)


def _text(sync: "Sync") -> str:
    """What `status` writes, with its colours."""
    caught = _Terminal()
    with redirect_stdout(caught):
        _show(sync)
    return caught.getvalue()


class _Terminal(StringIO):
    """Text that is written for a terminal."""

    def isatty(self) -> bool:
        """Colours are kept: it is shown at one."""
        return True


@contextmanager
def _fresh() -> Iterator[Callable[[str], None]]:
    """Replace what stands at the terminal: by rich where it is there, else by clearing it."""
    if find_spec("rich") is None:
        yield lambda text: click.echo(f"\x1b[H\x1b[2J{text}", color=True)
        return
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        yield lambda text: live.update(Text.from_ansi(text), refresh=True)


class _Changes:
    """Writes one line when it says something else than the last one."""

    def __init__(self, sync: "Sync") -> None:
        self._sync = sync
        self._last = ""

    def tell(self) -> None:
        """The line, with its time, where it is another."""
        from sync.operations import lights
        from sync.operations.status import overview

        found = overview(self._sync)
        line = _line(found, lights.lights(self._sync))
        if line != self._last:
            self._last = line
            click.echo(f"{self._sync.clock():%Y-%m-%dT%H:%M:%SZ} {line}")


def _line(found: "Overview", seen: list["Light"]) -> str:
    parts = [f"mode={found.mode}", f"token={found.token}"]
    parts += [f"{one.system}-{one.what}={one.colour}" for one in seen]
    parts.append(f"waiting={sum(one.waiting for one in found.lanes)}")
    parts += [f"parked={found.parked}", f"attention={found.attention_open}"]
    parts += [f"{name}-left={one.left}" for name, one in found.budget.items() if one.limit]
    return " ".join(parts)


# --- once -----------------------------------------------------------------------------------------


def _compared(overview: "Overview") -> str:
    """What the last comparison of both systems came to."""
    found = overview.compared
    if found is None:
        return "Different: not compared yet (drchrono-oncall diff)"
    told = "not told yet"
    if found.told_at is not None:
        told = f"{found.different}, {found.unlinked} of them in one system only, told "
        told += f"{found.told_at:%Y-%m-%d %H:%M} UTC"
    missed = ". The last comparison could not tell" if found.could_not_tell else ""
    return f"Different: {told}{missed}"


def _show(sync: "Sync") -> None:
    from sync.operations import lights
    from sync.operations.status import overview
    from sync.setup.walk.steps import open_step

    _show_overview(overview(sync), lights.lights(sync))
    step = open_step(sync)
    if step is not None:
        say(f"The set-up needs something: {step.title}. {step.missing}", colour=SOON)
        click.echo("Go on with: drchrono-oncall setup")


def _show_overview(overview: "Overview", seen: list["Light"]) -> None:
    colour = {"good": GOOD}.get(overview.token, BAD)
    click.echo(f"Mode: {overview.mode}   DrChrono token: {shaded(overview.token, colour)}")
    if overview.waits_for_go_live:
        click.echo("Nothing is made yet: drchrono-oncall go-live --dry-run, then go-live --yes")
    if overview.paused:
        click.echo(f"Paused: {', '.join(overview.paused)}")
    print_table(
        "Both systems",
        ("", "what", "how it stands"),
        ((Shade(one.colour, _COLOURS[one.colour]), one.name, one.said) for one in seen),
    )
    print_table(
        "Waiting",
        ("lane", "items", "oldest"),
        (
            (lane, waiting, seconds_text(oldest if waiting else None))
            for lane, waiting, oldest in overview.lanes
        ),
    )
    click.echo(
        f"Parked: {overview.parked}   For a person to decide: {overview.attention_open}   "
        f"Done in about: {seconds_text(overview.predicted_drain_seconds)}"
    )
    click.echo(_compared(overview))
    print_table(
        "Budget of calls in the last hour",
        ("system", "limit", "used", "left", "closed until"),
        ((name, b.limit, b.used, b.left, b.closed_until) for name, b in overview.budget.items()),
    )
    print_table("Last change carried", ("direction", "when"), overview.last_sync.items())
    print_table(
        "Heard of",
        ("process", "role", "ago"),
        ((name, role, seconds_text(ago)) for name, role, ago in overview.heartbeats),
    )
