"""Take an item of work, prove that it is still ours, and give it back: one statement each.

Fences make it hold across processes that died or were paused: whoever takes an item gets the next
number, and what the holder of an earlier one writes is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Executable,
    Row,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    null,
    or_,
    select,
    update,
)

from sync.store import pauses, upsert
from sync.store.lanes import Hints, Lane
from sync.store.schema import UtcTime, aggregate, attention, blocker, work

# What an item waits for when it waits for another's next run; and the cause that such an end ends.
RUN = "run"
KEEPS_FAILING = "keeps_failing"


@dataclass(frozen=True, slots=True)
class Ended:
    """What giving a lease back has shown: when the item is due again, and who waited for its end.

    `due` is None where no more is wanted than was claimed.
    """

    due: datetime | None
    lane: Lane
    awaited: bool


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one aggregate until `until`, proven by `fence` at every write.

    `begun`: when it was taken. What its run has looked at may have changed since.

    `ended` holds what its giving back has shown, once it was given back.
    """

    aggregate: int
    fence: int
    owner: str
    until: datetime
    wanted: int
    lane: Lane
    hints: Hints
    attempts: int
    kind: str
    begun: datetime
    own: bool = False  # DrChrono's side is asked for by ourselves: no body explains that
    ended: list[Ended] = field(default_factory=list, compare=False, repr=False)


class FenceLostError(Exception):
    """Another process holds the aggregate now: stop, start no new call."""


# --- taking ---------------------------------------------------------------------------------------

_KIND = select(aggregate.c.kind).where(aggregate.c.id == bindparam("key")).scalar_subquery()
_TAKEN = {
    work.c.fence: work.c.fence + 1,
    work.c.lease_by: bindparam("owner"),
    work.c.lease_until: bindparam("until", type_=UtcTime()),
    work.c.rung_at: null(),
}
_WANTED = work.c.wanted > work.c.done
_ABANDONED = work.c.lease_by.is_not(None)
_DRCHRONO, _ONCALL, _OWN = 1, 2, 4  # in `claimed`
_CLAIM = (
    update(work)
    .where(
        work.c.aggregate == bindparam("key"),
        or_(
            and_(work.c.lease_by.is_(None), work.c.wanted > work.c.done,
                 work.c.due <= bindparam("now", type_=UtcTime())),
            and_(_ABANDONED, work.c.lease_until <= bindparam("now", type_=UtcTime())),
        ),
        pauses.lets_begin(bindparam("now", type_=UtcTime())),
    )
    .values(
        {
            **_TAKEN,
            # Taken by `try_lock` and abandoned, an item of which nothing was wanted is wanted now.
            work.c.wanted: case((_WANTED, work.c.wanted), else_=work.c.done + 1),
            # RETURNING tells the new row alone: what is emptied here is kept in its own column.
            work.c.claimed: case((or_(work.c.hint_drchrono, _ABANDONED), _DRCHRONO), else_=0)
            + case((or_(work.c.hint_oncall, _ABANDONED), _ONCALL), else_=0)
            + case((or_(work.c.own, _ABANDONED), _OWN), else_=0),
            work.c.first_hint: null(),
            work.c.hint_drchrono: false(),
            work.c.hint_oncall: false(),
            work.c.own: false(),
        }
    )
    .returning(work.c.fence, work.c.wanted, work.c.lane, work.c.attempts, work.c.claimed,
               _KIND.label("kind"))
)  # fmt: skip


def claim(
    conn: Connection, aggregate: int, *, owner: str, now: datetime, seconds: float
) -> Lease | None:
    """Take a due item for `seconds`; None when there is nothing to do or somebody is at it.

    A lease that ran out unreturned means that its worker died, whatever it was doing there: what it
    had read and sent is unknown, so one run is due at once and both sides count as hinted.
    """
    until = now + timedelta(seconds=seconds)
    row = conn.execute(
        _CLAIM, {"key": aggregate, "owner": owner, "until": until, "now": now}
    ).first()
    if row is None:
        return None
    hints = Hints(bool(row.claimed & _DRCHRONO), bool(row.claimed & _ONCALL))
    return _lease(aggregate, owner, now, until, row, hints, own=bool(row.claimed & _OWN))


def _locking(insert: upsert.Insert) -> Executable:
    made = insert.values(
        aggregate=bindparam("key"),
        wanted=0,
        done=0,
        lane=int(Lane.LIVE),
        due=bindparam("now", type_=UtcTime()),
        fence=1,
        lease_by=bindparam("owner"),
        lease_until=bindparam("until", type_=UtcTime()),
    )
    return made.on_conflict_do_update(
        index_elements=[work.c.aggregate],
        set_={column.name: value for column, value in _TAKEN.items()},
        where=work.c.lease_by.is_(None),
    ).returning(
        *(work.c.fence, work.c.wanted, work.c.lane, work.c.attempts, work.c.own),
        *(work.c.hint_drchrono, work.c.hint_oncall, _KIND.label("kind")),
    )


_LOCK = upsert.of_each(work, _locking)


def try_lock(
    conn: Connection, aggregate: int, *, owner: str, now: datetime, seconds: float
) -> Lease | None:
    """Take an aggregate whether or not work waits on it (another aggregate's run needs it).

    Never waits: None when it is held. One that was abandoned counts as held, because a run of its
    own must look first at what its dead worker left; the sweeper sees to that. What was wanted and
    hinted stays so.
    """
    until = now + timedelta(seconds=seconds)
    told = {"key": aggregate, "owner": owner, "until": until, "now": now}
    row = conn.execute(_LOCK[conn.dialect.name], told).first()
    if row is None:
        return None
    hints = Hints(row.hint_drchrono, row.hint_oncall)
    return _lease(aggregate, owner, now, until, row, hints, own=row.own)


