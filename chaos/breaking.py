"""Cause each fault in the running processes and both remotes, and undo it."""

import heapq
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from chaos.database import Database
from chaos.faults import CALLS, REMOTES, Fault, Kind
from cli.output import TroubleError
from cli.world import embedded
from cli.world.supervisor import ProcessState
from cli.world.world import World
from sync.drchrono.keeper import YOUNG
from sync.store.schema import token

UP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Times:
    """How long the faults last (seconds), from the settings that the processes run with."""

    lease: float
    deadline: float
    late: float
    outage: float  # the longest of anything stopped on purpose


@dataclass(order=True)
class _Later:
    at: float
    number: int
    do: Callable[[], None] = field(compare=False)


class Breaker:
    """Does the faults of a plan; `tick` undoes what has lasted long enough, `heal` the rest.

    `calm` is what both remotes are switched to while nothing is wrong.
    """

    def __init__(
        self, world: World, database: Database, times: Times, calm: Mapping[str, dict[str, Any]]
    ) -> None:
        self._world = world
        self._database = database
        self._times = times
        self._calm = calm
        self._later: list[_Later] = []
        self._numbers = itertools.count()
        self._redis_kept = True
        self._database_away = False
        self.done: Counter[Kind] = Counter()

    def begin(self) -> None:
        """Switch both remotes to calm."""
        for remote in REMOTES:
            self._world.control.command(remote, "faults", {"behaviours": self._calm[remote]})

    def do(self, fault: Fault) -> None:
        """Do one fault; what takes time is finished by later ticks."""
        self.done[fault.kind] += 1
        if fault.call is not None:
            self._call(fault, fault.call)
        elif fault.webhooks is not None:
            self._command(fault.remote, {"webhooks": fault.webhooks})
        else:
            self._process(fault)

    def tick(self) -> None:
        """Undo what has lasted long enough."""
        while self._later and self._later[0].at <= time.monotonic():
            heapq.heappop(self._later).do()

    def heal(self) -> None:
        """End every fault, and return when all processes run again."""
        while self._later:
            heapq.heappop(self._later).do()
        for status in self._world.statuses():
            self._world.supervisor.signal(status.name, signal.SIGCONT)
        self._uncount_unused()
        for remote in REMOTES:
            body = {"clear": True, "behaviours": self._calm[remote]}
            self._world.control.command(remote, "faults", body)
            self._world.control.command(remote, "release", {})
        end = time.monotonic() + UP_SECONDS
        while any(status.state is not ProcessState.RUNNING for status in self._world.statuses()):
            if time.monotonic() > end:
                raise TroubleError("A process does not come back after the faults.")
            time.sleep(0.1)

    def waiting(self) -> int:
        """How many faults no call has met yet."""
        return sum(len(self._world.control.state(remote)["faults"]) for remote in REMOTES)

    # --- at the remotes ---------------------------------------------------------------------------

    def _call(self, fault: Fault, call: dict[str, Any]) -> None:
        seconds: dict[str, float] = {}
        if fault.kind in (Kind.LATE, Kind.LATE_HELD):
            # Later than LATE_SECONDS is beyond what any client can tell from "never".
            seconds["seconds"] = round(self._times.late * (0.2 + 0.5 * fault.part), 2)
        if fault.kind is Kind.HUNG:
            seconds["seconds"] = self._times.deadline + 1
        self._command(fault.remote, {"faults": [{**call, **seconds}]})

    def _command(self, remote: str, body: dict[str, Any]) -> None:
        self._world.control.command(remote, "faults", body)

    def _uncount_unused(self) -> None:
        """Faults that met no call until the end broke nothing."""
        for remote in REMOTES:
            for left in self._world.control.state(remote)["faults"]:
                kinds = [kind for kind, word in CALLS.items() if word == left["do"]]
                self.done[next(kind for kind in kinds if self.done[kind])] -= 1

    # --- at our processes -------------------------------------------------------------------------

    def _process(self, fault: Fault) -> None:
        kill, which = self._world.supervisor.kill, fault.which
        beats = self._names("beat")
        outage = self._times.outage * (0.2 + 0.8 * fault.part)
        acts: dict[Kind, Callable[[], None]] = {
            Kind.WORKER_KILLED: lambda: self._kill_worker(which),
            Kind.WORKER_PAUSED: lambda: self._pause([self._worker(which)], self._times.lease + 2),
            Kind.WEB_KILLED: lambda: kill("web"),
            Kind.WEB_HALF_KILLED: lambda: self._kill_child("web", which),
            Kind.BEAT_KILLED: lambda: kill(beats[which % len(beats)]),
            Kind.BEATS_KILLED: lambda: self._kill_all(beats),
            Kind.BEAT_STOPPED: lambda: self._pause([beats[which % len(beats)]], outage),
            Kind.BEATS_STOPPED: lambda: self._pause(beats, outage),
            Kind.REDIS_FLUSHED: self._flush,
            Kind.REDIS_KILLED: self._kill_redis,
            Kind.REDIS_RESTARTED: lambda: self._restart_redis(outage),
            Kind.DATABASE_STOPPED: lambda: self._restart_database(outage, crash=False),
            Kind.DATABASE_CRASHED: lambda: self._restart_database(outage, crash=True),
            Kind.LISTS_LAG: lambda: self._lag(fault.remote, outage),
            Kind.TOKEN_EXPIRED: self._expire,
        }
        acts[fault.kind]()

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._later, _Later(time.monotonic() + seconds, next(self._numbers), do))

    def _names(self, prefix: str) -> list[str]:
        return [s.name for s in self._world.statuses() if s.name.startswith(prefix)]

    def _worker(self, which: int) -> str:
        names = self._names("worker")
        return names[which % len(names)]

    def _kill_worker(self, which: int) -> None:
        """One that is at work, where there is one."""
        try:
            self._world.kill_worker_at_work()
        except (TroubleError, SQLAlchemyError):  # none is, or the database is away: then any
            self._world.supervisor.kill(self._worker(which))

    def _kill_all(self, names: list[str]) -> None:
        for name in names:
            self._world.supervisor.kill(name)

    def _kill_redis(self) -> None:
        if self._names("redis"):
            self._world.supervisor.kill("redis")

    def _kill_child(self, name: str, which: int) -> None:
        pid = next(status.pid for status in self._world.statuses() if status.name == name)
        with suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if children:
                os.kill(int(children[which % len(children)]), signal.SIGKILL)

    def _pause(self, names: list[str], seconds: float) -> None:
        for name in names:
            self._world.supervisor.signal(name, signal.SIGSTOP)
            self._after(seconds, partial(self._world.supervisor.signal, name, signal.SIGCONT))

    def _flush(self) -> None:
        with (
            suppress(redis.RedisError),
            redis.Redis.from_url(self._world.environment["REDIS_URL"], socket_timeout=2) as client,
        ):
            client.flushall()

    def _restart_redis(self, seconds: float) -> None:
        if not self._names("redis"):
            return  # still away from the last time
        process = self._world.supervisor.remove("redis")
        self._redis_kept = not self._redis_kept
        words = embedded.argv(self._world.files.redis, kept=self._redis_kept)
        changed = replace(process, argv=words)
        self._after(seconds, lambda: self._world.supervisor.start(changed))

    def _restart_database(self, seconds: float, *, crash: bool) -> None:
        if self._database_away:
            return
        self._database_away = True
        self._database.stop(crash=crash)
        self._after(min(seconds, 5.0), self._bring_database)

    def _bring_database(self) -> None:
        self._database.start()
        self._database_away = False

    def _lag(self, remote: str, seconds: float) -> None:
        self._command(remote, {"behaviours": {"list_lag_seconds": min(3.0, seconds)}})
        self._after(seconds, lambda: self._command(remote, {"behaviours": {"list_lag_seconds": 0}}))

    def _expire(self) -> None:
        """Let the access token die now.

        It is made older here too: a 401 of a token younger than a minute is not put down to its
        age.
        """
        try:
            with self._world.sync.store.write() as conn:
                old = datetime.now(UTC) - 2 * YOUNG
                conn.execute(update(token).values(obtained_at=old))
        except SQLAlchemyError:
            self._after(1.0, self._expire)  # the database is away
        else:
            self._world.control.command("drchrono", "expire", {"what": "access"})
