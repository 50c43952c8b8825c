"""Measure how many webhooks the door commits a second, against a bare route that keeps nothing.

Both answer the same bodies under one gunicorn process with 8 threads, 16 connections, in turn.

    python -m bench.door --database sqlite --count 2000 --rounds 3
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from bench.drain import Clinic, a_clinic
from bench.load import Answered, post, send
from cli.world.ports import FREE
from cli.world.world import World


class Door:
    """A world whose visits' webhooks are played again and again."""

    def __init__(self, world: World, clinic: Clinic) -> None:
        self._secret = world.environment["DRCHRONO_WEBHOOK_SECRETS"]
        self.port = world.ports.web
        rows = world.control.state("drchrono")["objects"]["appointments"]
        self._bodies: list[dict[str, Any]] = [
            row for row in rows if str(row["id"]) in set(clinic.ids)
        ]
        self._turn = 0

    def unchanged(self, count: int) -> list[bytes]:
        """Known visits, as they are settled."""
        return [self._request(self._one(n)) for n in range(count)]

    def changed(self, count: int) -> list[bytes]:
        """Known visits, each time at another time."""
        self._turn += 1
        minute = self._turn % 60
        return [
            self._request({**one, "scheduled_time": f"{one['scheduled_time'][:14]}{minute:02}:00"})
            for one in map(self._one, range(count))
        ]

    def unknown(self, count: int) -> list[bytes]:
        """Appointments that no read has shown, each once."""
        self._turn += 1
        first = 10_000_000 + self._turn * 1_000_000
        return [self._request({**self._one(n), "id": str(first + n)}) for n in range(count)]

    def _one(self, number: int) -> dict[str, Any]:
        return self._bodies[number % len(self._bodies)]

    def _request(self, body: dict[str, Any]) -> bytes:
        headers = {
            "X-drchrono-event": "APPOINTMENT_MODIFY",
            "X-drchrono-signature": self._secret,
            "X-drchrono-delivery": "1",
        }
        return post("/webhooks/drchrono", headers, json.dumps({"object": body}).encode())

    @property
    def secret(self) -> str:
        """What the floor compares."""
        return self._secret


@contextmanager
def floor(door: Door, redis_url: str) -> Iterator[int]:
    """A bare route under gunicorn; gives its port."""
    port = FREE.chosen().web
    environment = {
        **os.environ,
        "FLOOR_PORT": str(port),
        "FLOOR_SECRET": door.secret,
        "FLOOR_REDIS_URL": redis_url,
    }
    argv = [sys.executable, "-m", "gunicorn", "-c", "python:bench.floor_conf", "bench.floor:app"]
    process = subprocess.Popen(argv, env=environment)
    try:
        while not _is_up(port):
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


def main() -> None:
    """Measure as the arguments say, and print one line of JSON for each kind of webhook."""
    parser = argparse.ArgumentParser(prog="python -m bench.door", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--visits", type=int, default=100)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with a_clinic(asked.database, asked.visits) as (world, clinic):
        door = Door(world, clinic)
        with floor(door, world.environment["REDIS_URL"]) as port:
            for kind in (door.unchanged, door.changed, door.unknown):
                print(json.dumps(_compared(kind, door.port, port, asked)), flush=True)


def _compared(
    kind: Callable[[int], list[bytes]], ours: int, bare: int, asked: argparse.Namespace
) -> dict[str, Any]:
    pairs: list[tuple[Answered, Answered]] = []
    for _ in range(asked.rounds):
        told = kind(asked.count)
        pairs.append((send(ours, told), send(bare, told)))
    rates = [mine.a_second / floor.a_second for mine, floor in pairs]
    slower = [mine.p99 / floor.p99 for mine, floor in pairs]
    return {
        "what": kind.__name__,
        "database": asked.database,
        "rate": round(statistics.median(rates), 3),
        "rates": [round(one, 3) for one in sorted(rates)],
        "p99": round(statistics.median(slower), 1),
        "a_second": [mine.a_second for mine, _ in pairs],
        "floor_a_second": [floor.a_second for _, floor in pairs],
        "statuses": sorted({status for mine, _ in pairs for status in mine.statuses}),
    }


if __name__ == "__main__":
    main()
