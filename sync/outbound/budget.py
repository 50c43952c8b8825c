"""Take each call from the budget: how many may still go out, and whose turn is next.

DrChrono allows 500 calls an hour and about 10 in a second (docs/api-facts.md, D9, D10). The window
rolls, so that no clock hour sees more. Live work may use what catch-up and bulk may not, and a
reserve is kept for visits that start soon (docs/rules.md, R21). The rows are in SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import Connection

from sync.core.errors import Deferred, Throttled
from sync.store.lanes import Lane
from sync.store.service import spending
from sync.store.service.spending import Spent
from sync.store.tables.work import Wait

# A call is counted when it is permitted and arrives a little later: the windows are that much
# longer than the remote's, or a slow one and a fast one could meet in the remote's own window.
HOUR = timedelta(hours=1, seconds=30)
SECOND = timedelta(seconds=1.2)

# The part of the hourly limit that each lane may use up.
SHARES = {Lane.LIVE: 1.0, Lane.TOLD: 1.0, Lane.CATCHUP: 0.9, Lane.BULK: 0.85}


class BurstError(Exception):
    """Too many calls in this second; `until` (aware UTC) is when the next may go."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


@dataclass(frozen=True, slots=True)
class Limit:
    """What a system allows: calls per rolling hour and per second; None is no limit."""

    hourly: int | None = None
    burst: int | None = None
    reserve: float = 0.0

    def allowed(self, lane: Lane, *, imminent: bool) -> int | None:
        """Calls of the hour that this lane may use; imminent visits may use the reserve too."""
        if self.hourly is None:
            return None
        if imminent:
            return self.hourly
        return max(1, int(self.hourly * (1.0 - self.reserve) * SHARES[lane]))


@dataclass(frozen=True, slots=True)
class Left:
    """The budget of a system now: calls used in the rolling hour, the limit, when it opens."""

    system: str
    limit: int | None
    used: int
    closed_until: datetime | None

    @property
    def left(self) -> int | None:
        """Calls that may still go out in this hour; None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.used)


# --- what one more call needs ---------------------------------------------------------------------


def asked(
    system: str, limit: Limit, lane: Lane, *, imminent: bool, now: datetime
) -> dict[str, Any]:
    """What writing down a call of this lane at this time, or asking why not, is bound to."""
    return {
        "system": system,
        "at": now,
        "hour_ago": now - HOUR,
        "second_ago": now - SECOND,
        "allowed": limit.allowed(lane, imminent=imminent),
        "before_last": (limit.burst or 1) - 1,
    }


def refuse(conn: Connection, told: Mapping[str, Any]) -> NoReturn:
    """Raise why the conditions, bound to this, did not hold.

    Throttled while the remote has closed us out, Deferred when the lane's part of the hour is used
    up, BurstError when this second is full, or when it can be tried again at once.
    """
    found = spending.why(conn, told)
    _has_room(conn, told, found, 1)
    raise BurstError(told["at"] if found.full is None else found.full + SECOND)


def ask(
    conn: Connection,
    limits: Mapping[str, Limit],
    lane: Lane,
    *,
    imminent: bool,
    now: datetime,
    calls: int = 1,
) -> None:
    """Raise Throttled or Deferred when a system would not take so many calls of this lane now."""
    limited = [system for system, limit in limits.items() if limit.hourly is not None]
    found = spending.of_every(conn, limited, now - HOUR)
    for system, limit in limits.items():
        if system in found:
            told = asked(system, limit, lane, imminent=imminent, now=now)
            _has_room(conn, told, found[system], calls)


def _has_room(conn: Connection, told: Mapping[str, Any], spent: Spent, calls: int) -> None:
    if spent.closed is not None and spent.closed > told["at"]:
        raise Throttled("throttled", spent.closed)
    allowed: int | None = told["allowed"]
    if allowed is None:
        return
    beyond = spent.used + min(calls, allowed) - allowed
    if beyond > 0:
        opens = spending.opens(conn, told["system"], told["hour_ago"], beyond - 1)
        raise Deferred("budget", opens + HOUR)


# --- what is left ---------------------------------------------------------------------------------


def left(conn: Connection, system: str, limit: Limit, now: datetime) -> Left:
    """The budget of a system now."""
    found = spending.of(conn, system, now - HOUR)
    closed = found.closed if found.closed is not None and found.closed > now else None
    return Left(system, limit.hourly, found.used, closed)


def widened(wait: Wait, budget: Left) -> Wait:
    """The settle time as the budget shrinks: beyond half of it, edits are gathered for longer."""
    if budget.limit is None or budget.left is None or budget.left * 2 >= budget.limit:
        return wait
    factor = min(30.0, budget.limit / (2 * max(1, budget.left)))
    return Wait(wait.settle * factor, max(wait.longest, wait.settle * factor))