def _lease(
    key: int,
    owner: str,
    begun: datetime,
    until: datetime,
    row: Row[Any],
    hints: Hints,
    *,
    own: bool,
) -> Lease:
    return Lease(
        aggregate=key,
        fence=row.fence,
        owner=owner,
        until=until,
        wanted=row.wanted,
        lane=Lane(row.lane),
        hints=hints,
        attempts=row.attempts,
        kind=row.kind,
        begun=begun,
        own=own,
    )


# --- holding and giving back ----------------------------------------------------------------------

_OURS = update(work).where(
    work.c.aggregate == bindparam("key"),
    work.c.fence == bindparam("held"),
    work.c.lease_by.is_not(None),
)
_HOLD = _OURS.values(lease_until=bindparam("until", type_=UtcTime()))
_RETURNED = {work.c.lease_by: null(), work.c.lease_until: null()}
_TELLS = (work.c.wanted, work.c.due, work.c.lane)
_AWAITED = or_(
    exists().where(blocker.c.kind == RUN, blocker.c.ref == bindparam("ref")),
    exists().where(
        attention.c.aggregate == bindparam("key"),
        attention.c.cause == KEEPS_FAILING,
        attention.c.closed_at.is_(None),
    ),
)
_COMPLETE = _OURS.values(
    {
        **_RETURNED,
        work.c.done: bindparam("wanted_then"),
        work.c.attempts: 0,
        work.c.ended_at: func.coalesce(bindparam("ended", type_=UtcTime()), work.c.ended_at),
    }
).returning(*_TELLS, _AWAITED.label("awaited"))
_GIVE_BACK = _OURS.values(_RETURNED)
_DEFER = _OURS.values(
    {
        **_RETURNED,
        work.c.attempts: work.c.attempts + bindparam("tries"),
        work.c.due: case(
            (work.c.wanted > bindparam("wanted_then"), work.c.due),
            else_=bindparam("until", type_=UtcTime()),
        ),
        work.c.hint_drchrono: or_(work.c.hint_drchrono, bindparam("drchrono", type_=Boolean())),
        work.c.hint_oncall: or_(work.c.hint_oncall, bindparam("oncall", type_=Boolean())),
        work.c.own: or_(work.c.own, bindparam("ours", type_=Boolean())),
        work.c.rung_at: null(),
    }
).returning(*_TELLS)


def hold(conn: Connection, lease: Lease, *, now: datetime, seconds: float) -> None:
    """Prove the fence and renew the lease; must be a transaction's first statement.

    Raises FenceLostError when another process took the aggregate.
    """
    until = now + timedelta(seconds=seconds)
    kept = conn.execute(_HOLD, {**_proof(lease), "until": until})
    if kept.rowcount != 1:
        raise FenceLostError(lease.aggregate)


def complete(conn: Connection, lease: Lease, *, ended: datetime | None) -> bool:
    """Give the item back as done as far as it was wanted when claimed.

    `ended`: when its run came to its end; None where it parks, which is no end to wait for.

    Returns whether more was wanted meanwhile. Raises FenceLostError. Where others wait for this end
    (`Ended.awaited`), `hold` must have come first in the transaction: a statement that waited for
    the row's lock would not see who came to wait meanwhile.
    """
    told = {"wanted_then": lease.wanted, "ref": str(lease.aggregate), "ended": ended}
    row = _given_back(conn, lease, _COMPLETE, told)
    more = row.wanted > lease.wanted
    lease.ended.append(Ended(row.due if more else None, Lane(row.lane), bool(row.awaited)))
    return bool(more)


def give_back(conn: Connection, lease: Lease) -> None:
    """Return a lease taken by `try_lock`: what is wanted stays as it was. Raises FenceLostError."""
    kept = conn.execute(_GIVE_BACK, _proof(lease))
    if kept.rowcount != 1:
        raise FenceLostError(lease.aggregate)


def defer(
    conn: Connection,
    lease: Lease,
    *,
    due: datetime,
    hints: Hints | None = None,
    failed: bool = False,
    own: bool = False,
) -> None:
    """Give the item back undone until `due`; `failed` counts an attempt. Raises FenceLostError.

    `own`: what was read asks for the next look, and no webhook's body explains that.

    An event that came meanwhile is not made to wait: its own, earlier due time stands.
    """
    again = hints or lease.hints
    told = {
        "tries": int(failed),
        "wanted_then": lease.wanted,
        "until": due,
        "drchrono": again.drchrono,
        "oncall": again.oncall,
        "ours": lease.own or own,
    }
    row = _given_back(conn, lease, _DEFER, told)
    lease.ended.append(Ended(row.due, Lane(row.lane), awaited=False))


def _proof(lease: Lease) -> dict[str, Any]:
    return {"key": lease.aggregate, "held": lease.fence}


def _given_back(
    conn: Connection, lease: Lease, statement: Any, told: Mapping[str, Any]
) -> Row[Any]:
    row: Row[Any] | None = conn.execute(statement, {**_proof(lease), **told}).first()
    if row is None:
        raise FenceLostError(lease.aggregate)
    return row
