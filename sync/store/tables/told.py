"""Keep what callers said of ids that no read has shown yet: a bounded table.

Nothing is decided by it. A row asks for one read (`asks`), remembers a deletion for an hour
(`deleted`), or says whose address a chart may have by now (`keys`), which costs one read first.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from sync.core.bucket import Rates
from sync.store import upsert
from sync.store.schema import bucket, object_, told, work
from sync.store.tables import buckets

What = Literal["asks", "taken", "deleted", "keys"]
EVERY: tuple[What, ...] = get_args(What)


@dataclass(frozen=True, slots=True)
class Told:
    """One id that waits to be read, and what the caller said last."""

    system: str
    kind: str
    remote_id: str
    credential: str
    event: str
    delivery_id: str | None
    revision: str | None
    first_at: datetime
    due: datetime
    key_id: str | None = None  # of `email`
    email: str | None = None  # keyed digest of the address that a chart is said to have
    series: bool = False  # said to be the base of a series


_ROW = tuple(told.c[name] for name in Told.__slots__)


def number_of(remote_id: str) -> int | None:
    """A remote id as a number; None for an occurrence's, which is no number."""
    return int(remote_id) if remote_id.isascii() and remote_id.isdecimal() else None


def say(conn: Connection, one: Told, what: What, now: datetime) -> None:
    """Note what was said last of an id. A deletion that is said ends no waiting for a read."""
    values = {name: getattr(one, name) for name in Told.__slots__}
    made = upsert.insert(conn, told).values(
        **values, what=what, number=number_of(one.remote_id), at=now
    )
    changed = ("credential", "event", "delivery_id", "revision", "due", "key_id", "email", "series")
    later: dict[str, object] = {name: values[name] for name in changed} | {"at": now}
    # The highest revision stays: it is compared with that of what we made ourselves.
    later["revision"] = told.c.revision
    if one.revision is not None:
        later["revision"] = case(
            (told.c.revision > one.revision, told.c.revision), else_=one.revision
        )
    if what == "deleted":
        later = {"at": now}
    else:
        later["what"] = what
    conn.execute(
        made.on_conflict_do_update(
            index_elements=[told.c.system, told.c.kind, told.c.remote_id], set_=later
        )
    )


def find(conn: Connection, system: str, kind: str, remote_id: str) -> Told | None:
    """What was said of an id and waits; None when nothing was."""
    row = conn.execute(
        select(*_ROW).where(
            told.c.system == system, told.c.kind == kind, told.c.remote_id == remote_id
        )
    ).first()
    return None if row is None else Told(*row)


def take(conn: Connection, one: Told, now: datetime) -> None:
    """It is its turn: it is being read."""
    conn.execute(
        update(told)
        .where(
            told.c.system == one.system,
            told.c.kind == one.kind,
            told.c.remote_id == one.remote_id,
        )
        .values(what="taken", at=now)
    )


def count(conn: Connection, system: str, what: What) -> int:
    """How many rows of one sort a system has."""
    found: int = conn.execute(
        select(func.count()).select_from(told).where(told.c.system == system, told.c.what == what)
    ).scalar_one()
    return found


_BEING_READ = (
    select(func.count())
    .select_from(told)
    .join(
        object_,
        and_(
            object_.c.system == told.c.system,
            object_.c.kind == told.c.kind,
            object_.c.remote_id == told.c.remote_id,
        ),
    )
    .join(work, work.c.aggregate == object_.c.aggregate)
    .where(
        told.c.system == bindparam("of_system"),
        told.c.what == "taken",
        told.c.at > bindparam("since"),
        work.c.wanted > work.c.done,
    )
)


def being_read(conn: Connection, system: str, since: datetime) -> int:
    """How many ids of a system were given their turn since then and still wait for a worker."""
    found: int = conn.execute(_BEING_READ, {"of_system": system, "since": since}).scalar_one()
    return found


@dataclass(frozen=True, slots=True)
class Queue:
    """Where an id stands: what was said of it before, how many of its system ask and are read."""

    before: Told | None
    asking: int
    being_read: int
    bucket: buckets.Bucket


_NOW = select(literal(1).label("one")).subquery()
_QUEUE = select(
    *_ROW,
    bucket.c.soon,
    bucket.c.share,
    bucket.c.at.label("held_at"),
    select(func.count())
    .select_from(_ASKS := told.alias("asks"))
    .where(_ASKS.c.system == bindparam("of_system"), _ASKS.c.what == "asks")
    .scalar_subquery()
    .label("asking"),
    _BEING_READ.scalar_subquery().label("being_read"),
).select_from(
    _NOW.outerjoin(
        told,
        and_(
            told.c.system == bindparam("of_system"),
            told.c.kind == bindparam("of_kind"),
            told.c.remote_id == bindparam("of_id"),
        ),
    ).outerjoin(bucket, bucket.c.name == bindparam("of_bucket"))
)


