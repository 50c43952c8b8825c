"""Play the scripted day, and exit with 0 only when each step cost what docs/costs.md says."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from cli.demo.count import Counter, differences
from cli.demo.day import Arrived, Day
from cli.demo.script import DAY, Step
from cli.demo.table import Board, Result, lines
from cli.output import OK, TROUBLE
from cli.world import show
from cli.world.options import WorldOptions
from cli.world.ports import Ports
from cli.world.running import ending_on_signals, start_told
from cli.world.world import World

ARRIVE_SECONDS = 20.0
QUIET_SECONDS = 30.0
# The lease of a killed worker must run out while somebody watches; a call must end before it does.
SETTINGS = {"LEASE_SECONDS": "8", "CALL_DEADLINE_SECONDS": "5"}


def played(directory: Path, ports: Ports, workers: int) -> None:
    """Play the day in a new world and exit: 0 when each step cost what it may."""
    console = Console()
    options = WorldOptions(ports, workers=workers, settings=SETTINGS)
    world = World(directory, options, say=lambda text: console.print(f"• {text}", highlight=False))
    code = TROUBLE
    with ending_on_signals(), start_told(), world:
        with show.progress(console) as progress:
            bar = progress.add_task("Syncing what is there", total=None)
            world.settle(lambda done, total: progress.update(bar, completed=done, total=total))
        console.print("• What is there is synced")
        board = Board(console)
        with board.shown():
            play(world, board)
        code = verdict(console, board)
    sys.exit(code)


def play(world: World, board: Board) -> None:
    """Play the day; a step that does not arrive ends it, because later ones build on it.

    Raises TroubleError when an edit is refused.
    """
    day, counter = Day(world), Counter(world)
    for step in DAY:
        board.begin(step)
        counter.restart()
        result = play_step(step, day.steps[step.name], counter)
        board.end(result)
        if result.seconds is None and _must_arrive(step):
            return


def play_step(step: Step, edit: Callable[[], Arrived], counter: Counter) -> Result:
    """Make the edit, wait until it arrived and nothing moves any more, and count."""
    began = time.monotonic()
    arrived = edit()
    problems = []
    took = None
    if counter.wait_until(arrived, ARRIVE_SECONDS):
        took = time.monotonic() - began if _must_arrive(step) else None
    else:
        problems.append(f"did not arrive within {ARRIVE_SECONDS:.0f} s")
    if not counter.wait_until(counter.is_quiet, QUIET_SECONDS):
        problems.append(f"was not done within {QUIET_SECONDS:.0f} s")
    cost = counter.cost()
    return Result(step, took, cost, (*problems, *differences(step, cost)))


def verdict(console: Console, board: Board) -> int:
    """Say what was other than it should be; returns the exit code."""
    wrong = [result for result in board.results if result.problems]
    left = len(DAY) - len(board.results)
    if console.is_terminal:
        for result in wrong:
            for line in lines(result):
                console.print(line, highlight=False, markup=False, soft_wrap=True)
    if not wrong and not left:
        console.print(f"All {len(DAY)} steps arrived with the calls and mails they may cost.")
        return OK
    console.print(f"{len(wrong)} steps differ, {left} were not played.")
    return TROUBLE


def _must_arrive(step: Step) -> bool:
    """Whether a step changes anything on the other side."""
    return bool(step.drchrono or step.oncall)
