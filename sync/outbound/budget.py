"""Take each call from the budget: how many may still go out, and whose turn is next.

DrChrono allows 500 calls an hour and about 10 in a second (docs/api-facts.md, D9, D10). The window
rolls, so that no clock hour sees more. Live work may use what catch-up and bulk may not, and a
reserve is kept for visits that start soon (docs/rules.md, R21). The rows are in SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Executable,
    Integer,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)

from sync.core.errors import Deferred, Throttled
from sync.store import upsert
from sync.store.lanes import Lane
from sync.store.schema import UtcTime, call, throttle
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

_SYSTEM: BindParameter[str] = bindparam("system")
_NOW = bindparam("at", type_=UtcTime())
_HOUR_AGO = bindparam("hour_ago", type_=UtcTime())
_SECOND_AGO = bindparam("second_ago", type_=UtcTime())
# The calls that the remote may have counted: an unsent one it never saw.
_SPENT = and_(call.c.system == _SYSTEM, call.c.state != "unsent")
_IN_HOUR = select(func.count()).select_from(call).where(_SPENT, call.c.at > _HOUR_AGO)
_USED = _IN_HOUR.scalar_subquery()
_CLOSED = select(throttle.c.closed_until).where(throttle.c.system == _SYSTEM).scalar_subquery()
_LATEST = (
    select(call.c.at)
    .where(_SPENT, call.c.at > _SECOND_AGO)
    .order_by(call.c.at.desc())
    .offset(bindparam("before_last"))
    .limit(1)
).scalar_subquery()
_WHY = select(_CLOSED.label("closed"), _USED.label("used"), _LATEST.label("full"))
_LEFT = select(_CLOSED.label("closed"), _USED.label("used"))
_OPENS = (
    select(call.c.at)
    .where(_SPENT, call.c.at > _HOUR_AGO)
    .order_by(call.c.at)
    .offset(bindparam("beyond"))
    .limit(1)
)


def _turning(insert: upsert.Insert) -> Executable:
    made = insert.values(system=_SYSTEM, turn=1)
    return made.on_conflict_do_update(
        index_elements=[throttle.c.system], set_={"turn": throttle.c.turn + 1}
    )


_TURN = upsert.of_each(throttle, _turning)


def my_turn(conn: Connection, system: str) -> None:
    """Lock the system's row: takers of all processes go one by one, so that no count is stale.

    The time that a call's row must bear is read after it: who waited for its turn would note an
    earlier time than it calls at.
    """
    conn.execute(_TURN[conn.dialect.name], {"system": system})


def conditions(limit: Limit) -> list[ColumnElement[bool]]:
    """Under which one more row of a call may be inserted; bound by `asked`."""
    found: list[ColumnElement[bool]] = [or_(_CLOSED.is_(None), _CLOSED <= _NOW)]
    if limit.hourly is not None:
        found.append(bindparam("allowed", type_=Integer()) > _USED)
    if limit.burst is not None:
        found.append(_LATEST.is_(None))
    return found


def asked(
    system: str, limit: Limit, lane: Lane, *, imminent: bool, now: datetime
) -> dict[str, Any]:
    """What `conditions` are bound to, for a call of this lane at this time."""
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
    row = conn.execute(_WHY, told).one()
    _has_room(conn, told, row.closed, row.used, 1)
    raise BurstError(told["at"] if row.full is None else row.full + SECOND)


_ASK = select(
    throttle.c.system,
    throttle.c.closed_until,
    case(
        (
            throttle.c.system.in_(bindparam("limited", expanding=True)),
            select(func.count())
            .select_from(call)
            .where(call.c.system == throttle.c.system)
            .where(call.c.state != "unsent", call.c.at > _HOUR_AGO)
            .scalar_subquery(),
        ),
        else_=0,
    ).label("used"),
)


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
    rows = {
        row.system: row for row in conn.execute(_ASK, {"limited": limited, "hour_ago": now - HOUR})
    }
    for system, limit in limits.items():
        if system in rows:
            row, told = rows[system], asked(system, limit, lane, imminent=imminent, now=now)
            _has_room(conn, told, row.closed_until, row.used, calls)


def _has_room(
    conn: Connection, told: Mapping[str, Any], closed: datetime | None, used: int, calls: int
) -> None:
    if closed is not None and closed > told["at"]:
        raise Throttled("throttled", closed)
    allowed: int | None = told["allowed"]
    if allowed is None:
        return
    beyond = used + min(calls, allowed) - allowed
    if beyond > 0:
        opens: datetime = conn.execute(_OPENS, {**told, "beyond": beyond - 1}).scalar_one()
        raise Deferred("budget", opens + HOUR)


# --- what is left ---------------------------------------------------------------------------------


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
    row = conn.execute(_LEFT, {"system": system, "hour_ago": now - HOUR}).one()
    closed = row.closed if row.closed is not None and row.closed > now else None
    return Left(system, limit.hourly, row.used, closed)


def widened(wait: Wait, budget: Left) -> Wait:
    """The settle time as the budget shrinks: beyond half of it, edits are gathered for longer."""
    if budget.limit is None or budget.left is None or budget.left * 2 >= budget.limit:
        return wait
    factor = min(30.0, budget.limit / (2 * max(1, budget.left)))
    return Wait(wait.settle * factor, max(wait.longest, wait.settle * factor))
