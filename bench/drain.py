"""Measure how fast waiting changes are drained, by worker processes and threads of each.

Both remotes answer each call late, as live ones do; a change's own remote time is what its calls
take one after another. In flight: that time, of all changes, over the time they took together.

    python -m bench.drain --changes 200 --late 0.3 --processes 1 2 4 --threads 1 8
"""

import argparse
import json
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from chaos.database import Database, Postgresql, Sqlite
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.world import World

SETTINGS = {
    "DRCHRONO_HOURLY_LIMIT": "1000000",
    "DRCHRONO_BURST_LIMIT": "1000000",
    "BRAKE_COUNT": "1000000",
    "WRITES_PER_VISIT_DAY": "1000000",
    "CATCHUP_MINUTES": "100000",
    "SETTLE_SECONDS": "0",
    "LOG_LEVEL": "WARNING",
}
_LOOK = 0.05  # seconds
_REMOTES = ("drchrono", "oncall")
_SLOTS_A_DAY = 20


@dataclass(frozen=True, slots=True)
class Drained:
    """One measurement: seconds from the first call to the last one's end, and calls in flight."""

    processes: int
    threads: int
    changes: int
    seconds: float
    a_second: float
    calls_a_change: float
    in_flight: float


class Clinic:
    """A world with so many visits in both systems, whose changes wait until workers are there."""

    def __init__(self, world: World, changes: int) -> None:
        self._world = world
        self._changes = changes
        self._first = date.today() + timedelta(days=7)  # noqa: DTZ011 - the clinic's own day
        self.ids: list[str] = []
        self._moved = 0

    def fill(self) -> None:
        """Book the visits and let them be synced."""
        control = self._world.control
        self._answer(late=0)
        known = control.state("drchrono")["objects"]
        pattern = next(a for a in known["appointments"] if a["reason"] == "Telehealth")
        patients = [p["id"] for p in known["patients"] if p.get("email")]
        for number in range(self._changes):
            body = {
                **{key: pattern[key] for key in ("doctor", "office", "profile", "exam_room")},
                "patient": patients[number % len(patients)],
                "duration": 15,
                "scheduled_time": self._slot(number),
                "allow_overlapping": True,
            }
            made = control.send("drchrono", "staff", "POST", "/api/appointments", body)
            self.ids.append(str(made["id"]))
        with self.workers(2, 8):
            self._world.settle()

    def move(self) -> None:
        """Move each visit by some minutes; returns when all of it waits."""
        self._moved += 5
        for number, appointment in enumerate(self.ids):
            body = {"scheduled_time": self._slot(number), "allow_overlapping": True}
            self._world.control.send(
                "drchrono", "staff", "PATCH", f"/api/appointments/{appointment}", body
            )
        while not self._world.control.is_idle("drchrono", 5):
            pass

    def drain(self, processes: int, threads: int, late: float) -> Drained:
        """Drain what waits; both remotes answer `late` seconds late."""
        before = {remote: self._last(remote) for remote in _REMOTES}
        self._answer(late)
        with self.workers(processes, threads):
            while self._world.waiting():
                time.sleep(_LOOK)
        self._answer(late=0)
        calls = [
            call
            for remote, last in before.items()
            for call in self._world.control.calls(remote, last)
            if re.search(r"/appointments/\d+", call["path"])
        ]
        begun = [datetime.fromisoformat(call["at"]) for call in calls]
        ended = [
            at + timedelta(seconds=call["seconds"]) for at, call in zip(begun, calls, strict=True)
        ]
        seconds = (max(ended) - min(begun)).total_seconds()
        remote_time = sum(call["seconds"] for call in calls)
        return Drained(
            processes,
            threads,
            self._changes,
            round(seconds, 2),
            round(self._changes / seconds, 2),
            round(len(calls) / self._changes, 2),
            round(remote_time / seconds, 2),
        )

    def _answer(self, late: float) -> None:
        """Have both remotes answer each call so many seconds late, and refuse none."""
        slow = {
            "match": {"path": "."},
            "do": "slow",
            "seconds": late,
            "times": None,
            "actor": "app",
        }
        unlimited = {"drchrono": {"burst_limit": None, "hourly_limit": 1_000_000}, "oncall": {}}
        for remote, behaviours in unlimited.items():
            told = {"clear": True, "behaviours": behaviours, "faults": [slow] if late else []}
            self._world.control.command(remote, "faults", told)

    def _last(self, remote: str) -> int:
        return max((int(call["n"]) for call in self._world.control.calls(remote)), default=0)

    def _slot(self, number: int) -> str:
        day = self._first + timedelta(days=number // _SLOTS_A_DAY)
        hour, quarter = divmod(number % _SLOTS_A_DAY, 2)
        minutes = 30 * quarter + self._moved % 30
        return datetime(day.year, day.month, day.day, 8 + hour, minutes).isoformat()  # noqa: DTZ001

    @contextmanager
    def workers(self, processes: int, threads: int) -> Iterator[None]:
        """So many worker processes for the block, and the beat that rings them."""
        world = self._world
        world.options = replace(world.options, workers=processes, beats=1)
        world.environment["WORKER_THREADS"] = str(threads)
        world.work()
        try:
            yield
        finally:
            for number in range(1, processes + 1):
                world.supervisor.remove(f"worker-{number}")
            world.supervisor.remove("beat")


@contextmanager
def a_clinic(database: str, visits: int) -> Iterator[tuple[World, Clinic]]:
    """A world without workers on a database of its own, and its clinic with so many visits."""
    server: Database = Postgresql() if database == "postgresql" else Sqlite()
    settings = {**SETTINGS, **({"DATABASE_URL": server.url} if server.url else {})}
    options = WorldOptions(FREE, workers=0, beats=0, seed="clinic", settings=settings)
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        try:
            with World(Path(place) / "world", options) as world:
                clinic = Clinic(world, visits)
                clinic.fill()
                yield world, clinic
        finally:
            server.close()


def main() -> None:
    """Measure as the arguments say, and print one line of JSON for each."""
    asked = _arguments()
    with a_clinic(asked.database, asked.changes) as (_world, clinic):
        for processes in asked.processes:
            for threads in asked.threads:
                _measure(clinic, processes, threads, asked)


def _measure(clinic: Clinic, processes: int, threads: int, asked: argparse.Namespace) -> None:
    rounds = []
    for _ in range(asked.rounds):
        clinic.move()
        rounds.append(clinic.drain(processes, threads, asked.late))
    rounds.sort(key=lambda one: one.seconds)
    said: dict[str, Any] = asdict(rounds[len(rounds) // 2])
    said["spread"] = round(max(r.seconds for r in rounds) - min(r.seconds for r in rounds), 2)
    said["median"] = round(statistics.median(r.seconds for r in rounds), 2)
    said |= {"database": asked.database, "late": asked.late}
    print(json.dumps(said), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--late", type=float, default=0.3, help="seconds")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
