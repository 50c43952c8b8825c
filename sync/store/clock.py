"""Tell the database's time, by which all processes compare leases, budgets and tokens.

Hosts' clocks differ, so each process keeps how far the database's clock is from its own steady one
and asks again now and then. SQLite serves one host, whose clock is the database's.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

from sqlalchemy import Connection, func, select

# Unlike time.monotonic() it goes on while a machine is suspended (Linux).
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_SLOW = timedelta(seconds=1)  # an answer that took longer says little about the time
_JITTER = timedelta(seconds=0.2)  # below it the clock is left alone: it should not jump about


def steady() -> float:
    """Seconds since some moment in the past, on a clock that nobody sets."""
    return time.clock_gettime(_STEADY)


def host_time() -> datetime:
    """The host's own time, aware UTC."""
    return datetime.now(UTC)


class DatabaseClock:
    """The database's time without a call of it: what was measured, and what has passed since.

    Before it was measured, and on SQLite, it is the host's time.
    """

    def __init__(
        self, host: Callable[[], datetime] = host_time, passing: Callable[[], float] = steady
    ) -> None:
        self._host = host
        self._passing = passing
        self._lock = Lock()
        self._known: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """The time, aware UTC."""
        known = self._known
        if known is None:
            return self._host()
        at, then = known
        return at + timedelta(seconds=self._passing() - then)

    def measure(self, conn: Connection) -> timedelta:
        """Ask the database; returns how far the host's clock is ahead of it (negative: behind)."""
        if conn.dialect.name != "postgresql":
            return timedelta(0)
        before = self._passing()
        told: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
        after = self._passing()
        host = self._host()
        if self._known is not None and timedelta(seconds=after - before) > _SLOW:
            return host - self()
        # It was read at some moment in between.
        told = told.astimezone(UTC) + timedelta(seconds=(after - before) / 2)
        with self._lock:
            drift = told - self() if self._known is not None else None
            if drift is None or abs(drift) > _JITTER:
                self._known = (told, after)
        return host - told
