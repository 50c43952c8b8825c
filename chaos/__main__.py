"""Run chaos from the command line, and tell the outcome by the exit code: `python -m chaos`."""

import logging
import os
import random
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from chaos import recovery, telling
from chaos.database import Database, Postgresql, Sqlite
from chaos.faults import OF_POSTGRESQL, Kind
from chaos.plan import draw_plan
from chaos.run import HASTE, Options, Run
from chaos.verdict import Report
from cli.output import OK, TROUBLE
from cli.world import show
from cli.world.running import ending_on_signals, start_told

# How many visits are timed when the faults have ended and the forging has not.
PROBES = 40


@click.command()
@click.option("--seed", type=int, help="Of the plan; without it one is drawn and told.")
@click.option("--edits", type=click.IntRange(1, 10_000), default=2000, show_default=True)
@click.option("--faults", type=click.IntRange(0), help="One for each four edits, if not said.")
@click.option("--pause", default=0.15, show_default=True, help="Seconds between edits, on average.")
@click.option(
    "--database",
    type=click.Choice(["postgresql", "sqlite"]),
    default="postgresql",
    show_default=True,
)
@click.option("--workers", type=click.IntRange(1, 16), default=3, show_default=True)
@click.option("--hasty", is_flag=True, help="Short leases and deadlines, for a short run.")
@click.option(
    "--attacker/--no-attacker",
    default=True,
    show_default=True,
    help="Somebody who knows both inbound credentials forges deliveries meanwhile.",
)
@click.option("--rate", default=50.0, show_default=True, help="Forged deliveries a second.")
@click.option(
    "--probes",
    type=click.IntRange(0, 200),
    default=PROBES,
    show_default=True,
    help="Visits that are timed when the faults have ended and the forging has not.",
)
@click.option("--recovery", "recoveries", is_flag=True, help="Measure each fault alone instead.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/chaos"),
    show_default=True,
    help="Where the world keeps its files; the processes' logs stay there.",
)
def main(  # noqa: PLR0913 - click gives each option as an argument
    seed: int | None,
    edits: int,
    faults: int | None,
    pause: float,
    database: str,
    workers: int,
    hasty: bool,
    attacker: bool,
    rate: float,
    probes: int,
    recoveries: bool,
    directory: Path,
) -> None:
    """Break everything while people work on both sides, and see that nothing is lost or twice.

    The exit code is 0 only when nothing was lost or doubled and no mail was one too many.
    """
    os.environ.pop("REDIS_URL", None)  # it is flushed and killed: only ever one of our own
    # Its pool tells every connection that a stopped database has cut.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    console = Console()
    if not console.is_terminal:
        console = Console(width=100)
    made: Database = Postgresql() if database == "postgresql" else Sqlite()
    good = False
    try:
        with ending_on_signals(), start_told():
            if recoveries:
                good = _recover(console, directory, made)
            else:
                kinds = [k for k in Kind if database == "postgresql" or k not in OF_POSTGRESQL]
                chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
                count = max(len(kinds), edits // 4) if faults is None else faults
                timed = min(probes, edits // 4) if attacker else 0
                plan = draw_plan(chosen, edits, count, kinds, pause, timed)
                console.print(f"• Seed {chosen}: {edits} edits, {count} faults, {database}")
                options = Options(workers, attacks=rate if attacker else 0.0)
                if hasty:
                    options = replace(options, outage=4.0, settings=HASTE)
                with Run(directory, plan, made, options, say=partial(_say, console)) as run:
                    report = _play(console, run)
                telling.show_report(console, report)
                good = report.good
    finally:
        made.close()
    sys.exit(OK if good else TROUBLE)


def _play(console: Console, run: Run) -> Report:
    began = time.monotonic()
    run.attack()
    with show.progress(console) as progress:
        bar = progress.add_task("Editing and breaking", total=len(run.plan.steps))
        run.play(lambda done: progress.update(bar, completed=done))
    return run.finish(began)


def _recover(console: Console, directory: Path, made: Database) -> bool:
    options = Options(outage=10.0, settings=recovery.SETTINGS)
    done: list[recovery.Recovery] = []
    say = partial(_say, console)
    with Run(directory, recovery.empty_plan(), made, options, say=say) as run:
        trying = recovery.Recoveries(run)
        with show.progress(console) as progress:
            bar = progress.add_task("Breaking and healing", total=len(trying.names))
            for found in trying.each():
                done.append(found)
                say(f"{found.name}: {found.seconds:.0f} s")
                progress.update(bar, completed=len(done))
    telling.show_recoveries(console, done)
    return all(found.good for found in done)


def _say(console: Console, text: str) -> None:
    console.print(f"• {text}", highlight=False)


if __name__ == "__main__":
    main()
