"""Queue the aggregates that are to be looked at: a durable queue with leases and fences.

The contract is that of client-go's work queue: an item carries only a key; one key is never worked
on twice at once; any number of raises while it waits are one run; a raise during a run is exactly
one more run. Who works on it, and the fences that make it hold across processes that died or were
paused, are `claims`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)

from sync.store import pauses, upsert
from sync.store.lanes import Hints, Lane
from sync.store.schema import ONE, UtcTime, told, work
from sync.store.tables import at_the_end


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a raised item waits: seconds after the last hint, at most after the first."""

    settle: float
    longest: float


NO_WAIT = Wait(0, 0)


_KEY = work.c.aggregate
_OF = work.c.aggregate == bindparam("of")
_LOCKED = select(work).where(_OF).with_for_update()
_HEARD = (
    update(work)
    .where(_OF)
    .values(
        wanted=work.c.wanted + 1,
        due=bindparam("to_due"),
        hint_drchrono=or_(work.c.hint_drchrono, bindparam("hinted_drchrono")),
        hint_oncall=or_(work.c.hint_oncall, bindparam("hinted_oncall")),
        own=or_(work.c.own, bindparam("to_own")),
        rung_at=None,
    )
)
_RAISED = _HEARD.values(lane=bindparam("to_lane"), first_hint=bindparam("to_first_hint"))
_DUE_NOW = _HEARD.values(
    lane=int(Lane.LIVE),
    first_hint=func.coalesce(work.c.first_hint, bindparam("to_due", type_=UtcTime())),
)


def raise_(
    conn: Connection,
    aggregate: int,
    *,
    now: datetime,
    hints: Hints,
    lane: Lane = Lane.LIVE,
    wait: Wait = NO_WAIT,
    told: bool = False,
    item: RowMapping | None = None,
    new: bool = False,
) -> datetime:
    """Ask for one more look at an aggregate; also wakes an item that waits in back-off.

    `told`: a delivery says why, and may turn out to be explained by what is stored. `item`: its
    row, if it was locked already. `new`: the aggregate was made in this transaction.

    Returns when it is due (UTC): `wait.settle` seconds after now, but no later than `wait.longest`
    seconds after the first hint of this round. A round begins with the first hint after a claim, so
    what is said during a run settles anew.
    """
    own = hints.drchrono and not told
    heard = {"hinted_drchrono": hints.drchrono, "hinted_oncall": hints.oncall, "to_own": own}
    if item is None and not new and wait == NO_WAIT and lane is Lane.LIVE:
        # Due now, whatever its row says.
        if conn.execute(_DUE_NOW, {"of": aggregate, "to_due": now, **heard}).rowcount:
            return now
        new = True
    row = item or (None if new else locked(conn, aggregate))
    if row is None:
        due = _due(now, wait, now)
        if _asked_first(conn, aggregate, now=now, due=due, hints=hints, lane=lane, own=own):
            return due
        row = locked(conn, aggregate)  # another process made it meanwhile
        assert row is not None  # noqa: S101 - nobody drops what was asked for a moment ago
    first = row["first_hint"] or now
    due = _due(now, wait, first)
    waiting = row["wanted"] > row["done"]
    if waiting and row["lease_by"] is None and lane > row["lane"] and row["attempts"] == 0:
        # A weaker lane's hint must not postpone what is due sooner.
        due = min(due, row["due"])
    at_the_end.write(
        conn,
        _RAISED,
        {
            "of": aggregate,
            "to_lane": min(Lane(row["lane"]), lane) if waiting else lane,
            "to_due": due,
            "to_first_hint": first,
            **heard,
        },
    )
    return due


def _due(now: datetime, wait: Wait, first: datetime) -> datetime:
    settled = now + timedelta(seconds=wait.settle)
    return max(now, min(settled, first + timedelta(seconds=wait.longest)))


