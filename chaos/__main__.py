"""Decides how a run is asked for and what its exit code means: `python -m chaos`."""

import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from chaos.database import Database, Postgresql, Sqlite
from chaos.faults import OF_POSTGRESQL, Kind
from chaos.plan import draw_plan
from chaos.run import HASTE, Options, Report, Run
from chaos.telling import show_report
from cli import show
from cli.output import OK, TROUBLE
from cli.running import ending_on_signals, start_told


@click.command()
@click.option("--seed", type=int, help="Of the plan; a random one is drawn and told.")
@click.option("--edits", type=click.IntRange(1, 10_000), default=2000, show_default=True)
@click.option("--faults", type=click.IntRange(0), help="One for each four edits, if not said.")
@click.option("--pause", type=float, default=0.3, show_default=True, help="Seconds, on average.")
@click.option("--database", type=click.Choice(["postgresql", "sqlite"]), default="postgresql")
@click.option("--workers", type=click.IntRange(1, 16), default=3, show_default=True)
@click.option("--hasty", is_flag=True, help="Short leases and deadlines, for a short run.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), default=Path("var/chaos"))
def main(
    seed: int | None,
    edits: int,
    faults: int | None,
    pause: float,
    database: Literal["postgresql", "sqlite"],
    workers: int,
    hasty: bool,
    directory: Path,
) -> None:
    """Break everything while people work on both sides, and see that nothing is lost or twice."""
    console = Console()
    kinds = [kind for kind in Kind if database == "postgresql" or kind not in OF_POSTGRESQL]
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    count = max(len(kinds), edits // 4) if faults is None else faults
    plan = draw_plan(chosen, edits, count, kinds, pause)
    options = Options(workers, outage=4.0, settings=HASTE) if hasty else Options(workers)
    console.print(f"• Seed {chosen}: {edits} edits, {len(plan.faults)} faults, {database}")
    made: Database = Postgresql() if database == "postgresql" else Sqlite()
    try:
        with ending_on_signals(), start_told():
            say = partial(_say, console)
            with Run(directory, plan, made, options, say=say) as run:
                report = _play(console, run)
            show_report(console, report)
            sys.exit(OK if report.good else TROUBLE)
    finally:
        made.close()
    sys.exit(TROUBLE)


def _say(console: Console, text: str) -> None:
    console.print(f"• {text}", highlight=False)


def _play(console: Console, run: Run) -> Report:
    began = time.monotonic()
    with show.progress(console) as progress:
        bar = progress.add_task("Editing and breaking", total=len(run.plan.steps))
        run.play(lambda done: progress.update(bar, completed=done))
    return run.finish(began)


if __name__ == "__main__":
    main()
