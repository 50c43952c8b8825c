"""Restart processes one after the other under load, while staff never stop.

SIGHUP gives gunicorn new workers behind a listener that stays open; SIGTERM ends a process, and the
supervisor, as a platform does, starts another.
"""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import requests
from sqlalchemy import func, select

from cli.world.supervisor import ProcessState, ProcessStatus
from cli.world.world import World
from sync.store.schema import delivery
from sync.store.tables import journal
from tests.support.servers.processes import soon

ZONE = ZoneInfo("US/Eastern")
HOURS = (15, 16, 17, 18)  # of a visit each; the first two are moved in DrChrono
BUSY = 60.0  # seconds; what one process needs to start while all others work


class Heard:
    """Every status change of a process, in order."""

    def __init__(self) -> None:
        self._statuses: list[ProcessStatus] = []
        self._changed = threading.Condition()

    def __call__(self, status: ProcessStatus) -> None:
        with self._changed:
            self._statuses.append(status)
            self._changed.notify_all()

    def restart(self, world: World, name: str) -> int | None:
        """SIGTERM to a process; its exit code, when another runs in its place."""
        (before,) = [one for one in world.statuses() if one.name == name]
        assert before.pid is not None
        os.kill(before.pid, signal.SIGTERM)

        def again() -> bool:
            (now,) = [one for one in world.statuses() if one.name == name]
            return now.state is ProcessState.RUNNING and now.restarts == before.restarts + 1

        with self._changed:
            assert self._changed.wait_for(again, BUSY)
            ended = [
                s for s in self._statuses if s.name == name and s.state is ProcessState.WAITING
            ]
        return ended[-1].exit_code


class Staff(threading.Thread):
    """Moves one visit after the other, each always on its own side, until told to stop."""

    def __init__(self, world: World, appointments: list[str], visits: list[str]) -> None:
        super().__init__(daemon=True)
        self._world, self._appointments, self._visits = world, appointments, visits
        self._ending = threading.Event()
        self.sides = ("drchrono", "oncall")
        self.moves = 0
        self.minute = dict.fromkeys(HOURS, 0)
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self._ending.wait(0.2):
                for number, hour in enumerate(HOURS):
                    side = "drchrono" if number < 2 else "oncall"
                    if side in self.sides:
                        self._move(number, hour, side)
        except Exception as failure:  # noqa: BLE001 - told in the test's own thread
            self.failure = failure

    def _move(self, number: int, hour: int, side: str) -> None:
        minute = (self.minute[hour] + 5) % 30
        body: dict[str, Any] = {"scheduled_time": wall(hour, minute)}
        path = f"/api/appointments/{self._appointments[number]}"
        if side == "oncall":
            path, body = f"/appointments/{self._visits[number]}/", {"datetime": utc(hour, minute)}
        self._world.control.send(side, "staff", "PATCH", path, body)
        self.minute[hour] = minute
        self.moves += 1

    def go_on(self, moves: int = 8) -> None:
        """Return after so many more moves."""
        until = self.moves + moves
        soon(lambda: self.moves >= until or self.failure, BUSY)
        assert self.failure is None

    def stop(self) -> None:
        self._ending.set()
        self.join()
        assert self.failure is None

    def agreed(self) -> bool:
        """Whether each visit stands on both sides where it was moved last."""
        here = {one["id"]: one["scheduled_time"] for one in rows(self._world, "drchrono")}
        there = {one["id"]: one["datetime"] for one in rows(self._world, "oncall")}
        return all(
            here[self._appointments[n]] == wall(hour, minute)
            and there[self._visits[n]] == utc(hour, minute)
            for n, (hour, minute) in enumerate(self.minute.items())
        )


def utc(hour: int, minute: int) -> str:
    day = datetime.now(UTC) + timedelta(days=6)
    at = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def wall(hour: int, minute: int) -> str:
    return f"{datetime.fromisoformat(utc(hour, minute)).astimezone(ZONE):%Y-%m-%dT%H:%M:%S}"