def _asked_first(
    conn: Connection,
    aggregate: int,
    *,
    now: datetime,
    due: datetime,
    hints: Hints,
    lane: Lane,
    own: bool,
) -> bool:
    """Make the item of an aggregate that had none; False when another process did."""
    made = upsert.insert(conn, work).values(
        aggregate=aggregate,
        wanted=1,
        done=0,
        lane=lane,
        due=due,
        first_hint=now,
        hint_drchrono=hints.drchrono,
        hint_oncall=hints.oncall,
        own=own,
    )
    return conn.execute(made.on_conflict_do_nothing().returning(_KEY)).first() is not None


def locked(conn: Connection, aggregate: int) -> RowMapping | None:
    """The item's row, locked until the transaction ends (SQLite's write lock is held already)."""
    return conn.execute(_LOCKED, {"of": aggregate}).mappings().first()


def idle(row: RowMapping | None) -> bool:
    """Whether nothing is asked for and nobody is at work."""
    return row is None or (row["wanted"] == row["done"] and row["lease_by"] is None)


def waits(row: RowMapping | None) -> bool:
    """Whether something is asked for that nobody has begun."""
    return row is not None and row["wanted"] > row["done"] and row["lease_by"] is None


def awaits(row: RowMapping | None, hints: Hints, lane: Lane) -> bool:
    """Whether an item that did not fail waits for its turn, in this lane or a better one.

    It waits with these hints, for the budget perhaps: to ask once more is no news, and wakes it
    too soon.
    """
    if row is None or row["lease_by"] is not None or row["attempts"] or row["lane"] > lane:
        return False
    heard = row["hint_drchrono"] >= hints.drchrono and row["hint_oncall"] >= hints.oncall
    return bool(heard and row["wanted"] > row["done"])


def _to_ring(now: datetime, ring_again: float) -> tuple[Select[int], Select[int]]:
    """What `claim` would take now and nobody was rung for lately: what waits, what was abandoned.

    Each in the order of the index that has nothing else in it: of ten thousand items at rest not
    one is looked at.
    """
    unrung = or_(work.c.rung_at.is_(None), work.c.rung_at < now - timedelta(seconds=ring_again))
    rest = unrung, pauses.lets_begin(now)
    waits_ = work.c.wanted > work.c.done, work.c.due <= now, work.c.lease_by.is_(None)
    abandoned = work.c.lease_by.is_not(None), work.c.lease_until <= now
    return (
        select(_KEY).where(*waits_, *rest).order_by(work.c.lane, work.c.due),
        select(_KEY).where(*abandoned, *rest).order_by(work.c.lease_until),
    )


