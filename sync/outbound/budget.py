"""How many calls may still go out, and to whom the next belongs. The rows are in SQL.

DrChrono allows 500 calls an hour and about 10 in a second (API v4, Rate Limits; observed). The
window rolls, so that no clock hour can see more. Live work may use what catch-up and bulk may not,
and a reserve is kept for visits that start soon.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from sync.core.errors import Deferred, Throttled
from sync.store import upsert
from sync.store.schema import call, throttle
from sync.store.tables.work import Lane, Wait

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


def take(
    conn: Connection,
    system: str,
    limit: Limit,
    lane: Lane,
    *,
    imminent: bool,
    clock: Callable[[], datetime],
) -> datetime:
    """Make sure one more call may go out now; the caller inserts its row in this transaction.

    Returns the time (aware UTC) that the row must bear: `clock` is read when it is our turn, or a
    taker who waited for its turn would note an earlier time than it calls at. Raises Throttled
    while the remote has closed us out, Deferred when the lane's part of the hour is used up,
    BurstError when this second is full.
    """
    closed_until = _my_turn(conn, system)
    now = clock()
    _has_room(conn, system, closed_until, limit.allowed(lane, imminent=imminent), 1, now)
    if limit.burst is not None:
        _within(conn, system, limit.burst, SECOND, now)
    return now


def ask(
    conn: Connection,
    system: str,
    limit: Limit,
    lane: Lane,
    *,
    imminent: bool,
    now: datetime,
    calls: int = 1,
) -> None:
    """Raise Throttled or Deferred when a system would not take so many calls of this lane now."""
    allowed = limit.allowed(lane, imminent=imminent)
    _has_room(conn, system, _closed_until(conn, system), allowed, calls, now)


def _has_room(
    conn: Connection,
    system: str,
    closed_until: datetime | None,
    allowed: int | None,
    calls: int,
    now: datetime,
) -> None:
    if closed_until is not None and closed_until > now:
        raise Throttled("throttled", closed_until)
    if allowed is None:
        return
    beyond = _used(conn, system, now) + min(calls, allowed) - allowed
    if beyond > 0:
        raise Deferred("budget", _opens(conn, system, beyond, now))


def _my_turn(conn: Connection, system: str) -> datetime | None:
    """Lock the system's row: takers of all processes go one by one, so that no count is stale."""
    made = upsert.insert(conn, throttle).values(system=system, turn=1)
    taken = made.on_conflict_do_update(
        index_elements=[throttle.c.system], set_={"turn": throttle.c.turn + 1}
    )
    closed: datetime | None = conn.execute(taken.returning(throttle.c.closed_until)).scalar_one()
    return closed


def _closed_until(conn: Connection, system: str) -> datetime | None:
    closed: datetime | None = conn.execute(
        select(throttle.c.closed_until).where(throttle.c.system == system)
    ).scalar_one_or_none()
    return closed


def _spent(system: str, since: datetime) -> ColumnElement[bool]:
    """The calls that the remote may have counted since a time: an unsent one it never saw."""
    return and_(call.c.system == system, call.c.at > since, call.c.state != "unsent")


def _within(conn: Connection, system: str, most: int, window: timedelta, now: datetime) -> None:
    recent = list(
        conn.execute(
            select(call.c.at)
            .where(_spent(system, now - window))
            .order_by(call.c.at.desc())
            .limit(most)
        ).scalars()
    )
    if len(recent) >= most:
        raise BurstError(recent[-1] + window)


def _used(conn: Connection, system: str, now: datetime) -> int:
    counted: int = conn.execute(
        select(func.count()).select_from(call).where(_spent(system, now - HOUR))
    ).scalar_one()
    return counted


def _opens(conn: Connection, system: str, beyond: int, now: datetime) -> datetime:
    """When so many calls have left the window."""
    at: datetime = conn.execute(
        select(call.c.at)
        .where(_spent(system, now - HOUR))
        .order_by(call.c.at)
        .offset(beyond - 1)
        .limit(1)
    ).scalar_one()
    return at + HOUR


def close_until(conn: Connection, system: str, until: datetime) -> None:
    """Close a system for all processes until a time; a later time stays."""
    made = upsert.insert(conn, throttle).values(system=system, closed_until=until, turn=0)
    conn.execute(
        made.on_conflict_do_update(
            index_elements=[throttle.c.system],
            set_={"closed_until": until},
            where=or_(throttle.c.closed_until.is_(None), throttle.c.closed_until < until),
        )
    )


def left(conn: Connection, system: str, limit: Limit, now: datetime) -> Left:
    """The budget of a system now."""
    closed = _closed_until(conn, system)
    if closed is not None and closed <= now:
        closed = None
    return Left(system, limit.hourly, _used(conn, system, now), closed)


def widened(wait: Wait, budget: Left) -> Wait:
    """The settle time as the budget shrinks: beyond half of it, edits are gathered for longer."""
    if budget.limit is None or budget.left is None or budget.left * 2 >= budget.limit:
        return wait
    factor = min(30.0, budget.limit / (2 * max(1, budget.left)))
    return Wait(wait.settle * factor, max(wait.longest, wait.settle * factor))