def queue(conn: Connection, one: Told, rates: Rates, now: datetime, *, since: datetime) -> Queue:
    """All that decides whose turn it is when an id is told of; locks no row.

    `since`: an id that is being read for longer takes nobody's place.
    """
    row = conn.execute(
        _QUEUE,
        {
            "of_system": one.system,
            "of_kind": one.kind,
            "of_id": one.remote_id,
            "of_bucket": one.credential,
            "since": since,
        },
    ).one()
    before = None if row.remote_id is None else Told(*row[: len(_ROW)])
    return Queue(before, row.asking, row.being_read, buckets.as_read(row, rates, now, row.held_at))


def asking(
    conn: Connection, system: str, *, now: datetime, above: int | None, most: int
) -> list[Told]:
    """The ids of a system whose turn it is to be read next.

    What is made gets the next numbers, so the ids next above the highest one read (`above`) come
    first, then the others, the newest said first.
    """
    here = told.c.system == system, told.c.what == "asks", told.c.due <= now
    higher = told.c.number > (above or 0)
    nearest = select(*_ROW).where(*here, higher).order_by(told.c.number).limit(most)
    rows = list(conn.execute(nearest))
    if len(rows) < most:
        lower = or_(told.c.number.is_(None), ~higher)
        others = select(*_ROW).where(*here, lower).order_by(told.c.at.desc())
        rows += list(conn.execute(others.limit(most - len(rows))))
    return [Told(*row) for row in rows]


def anybody_asks(conn: Connection, now: datetime) -> bool:
    """Whether an id waits to be read now."""
    asks = told.c.what == "asks", told.c.due <= now
    return conn.execute(select(told.c.remote_id).where(*asks).limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was said of an object until it was read: the sort, by whom, last how, since when."""

    what: str
    credential: str
    event: str
    delivery_id: str | None
    revision: str | None  # the highest
    first_at: datetime


_SETTLE = (
    delete(told)
    .where(
        told.c.system == bindparam("system"),
        told.c.kind == bindparam("kind"),
        told.c.remote_id == bindparam("remote_id"),
    )
    .returning(*(told.c[name] for name in Settled.__slots__))
)
_SETTLE_ONLY = _SETTLE.where(told.c.what.in_(bindparam("only", expanding=True)))


def settled(
    conn: Connection, system: str, kind: str, remote_id: str, *, only: Collection[What] = EVERY
) -> Settled | None:
    """Drop what was said of an object that was read just now; None when nothing was.

    `only`: what was said otherwise stays.
    """
    said = {"system": system, "kind": kind, "remote_id": remote_id}
    if only is EVERY:
        row = conn.execute(_SETTLE, said).first()
    else:
        row = conn.execute(_SETTLE_ONLY, {**said, "only": list(only)}).first()
    return None if row is None else Settled(*row)


def listed(
    conn: Connection, system: str, kind: str, ids: Collection[str], before: datetime
) -> None:
    """Drop what was said earlier than `before` of objects that an authenticated list has shown."""
    for some in _chunks(sorted(ids)):
        conn.execute(
            delete(told).where(
                told.c.system == system,
                told.c.kind == kind,
                told.c.remote_id.in_(some),
                told.c.what != "taken",
                told.c.at < before,
            )
        )


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[first : first + 500] for first in range(0, len(ids), 500))


def ask_for_patients(conn: Connection) -> None:
    """Have every patient read of whom something was said: everyone is wanted from now on."""
    keys = told.c.kind == "patient", told.c.what == "keys"
    conn.execute(update(told).where(*keys).values(what="asks"))


def answered(
    conn: Connection,
    system: str,
    *,
    before: datetime,
    above: int | None = None,
    occurrences: bool = False,
) -> None:
    """Drop the ids that a whole list, read later than `before`, would have shown and did not.

    `above`: only numbers above this one. `occurrences`: those that are no number, and only those.
    """
    numbers = told.c.number.is_(None) if occurrences else told.c.number.is_not(None)
    where: list[ColumnElement[bool]] = [numbers]
    if above is not None:
        where.append(told.c.number > above)
    conn.execute(
        delete(told).where(
            told.c.system == system,
            told.c.kind == "appointment",
            told.c.what == "asks",
            told.c.at < before,
            *where,
        )
    )


def forget_old(conn: Connection, before: datetime) -> None:
    """Drop what an hour has made useless; what waits to be read is not lost by waiting."""
    conn.execute(delete(told).where(told.c.what != "asks", told.c.at < before))


def patients_with(conn: Connection, emails: Collection[tuple[str, str]]) -> list[str]:
    """The patients who are said to have one of these addresses (key id, keyed digest)."""
    if not emails:
        return []
    same = or_(*((told.c.key_id == key) & (told.c.email == digest) for key, digest in emails))
    rows = conn.execute(
        select(told.c.remote_id).where(told.c.system == "drchrono", told.c.kind == "patient", same)
    )
    return sorted(rows.scalars())


def of_patients(conn: Connection, ids: Collection[str]) -> list[str]:
    """Those of these patients of whom something was said since they were read."""
    rows = conn.execute(
        select(told.c.remote_id).where(
            told.c.system == "drchrono", told.c.kind == "patient", told.c.remote_id.in_(list(ids))
        )
    )
    return sorted(rows.scalars())
