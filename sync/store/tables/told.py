"""Keep what callers said of ids that no read has shown yet: a bounded table.

Nothing is decided by it. A row asks for one read (`asks`), remembers a deletion for an hour
(`deleted`), or says whose address a chart may have by now (`keys`), which costs one read first.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
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
from sync.store.schema import ONE, UtcTime, bucket, object_, told, work
from sync.store.tables import at_the_end, buckets

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


_KEY = list(told.primary_key)
_CHANGED = ("credential", "event", "delivery_id", "revision", "due", "key_id", "email", "series")


def _saying(made: upsert.Insert) -> Executable:
    said = made.excluded
    later: dict[str, Any] = {name: said[name] for name in (*_CHANGED, "what", "at")}
    # The highest revision stays: it is compared with that of what we made ourselves.
    later["revision"] = case(
        (or_(said.revision.is_(None), told.c.revision > said.revision), told.c.revision),
        else_=said.revision,
    )
    return made.on_conflict_do_update(index_elements=_KEY, set_=later)


def _saying_gone(made: upsert.Insert) -> Executable:
    # A deletion that is said ends no waiting for a read.
    return made.on_conflict_do_update(index_elements=_KEY, set_={"at": made.excluded.at})


_SAY = upsert.of_each(told, _saying)
_SAY_GONE = upsert.of_each(told, _saying_gone)


def say(conn: Connection, one: Told, what: What, now: datetime) -> None:
    """Note what was said last of an id, as the transaction ends."""
    said = {name: getattr(one, name) for name in Told.__slots__}
    row = {**said, "what": what, "number": number_of(one.remote_id), "at": now}
    at_the_end.write(conn, (_SAY_GONE if what == "deleted" else _SAY)[conn.dialect.name], row)


def _of(system: str, kind: str, remote_id: str) -> tuple[ColumnElement[bool], ...]:
    return told.c.system == system, told.c.kind == kind, told.c.remote_id == remote_id


def find(conn: Connection, system: str, kind: str, remote_id: str) -> Told | None:
    """What was said of an id and waits; None when nothing was."""
    row = conn.execute(select(*_ROW).where(*_of(system, kind, remote_id))).first()
    return None if row is None else Told(*row)


def take(conn: Connection, one: Told, now: datetime) -> None:
    """It is its turn: it is being read."""
    itself = _of(one.system, one.kind, one.remote_id)
    conn.execute(update(told).where(*itself).values(what="taken", at=now))


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


class Standing(NamedTuple):
    """How many ids of a system wait for their turn, how many are read, and a caller's tokens.

    `said`: what was said of ids before and waits, by kind and id.
    """

    asking: int
    being_read: int
    bucket: buckets.Bucket
    said: dict[tuple[str, str], Told]


_NOW = select(literal(1).label("one")).subquery()
_STANDING = select(
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
    _NOW.outerjoin(bucket, bucket.c.name == bindparam("of_bucket")).outerjoin(
        told,
        and_(
            told.c.system == bindparam("of_system"),
            told.c.kind.in_(("appointment", "patient")),  # every kind: so the index serves
            told.c.remote_id.in_(bindparam("of_ids", expanding=True)),
        ),
    )
)


def standing(
    conn: Connection,
    whose: tuple[str, str],
    ids: Collection[str],
    rates: Rates,
    now: datetime,
    *,
    since: datetime,
) -> Standing:
    """All that decides whose turn it is when these ids of a system are told of; locks no row.

    `whose` word it is: a system's, with a credential. `since`: an id that is being read for longer
    takes nobody's place.
    """
    system, credential = whose
    told_by = {"of_system": system, "of_bucket": credential, "of_ids": list(ids), "since": since}
    rows = conn.execute(_STANDING, told_by).all()
    said = [Told(*row[: len(_ROW)]) for row in rows if row.remote_id is not None]
    first = rows[0]
    return Standing(
        first.asking,
        first.being_read,
        buckets.as_read(first, rates, now, first.held_at),
        {(one.kind, one.remote_id): one for one in said},
    )


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


_DUE = told.c.what == "asks", told.c.due <= bindparam("now", type_=UtcTime())
_ANYBODY = select(told.c.remote_id).where(*_DUE).limit(ONE)


def anybody_asks(conn: Connection, now: datetime) -> bool:
    """Whether an id waits to be read now."""
    return conn.execute(_ANYBODY, {"now": now}).first() is not None


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
