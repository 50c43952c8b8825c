"""Show `run`: a live table on a terminal, a line for each change elsewhere."""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.output import seconds_text
from cli.world.supervisor import ProcessState, ProcessStatus

COLOURS = {
    ProcessState.RUNNING: "green",
    ProcessState.STARTING: "yellow",
    ProcessState.WAITING: "red",
    ProcessState.STOPPED: "dim",
    ProcessState.FAILED: "bold red",
}
REFRESH_SECONDS = 0.5


def process_table(statuses: Iterable[ProcessStatus], now: float) -> Table:
    """The processes as a table; `now` is `time.monotonic()`."""
    made = Table(title="Processes (Ctrl-C stops all)", title_justify="left", header_style="bold")
    for column in ("name", "state", "pid", "up", "restarts"):
        made.add_column(column, justify="right" if column in ("pid", "up", "restarts") else "left")
    for status in statuses:
        up = seconds_text(now - status.since) if status.pid else "–"
        state = f"[{COLOURS[status.state]}]{status.state}[/]"
        made.add_row(status.name, state, str(status.pid or "–"), up, str(status.restarts))
    return made


def change_line(status: ProcessStatus) -> str:
    """One change as a line of text."""
    parts = [f"{status.name}: {status.state}"]
    if status.pid and status.state is ProcessState.RUNNING:
        parts.append(f"pid {status.pid}")
    if status.exit_code is not None and status.state in {ProcessState.WAITING, ProcessState.FAILED}:
        parts.append(f"it ended with {status.exit_code}")
    if status.restarts:
        parts.append(f"restarts {status.restarts}")
    return ", ".join(parts)


def watch(
    console: Console, statuses: Callable[[], list[ProcessStatus]], until: threading.Event
) -> None:
    """Show the processes until the event is set (a signal's exception ends it too).

    At a terminal a table is kept current; elsewhere a line is written when something changes.
    """
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=False) as live:
            while True:
                live.update(process_table(statuses(), time.monotonic()), refresh=True)
                if until.wait(REFRESH_SECONDS):
                    return
    told: dict[str, str] = {}
    while True:
        for status in statuses():
            line = change_line(status)
            if told.get(status.name) != line:
                told[status.name] = line
                console.print(line, highlight=False)
        if until.wait(REFRESH_SECONDS):
            return


def progress(console: Console) -> AbstractContextManager[Progress]:
    """A progress bar that leaves no trace where nobody watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
