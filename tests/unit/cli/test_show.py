"""Show `run` as a line for each change where nobody watches, as a table at a terminal."""

import io
import threading

import pytest
from rich.console import Console

from cli.world import show
from cli.world.supervisor import State, Status


def status(state: State, **changes: int | None) -> Status:
    known = {"pid": 42, "restarts": 0, "exit_code": None, **changes}
    return Status("web", state, known["pid"], 0.0, known["restarts"] or 0, known["exit_code"])


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (status(State.STARTING), "web: starting"),
        (status(State.RUNNING), "web: running, pid 42"),
        (
            status(State.WAITING, pid=None, exit_code=-9, restarts=1),
            "web: waiting to restart, it ended with -9, restarts 1",
        ),
        (status(State.RUNNING, exit_code=-9, restarts=2), "web: running, pid 42, restarts 2"),
        (status(State.STOPPED, pid=None), "web: stopped"),
    ],
)
def test_a_change_is_one_line(told: Status, line: str) -> None:
    assert show.change_line(told) == line


def test_where_nobody_watches_each_change_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "REFRESH_SECONDS", 0.001)
    ended = threading.Event()
    looks = iter([State.STARTING, State.STARTING, State.RUNNING, State.RUNNING])

    def statuses() -> list[Status]:
        state = next(looks, None)
        if state is None:
            ended.set()
        return [status(state or State.RUNNING)]

    out = io.StringIO()
    show.watch(Console(file=out, width=80), statuses, ended)
    assert out.getvalue().splitlines() == ["web: starting", "web: running, pid 42"]


def test_the_table_names_state_pid_age_and_restarts() -> None:
    out = io.StringIO()
    table = show.process_table([status(State.RUNNING, restarts=3)], now=61.0)
    Console(file=out, width=80).print(table)
    row = next(line for line in out.getvalue().splitlines() if "web" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "web",
        "running",
        "42",
        "61 s",
        "3",
    ]
