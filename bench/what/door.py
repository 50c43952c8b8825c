"""Measure how many webhooks the door commits a second, against a bare route that keeps nothing.

Both answer the same bodies under one gunicorn process with 16 threads, 16 connections, in turn.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.clinic import Clinic
from bench.figures import Figure
from bench.load import Answered, send
from bench.sizes import Sizes
from cli.world.ports import FREE

_UNKNOWN = 10_000_000  # above the ids that the sandbox gives


class Bodies:
    """The webhooks of visits that are played again and again."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        held = clinic.rows("drchrono", "appointments")
        self._rows = [held[one.appointment] for one in clinic.visits]
        self._turn = 0

    def unchanged(self, count: int) -> list[bytes]:
        """Known visits, as they are settled."""
        rows = self._rows
        return [self._clinic.webhook(rows[n % len(rows)]) for n in range(count)]

    def changed(self, count: int) -> list[bytes]:
        """Known visits, each time at another time."""
        self._turn += 1
        rows = [
            {**row, "scheduled_time": f"{row['scheduled_time'][:14]}{self._turn % 60:02}:00"}
            for row in self._rows
        ]
        return [self._clinic.webhook(rows[n % len(rows)]) for n in range(count)]

    def hinted(self, count: int) -> list[bytes]:
        """OnCall's bare hints of known visits."""
        visits = self._clinic.visits
        return [self._clinic.hint(visits[n % len(visits)]) for n in range(count)]

    def unknown(self, count: int) -> list[bytes]:
        """Appointments that no read has shown, each once."""
        self._turn += 1
        first = _UNKNOWN * (self._turn + 1)
        return [
            self._clinic.webhook({**self._rows[n % len(self._rows)], "id": str(first + n)})
            for n in range(count)
        ]


def door(clinic: Clinic, sizes: Sizes) -> list[Figure]:
    """Post each kind of webhook to the door and to the floor; what it leaves waits for workers."""
    clinic.drained()
    clinic.staffed(workers=0, beats=0)
    bodies = Bodies(clinic)
    kinds: dict[str, Callable[[int], list[bytes]]] = {
        "known, unchanged": bodies.unchanged,
        "known, changed": bodies.changed,
        "known, OnCall's bare hint": bodies.hinted,
        "unknown": bodies.unknown,
    }
    figures = []
    with _bare(clinic) as port:
        for name, kind in kinds.items():
            pairs = []
            for _ in range(sizes.rounds):
                told = kind(sizes.webhooks)
                pairs.append((clinic.tell(told), send(port, told)))
            figures += _compared(name, clinic.database, pairs)
    return figures


def _compared(name: str, database: str, pairs: list[tuple[Answered, Answered]]) -> list[Figure]:
    if any(floor.statuses != (204,) for _, floor in pairs):
        raise RuntimeError(f"the bare route answers {[floor.statuses for _, floor in pairs]}")
    rates = [(ours.a_second, floor.a_second) for ours, floor in pairs]
    slowest = [(ours.p99, floor.p99) for ours, floor in pairs]
    against = "a bare route's"
    return [
        Figure.in_turn(f"webhooks a second: {name}", database, against, rates, "≥ 0.5"),
        Figure.in_turn(f"p99 of a webhook: {name}", database, against, slowest, "≤ 3"),
    ]


@contextmanager
def _bare(clinic: Clinic) -> Iterator[int]:
    """A bare route under gunicorn; gives its port."""
    port = FREE.chosen().web
    environment = {
        **os.environ,
        "FLOOR_PORT": str(port),
        "FLOOR_SECRET": clinic.secret,
        "FLOOR_BASIC": clinic.basic,
        "FLOOR_REDIS_URL": clinic.world.environment["REDIS_URL"],
    }
    argv = [sys.executable, "-m", "gunicorn", "-c", "python:bench.floor.conf"]
    process = subprocess.Popen(
        [*argv, "bench.floor.route:app"], env=environment, cwd=Path(__file__).parents[2]
    )
    try:
        while not _is_up(port):
            if process.poll() is not None:
                raise RuntimeError("the bare route does not start")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _is_up(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=1).status_code == 404
    except requests.RequestException:
        return False