def rows(world: World, remote: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.control.state(remote)["objects"]["appointments"]
    return found


@contextmanager
def at_work(world: World) -> Iterator[Staff]:
    """Four visits that stand on both sides, and staff who move them."""
    send = world.control.send
    person = {"doctor": 201, "gender": "Male", "first_name": "Nils", "last_name": "Aho"}
    person |= {"email": "nils@mail.example", "date_of_birth": "1971-02-03"}
    patient = send("drchrono", "staff", "POST", "/api/patients", person)["id"]
    where = {"doctor": 201, "office": 301, "exam_room": 1, "profile": 401, "patient": patient}
    appointments = []
    for hour in HOURS:
        body = {**where, "scheduled_time": wall(hour, 0), "duration": 30}
        appointments.append(str(send("drchrono", "staff", "POST", "/api/appointments", body)["id"]))
    starts = [utc(hour, 0) for hour in HOURS]
    soon(lambda: set(starts) <= {one["datetime"] for one in rows(world, "oncall")}, BUSY)
    ids = {visit["datetime"]: str(visit["id"]) for visit in rows(world, "oncall")}
    staff = Staff(world, appointments, [ids[at] for at in starts])
    staff.start()
    yield staff
    staff.stop()


def renew_web(world: World) -> None:
    """SIGHUP to gunicorn while others call: returns when the old worker is gone, or a call fails.

    Raises requests' ConnectionError for a connection that was refused or dropped.
    """
    (pid,) = [one.pid for one in world.statuses() if one.name == "web"]
    assert pid is not None
    master = psutil.Process(pid)
    old = {child.pid for child in master.children()}
    done, answers = threading.Event(), []

    def call() -> None:
        while not done.wait(0.03):
            answer = requests.post(
                f"{world.public_url}/webhooks/drchrono",
                headers={"X-drchrono-event": "PING"},
                timeout=30,
            )
            answers.append(answer.status_code)

    def renewed() -> bool:
        now = {child.pid for child in master.children()}
        return bool(now) and not now & old

    with ThreadPoolExecutor(2) as pool:
        callers = [pool.submit(call) for _ in range(2)]
        try:
            soon(lambda: len(answers) > 2, BUSY)
            master.send_signal(signal.SIGHUP)
            soon(renewed, BUSY)
            until = len(answers) + 4  # the new one alone answers these
            soon(lambda: len(answers) >= until or any(one.done() for one in callers), BUSY)
        finally:
            done.set()
        for one in callers:
            one.result()
    assert set(answers) == {204}


def unnoted(world: World) -> set[str]:
    """The deliveries that were answered with 2xx and left nothing in the database.

    One leaves its row, or a newer one of the same object that took the place: rows about one object
    are few, however often it is told of (ADR 0017).
    """
    with world.sync.store.read() as conn:
        rows = set(conn.execute(select(delivery.c.delivery_id)).scalars())
    lost: dict[str, set[str]] = {}
    for one, status, about in _sent(world):
        if status != 204:
            continue
        lost.setdefault(about, set()).add(one)
        if one in rows:
            lost[about].clear()
    return set().union(*lost.values())


def uncounted(world: World) -> int:
    """How many more deliveries were answered with 2xx than transactions of webhooks ended well.

    Each counts its one delivery. Scans, which count theirs too, leave a row for each.
    """
    answered = sum(status == 204 for _id, status, _about in _sent(world))
    with world.sync.store.read() as conn:
        counted = sum(
            value
            for name, labels, value in journal.read_counters(conn)
            if name == "deliveries" and labels.startswith("source=drchrono,")
        )
        scans = delivery.c.source == "drchrono", delivery.c.event.startswith("scan")
        listed = conn.execute(select(func.count()).select_from(delivery).where(*scans)).scalar_one()
    return max(0, int(answered - (counted - listed)))


def deliveries(world: World) -> list[tuple[str, int | None]]:
    """What DrChrono's sandbox has sent by now: the delivery and what it was answered."""
    return [(one, status) for one, status, _about in _sent(world)]


def _sent(world: World) -> list[tuple[str, int | None, str]]:
    """The same and what each is about, in the order in which they were sent."""
    answer = requests.get(f"{world.control.drchrono_url}/_sandbox/webhooks", timeout=30)
    sent = sorted(answer.json()["deliveries"], key=lambda one: int(one["n"]))
    return [(one["delivery"], one["status"], one["object_id"]) for one in sent]


def redeliver_refused(world: World) -> None:
    """DrChrono delivers again what was not answered with 2xx; here at once, not hours later."""
    idle(world, "drchrono")
    for one, status in deliveries(world):
        if status != 204:
            world.control.command("drchrono", "redeliver", {"delivery": one})
    idle(world, "drchrono")


def idle(world: World, remote: str) -> None:
    """Wait until no webhook of a remote is on its way."""
    soon(lambda: world.control.is_idle(remote, 1), BUSY)
