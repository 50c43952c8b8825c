"""Kill worker processes by SIGKILL at a chosen point of their work.

The points are not listed by hand: the wire of the gate and the database's driver are watched, and
tell of each call and each commit before and after it. A commit that wrote nothing is none.

`python -m tests.support.servers.mortal` is an interpreter with everything imported and no thread;
it forks one worker for each line of JSON that it is told.
"""

import gc
import json
import os
import re
import signal
import subprocess
import sys
import traceback
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from sqlalchemy import event

from sync.assemble import build
from sync.config import Settings
from sync.runtime import Sync
from sync.store import database
from sync.tasks import worker
from tests.support.clinic import Clinic, due, shape
from tests.support.sandbox_client import REMOTES, ROOT, Sandbox

_WRITES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM) (\w+)")


class Point(NamedTuple):
    """The `nth` time that a worker came to `what`: `before PATCH /api/appointments/ID`."""

    what: str
    nth: int

    def __str__(self) -> str:
        return f"{self.what} ({self.nth})"


@dataclass(frozen=True)
class Life:
    """What a worker came by, in order, and how it ended: an exit code, or a signal below zero."""

    points: list[Point]
    ended: int
    log: str


class Mortals:
    """Starts workers, one at a time, on a clinic's database. A context manager."""

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.support.servers.mortal"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_exc: object) -> None:
        self._parent.communicate()
        assert self._parent.returncode == 0

    def work(self, clinic: Clinic, *, echo_first: bool, dies_at: Point | None = None) -> Life:
        """Let a worker do all that is due; returns when its process is gone.

        The webhooks of its own writes come before the answer of each, or after its work. What is
        done and when must not be left to chance, or no point would be found again.
        """
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        came_by, log = clinic.home / "points", clinic.home / "worker.log"
        order = {
            "settings": clinic.values,
            "offset": clinic.offset.total_seconds(),
            "remotes": [clinic.sandbox.drchrono_url, clinic.sandbox.oncall_url],
            "echo_first": echo_first,
            "dies_at": dies_at,
            "points": str(came_by),
            "log": str(log),
        }
        if not echo_first:
            _webhooks(clinic.sandbox, "hold")
        self._parent.stdin.write(f"{json.dumps(order)}\n")
        self._parent.stdin.flush()
        ended = int(self._parent.stdout.readline())
        if not echo_first:
            _webhooks(clinic.sandbox, "deliver")
            _release(clinic.sandbox)
        return Life(_numbered(came_by.read_text().splitlines()), ended, log.read_text())


def _numbered(lines: list[str]) -> list[Point]:
    seen: Counter[str] = Counter()
    points = []
    for line in lines:
        seen[line] += 1
        points.append(Point(line, seen[line]))
    return points


def _webhooks(sandbox: Sandbox, mode: str) -> None:
    for remote in REMOTES:
        sandbox.faults(remote, webhooks={"mode": mode})


def _release(sandbox: Sandbox) -> None:
    for remote in REMOTES:
        sandbox.control(remote, "release", {"order": "forward"})


# --- in the processes -----------------------------------------------------------------------------


class Watched:
    """Notes each point that a worker comes to; at `dies_at` its process is killed."""

    def __init__(self, sync: Sync, notes: int, dies_at: Point | None) -> None:
        self._notes, self._dies_at = notes, dies_at
        self._seen: Counter[str] = Counter()
        self._written: dict[int, list[str]] = {}  # by connection
        engine = sync.store.engine
        self._commit, self._send = engine.dialect.do_commit, sync.wire.send
        event.listen(engine, "begin", self._begun)
        event.listen(engine, "before_cursor_execute", self._statement)
        engine.dialect.do_commit = self._watched_commit  # type: ignore[method-assign]
        sync.wire.send = self._watched_send  # type: ignore[method-assign]

    def _begun(self, conn: Any) -> None:
        self._written[id(conn.connection.dbapi_connection)] = []

    def _statement(self, conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        found = _WRITES.match(statement)
        if found is not None:
            what = f"{found[1].split()[0].lower()} {found[2]}"
            self._written[id(conn.connection.dbapi_connection)].append(what)

    def _watched_commit(self, connection: Any) -> None:
        # Each table once: how many rows there were makes no other point.
        written = dict.fromkeys(self._written[id(connection.dbapi_connection)])
        if not written:
            self._commit(connection)
            return
        self._point(f"before commit: {', '.join(written)}")
        self._commit(connection)
        self._point(f"after commit: {', '.join(written)}")

    def _watched_send(self, request: Any) -> Any:
        what = f"{request.method} {shape(urlsplit(request.url).path)}"
        self._point(f"before {what}")
        answer = self._send(request)
        self._point(f"after {what}")
        return answer

    def _point(self, what: str) -> None:
        os.write(self._notes, f"{what}\n".encode())
        self._seen[what] += 1
        if self._dies_at == (what, self._seen[what]):
            os.kill(os.getpid(), signal.SIGKILL)


def _live(order: dict[str, Any]) -> None:
    """One worker's life: what is due on its database, until nothing is."""
    offset = timedelta(seconds=order["offset"])
    sync = build(
        Settings(_env_file=None, **order["settings"]),  # type: ignore[call-arg]
        owner=f"mortal:{os.getpid()}",
        clock=lambda: datetime.now(UTC) + offset,
    )
    sandbox = Sandbox()
    sandbox.drchrono_url, sandbox.oncall_url = order["remotes"]
    if order["echo_first"]:
        _await_echoes(sync, sandbox)
    dies_at = Point(*order["dies_at"]) if order["dies_at"] else None
    Watched(sync, os.open(order["points"], os.O_WRONLY | os.O_CREAT), dies_at)
    while True:
        if not order["echo_first"]:
            _release(sandbox)
        sandbox.wait_idle()
        aggregates = due(sync)
        if not aggregates:
            return
        for aggregate in aggregates:
            worker.run(sync, aggregate)


def _await_echoes(sync: Sync, sandbox: Sandbox) -> None:
    send = sync.wire.send

    def sent(request: Any) -> Any:
        answer = send(request)
        if request.method != "GET":
            sandbox.wait_idle()
        return answer

    sync.wire.send = sent  # type: ignore[method-assign]


def _born(order: dict[str, Any]) -> None:
    """In the fork: live, and end without anything of the interpreter's own end."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        _live(order)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, the parent is told
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Fork a worker for each line on standard input; say how each one ended."""
    database._SYNCHRONOUS = "OFF"
    # A search for garbage walks, and so copies, all that a fork shares with us: half of a life.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _born(order)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
