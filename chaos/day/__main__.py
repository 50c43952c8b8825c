"""Run a day from the command line: `python -m chaos.day`."""

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from chaos.database import Database, Postgresql, Sqlite
from chaos.day import running, telling
from chaos.day.practice import Files, Practice
from cli.environment import without_settings
from cli.output import OK, TROUBLE
from cli.world import show
from cli.world.ports import FREE, HOST
from cli.world.running import ending_on_signals, start_told
from cli.world.sandbox_control import SandboxControl
from cli.world.supervisor import Process, Supervisor
from sync import log as logs


@click.command()
@click.option("--doctors", type=click.IntRange(1, 90), default=50, show_default=True)
@click.option("--hours", type=click.IntRange(0, 48), default=24, show_default=True)
@click.option("--edits-per-hour", default=60.0, show_default=True, help="In office hours.")
@click.option("--no-webhooks", is_flag=True, help="No webhook arrives all day.")
@click.option("--away/--no-away", default=True, show_default=True, help="Then a day away.")
@click.option("--seed", default=1, show_default=True, help="Of what people do.")
@click.option("--keep-days", default=0.25, show_default=True, help="Of calls and deliveries.")
@click.option(
    "--database",
    type=click.Choice(["postgresql", "sqlite"]),
    default="sqlite",
    show_default=True,
)
def main(  # noqa: PLR0913 - click gives each option as an argument
    doctors: int,
    hours: int,
    edits_per_hour: float,
    no_webhooks: bool,
    away: bool,
    seed: int,
    keep_days: float,
    database: str,
) -> None:
    """Run a practice of many doctors for a simulated day, and tell what it cost by the hour.

    Then a day's edits are made while the service is away and no webhook arrives, and one catch-up
    finds them. The exit code is 0 only when DrChrono saw no more than 500 calls in any rolling
    hour, both sides agree, and nothing is kept for longer than it is to be.
    """
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logs.configure("WARNING", role="day")
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    made: Database = Postgresql() if database == "postgresql" else Sqlite()
    good = True
    try:
        with (
            ending_on_signals(),
            start_told(),
            tempfile.TemporaryDirectory(prefix="day-") as place,
            _sandbox(Path(place)) as control,
            show.progress(console) as bars,
        ):
            files = Files(Path(place), made.url or f"sqlite:///{place}/sync.db")
            say = partial(_say, console, time.monotonic())
            told = _bar(bars, "Going live")
            with Practice(control, files, doctors, keep_days=keep_days, progress=told) as practice:
                say(f"{doctors} doctors are live, {database}")
                if hours:
                    report = running.play(
                        practice,
                        seed=seed,
                        hours=hours,
                        edits_per_hour=edits_per_hour,
                        webhooks=not no_webhooks,
                        progress=_bar(bars, "Hours"),
                    )
                    telling.show_day(console, report)
                    good = report.good
                    say("the day is over")
                if away:
                    edits = round(edits_per_hour * len(running.OFFICE_HOURS))
                    found = running.catch_up(
                        practice, seed=seed + 1, edits=edits, progress=_bar(bars, "Editing")
                    )
                    telling.show_catch_up(console, found)
                    good = good and found.good
                    say("caught up")
    finally:
        made.close()
    sys.exit(OK if good else TROUBLE)


def _say(console: Console, began: float, text: str) -> None:
    console.print(f"• {text} ({time.monotonic() - began:.0f} s)", highlight=False)


def _bar(bars: Progress, name: str) -> Callable[[int, int], None]:
    """A bar of its own for one part of the run."""
    task = bars.add_task(name, total=None)
    return lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def _sandbox(directory: Path) -> Iterator[SandboxControl]:
    """Both remotes in a process of their own."""
    ports = FREE.chosen()
    control = SandboxControl(f"http://{HOST}:{ports.drchrono}", f"http://{HOST}:{ports.oncall}")
    argv = (
        *(sys.executable, "-m", "sandbox"),
        *("--drchrono-port", str(ports.drchrono), "--oncall-port", str(ports.oncall)),
    )
    supervisor = Supervisor(log_dir=directory)
    try:
        environment = without_settings(os.environ)
        supervisor.start(Process("sandbox", argv, environment, ready=control.is_up))
        yield control
    finally:
        supervisor.stop()
        control.close()


if __name__ == "__main__":
    main()