def due_items(
    conn: Connection, *, now: datetime, ring_again: float, most: int = 500
) -> list[tuple[int, Lane]]:
    """What is due and unclaimed and was not rung in the last `ring_again` seconds; notes the ring.

    An abandoned lease is due when it has run out. Ordered by lane, then by age. Any number of
    sweepers may run.
    """
    sorts = [sort.limit(most) for sort in _to_ring(now, ring_again)]
    keys = union_all(*(select(sort.subquery().c.aggregate) for sort in sorts))
    # Once more, of the row as it is when it was locked: another sweeper may have rung it meanwhile.
    still = or_(*(sort.whereclause for sort in sorts if sort.whereclause is not None))
    found = conn.execute(
        select(work.c.aggregate, work.c.lane)
        .where(_KEY.in_(keys), still)
        .order_by(work.c.lane, work.c.due)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    if found:
        rung = [row.aggregate for row in found]
        conn.execute(update(work).where(work.c.aggregate.in_(rung)).values(rung_at=now))
    return [(row.aggregate, Lane(row.lane)) for row in found]


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits in one lane: items, and how many seconds the oldest is overdue."""

    lane: Lane
    waiting: int
    oldest_seconds: float


_DEPTHS = union_all(
    select(
        work.c.lane,
        func.count().label("waiting"),
        func.min(func.coalesce(work.c.first_hint, work.c.due)).label("oldest"),
    )
    .where(work.c.wanted > work.c.done)
    .group_by(work.c.lane),
    # An id that nobody has read has no item before its turn to be read; it waits all the same.
    select(literal(int(Lane.TOLD)), func.count(), func.min(told.c.first_at))
    .where(told.c.what == "asks")
    .having(func.count() > 0),
)


def depths(conn: Connection, *, now: datetime) -> list[Depth]:
    """Queue depth per lane, and the age of its oldest waiting item.

    In the lane of what was only told of are the ids, too, whose turn to be read has not come.
    """
    found = {lane: Depth(lane, 0, 0.0) for lane in Lane}
    for row in conn.execute(_DEPTHS):
        known = found[Lane(row.lane)]
        seconds = max(known.oldest_seconds, (now - row.oldest).total_seconds())
        found[known.lane] = Depth(known.lane, known.waiting + row.waiting, seconds)
    return list(found.values())


def any_due(conn: Connection, *, now: datetime, ring_again: float) -> bool:
    """Whether `due_items` would find something; takes no lock."""
    firsts = (sort.limit(ONE).scalar_subquery() for sort in _to_ring(now, ring_again))
    return any(key is not None for key in conn.execute(select(*firsts)).one())


def better_waits(conn: Connection, lane: Lane, now: datetime) -> bool:
    """Whether something of a lane whose turn comes first is due, and nobody is at it."""
    due = work.c.wanted > work.c.done, work.c.due <= now, work.c.lease_by.is_(None)
    query = select(work.c.aggregate).where(work.c.lane < lane, *due, pauses.lets_begin(now))
    # In the order of the index of what waits: else PostgreSQL, which takes a third of all items to
    # wait, may look through those at rest for the first that does.
    return conn.execute(query.order_by(work.c.lane, work.c.due).limit(ONE)).first() is not None


def lease_until(conn: Connection, aggregate: int) -> datetime | None:
    """Until when an item is held by whoever has it; None when nobody does."""
    until: datetime | None = conn.execute(
        select(work.c.lease_until).where(work.c.aggregate == aggregate)
    ).scalar_one_or_none()
    return until


@dataclass(frozen=True, slots=True)
class ItemStanding:
    """Where an item stands: whether something is asked for, when it is due, who has it."""

    lane: Lane
    waits: bool
    due: datetime
    lease_until: datetime | None


def standing(conn: Connection, aggregate: int) -> ItemStanding | None:
    """Where an aggregate's item stands; None without one."""
    row = conn.execute(
        select(work.c.lane, work.c.wanted > work.c.done, work.c.due, work.c.lease_until).where(
            work.c.aggregate == aggregate
        )
    ).first()
    return None if row is None else ItemStanding(Lane(row[0]), bool(row[1]), row[2], row[3])


def holders(conn: Connection) -> set[str]:
    """The owners of the leases that are held."""
    return set(conn.execute(select(work.c.lease_by).where(work.c.lease_by.is_not(None))).scalars())


def due_among(
    conn: Connection, aggregates: Collection[int], now: datetime
) -> list[tuple[int, Lane]]:
    """Those of these aggregates that are due and held by nobody, with their lane."""
    rows = conn.execute(
        select(work.c.aggregate, work.c.lane).where(
            work.c.aggregate.in_(aggregates),
            work.c.wanted > work.c.done,
            work.c.due <= now,
            work.c.lease_by.is_(None),
        )
    )
    return [(row.aggregate, Lane(row.lane)) for row in rows]


def waits_until(conn: Connection, aggregate: int) -> datetime | None:
    """When an item that waits for its turn has it; None when nothing is to be done for it."""
    due: datetime | None = conn.execute(
        select(work.c.due).where(work.c.aggregate == aggregate, work.c.wanted > work.c.done)
    ).scalar_one_or_none()
    return due
