"""Show `run` as a line for each change where nobody watches, as a table at a terminal."""

import io
import threading

import pytest
from rich.console import Console

from cli.world import show
from cli.world.supervisor import ProcessState, ProcessStatus


def status(state: ProcessState, **changes: int | None) -> ProcessStatus:
    known = {"pid": 42, "restarts": 0, "exit_code": None, **changes}
    return ProcessStatus(
        "web", state, known["pid"], 0.0, known["restarts"] or 0, known["exit_code"]
    )


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (status(ProcessState.STARTING), "web: starting"),
        (status(ProcessState.RUNNING), "web: running, pid 42"),
        (
            status(ProcessState.WAITING, pid=None, exit_code=-9, restarts=1),
            "web: waiting to restart, it ended with -9, restarts 1",
        ),
        (
            status(ProcessState.RUNNING, exit_code=-9, restarts=2),
            "web: running, pid 42, restarts 2",
        ),
        (status(ProcessState.STOPPED, pid=None), "web: stopped"),
    ],
)
def test_a_change_is_one_line(told: ProcessStatus, line: str) -> None:
    assert show.change_line(told) == line


def test_where_nobody_watches_each_change_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "REFRESH_SECONDS", 0.001)
    ended = threading.Event()
    looks = iter(
        [ProcessState.STARTING, ProcessState.STARTING, ProcessState.RUNNING, ProcessState.RUNNING]
    )

    def statuses() -> list[ProcessStatus]:
        state = next(looks, None)
        if state is None:
            ended.set()
        return [status(state or ProcessState.RUNNING)]

    out = io.StringIO()
    show.watch(Console(file=out, width=80), statuses, ended)
    assert out.getvalue().splitlines() == ["web: starting", "web: running, pid 42"]


def test_the_table_names_state_pid_age_and_restarts() -> None:
    out = io.StringIO()
    table = show.process_table([status(ProcessState.RUNNING, restarts=3)], now=61.0)
    Console(file=out, width=80).print(table)
    row = next(line for line in out.getvalue().splitlines() if "web" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "web",
        "running",
        "42",
        "61 s",
        "3",
    ]
