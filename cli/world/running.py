"""Run a world in front of a person: its steps, what to try, then the processes."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from cli.output import TroubleError
from cli.world import local
from cli.world.options import NotSettledError, WorldOptions
from cli.world.ports import DEFAULT, Ports
from cli.world.supervisor import StartError
from cli.world.world import World
from cli.world.world_files import usual_place

Command = Callable[..., None]


def world_options(directory: Path, ports: Ports) -> Callable[[Command], Command]:
    """The options that `run` and `demo` share, with their defaults."""
    number: dict[str, Any] = {"type": click.IntRange(0, 65535), "show_default": True}
    place = click.Path(path_type=Path, file_okay=False)

    def decorate(command: Command) -> Command:
        for option in (
            click.option("--workers", type=click.IntRange(1, 16), default=2, show_default=True,
                         help="How many worker processes."),
            click.option("--oncall-port", default=ports.oncall, **number,
                         help="Of the sandbox's OnCall."),
            click.option("--drchrono-port", default=ports.drchrono, **number,
                         help="Of the sandbox's DrChrono."),
            click.option("--ops-port", default=ports.ops, **number,
                         help="Of the operations pages, /metrics and /healthz."),
            click.option("--port", default=ports.web, help="Of the service.", **number),
            click.option("--dir", "directory", type=place, default=lambda: usual_place(directory),
                         show_default=f"{directory}, or beside what else is there",
                         help="Where the world keeps its files."),
        ):  # fmt: skip
            command = option(command)
        return command

    return decorate


@click.command()
@click.option("--keep", is_flag=True, help="Go on with the world of the last run.")
@world_options(directory=Path("var"), ports=DEFAULT)
def run(keep: bool, directory: Path, workers: int, **ports: int) -> None:
    """Run the whole service on this machine against a sandbox of both systems.

    Makes a small clinic, connects it, syncs what is there, and stays until Ctrl-C. Port 0 is any
    free port.

    \b
    Examples:
      drchrono-oncall run
      drchrono-oncall run --port 9000 --dir /tmp/clinic --workers 4
    """
    local.needed()
    from rich.console import Console

    from cli.world import show

    console = Console()
    options = WorldOptions(named(ports), workers=workers, keep=keep)
    world = World(directory, options, say=lambda text: console.print(f"• {text}", highlight=False))
    with ending_on_signals(), start_told(), world:
        with show.progress(console) as progress:
            bar = progress.add_task("Syncing what is there", total=None)
            try:
                world.settle(lambda done, total: progress.update(bar, completed=done, total=total))
                settled = "What is there is synced"
            except NotSettledError as error:
                # A used-up hourly budget is no reason to stop: it goes on when the hour allows.
                settled = error.message
        console.print(f"• {settled}", highlight=False)
        console.print(world.what_to_try(), highlight=False, markup=False, soft_wrap=True)
        show.watch(console, world.statuses, threading.Event())


def named(ports: Mapping[str, int]) -> Ports:
    """The ports that were told by the options' names."""
    return Ports(
        web=ports["port"],
        drchrono=ports["drchrono_port"],
        oncall=ports["oncall_port"],
        ops=ports["ops_port"],
    )


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """End the block on SIGINT or SIGTERM, once: what stops the processes is not interrupted."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise _EndedError

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _EndedError:
        click.echo("All processes are stopped.", err=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _EndedError(BaseException):
    """Someone asked for the end; no `except Exception` may swallow it."""


@contextmanager
def start_told() -> Iterator[None]:
    """Turn a process that does not start into a message."""
    try:
        yield
    except StartError as error:
        raise TroubleError(str(error)) from None
