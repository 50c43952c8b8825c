"""Wake what waits for a thing when that changes; note what a parked object waits for.

Who parks has looked at the thing some time before: what changed meanwhile woke nobody. So each
change is kept for a while as a signal, and whoever began to look before it, and waits, has missed
it (ADR 0043).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    union,
    update,
)

from sync.store.at_end import signals
from sync.store.lanes import Hints, Lane
from sync.store.schema import UtcTime, attendance, blocker, object_, signal
from sync.store.schema import work as work_table
from sync.store.tables import claims, work

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sync.digests import Digests


Blocker = tuple[str, str]


PATIENT = "patient"  # a chart, by DrChrono's id


VISIT = "visit"  # another appointment, by DrChrono's id


RUN = claims.RUN  # another aggregate's next run that comes to its end


ADDRESS = "address"  # fewer charts share an e-mail; by the index's digest


EMAIL = "email"  # somebody with this e-mail is indexed; by the index's digest


PAUSE = "pause"  # what an operator has paused, as `store.pauses` writes it


FACT = "fact"  # something that the remotes show of themselves


OPERATOR = "operator"


BOTH: Final = Hints.both()


def patients(ids: Iterable[str]) -> tuple[Blocker, ...]:
    """The blockers of what a change of any of these charts may mend."""
    return tuple((PATIENT, one) for one in ids)


def email(
    digests: Digests, keys: Iterable[tuple[str, tuple[str, ...]]], *, older: bool = False
) -> tuple[Blocker, ...]:
    """The blocker of what is mended when a chart with this e-mail comes; none without one.

    `older`: under each configured digest key, to wake what was parked before a change of keys.
    """
    ids = digests.key_ids if older else (digests.key_id,)
    return tuple(
        (EMAIL, digests.person(what, *parts, key_id=key_id))
        for what, parts in keys
        if what == EMAIL
        for key_id in ids
    )


def wake(
    conn: Connection,
    kind: str,
    ref: str | None,
    *,
    now: datetime,
    hints: Hints = BOTH,
    lane: Lane = Lane.LIVE,
) -> list[int]:
    """Say that this changed, and raise whatever waits for it; returns the aggregates.

    `ref` None: everything of the kind changed.
    """
    waiting = changed(conn, kind, ref, now)
    for key in waiting:
        work.raise_(conn, key, now=now, hints=hints, lane=lane)
    return waiting


def changed(conn: Connection, kind: str, ref: str | None, now: datetime) -> list[int]:
    """Say that this changed; returns the aggregates that wait for it, for the caller to raise."""
    signals.note(conn, kind, (ref or "")[:64], now)
    return who_waits(conn, kind, ref)


def who_waits(conn: Connection, kind: str, ref: str | None = None) -> list[int]:
    """The aggregates that wait for this, or for anything of the kind: only looks."""
    query = select(blocker.c.aggregate).where(blocker.c.kind == kind).distinct()
    if ref is not None:
        query = query.where(blocker.c.ref == ref[:64])
    return list(conn.execute(query.order_by(blocker.c.aggregate)).scalars())


class Missed(NamedTuple):
    """An aggregate that waits for what changed since it was looked at."""

    aggregate: int
    kind: str
    ref: str


_AT_REST = ~exists().where(
    work_table.c.aggregate == blocker.c.aggregate,
    or_(work_table.c.wanted > work_table.c.done, work_table.c.lease_by.is_not(None)),
)
_WAITS = select(blocker.c.aggregate, blocker.c.kind, blocker.c.ref)
_OTHER = work_table.alias("other")
_HAS_RUN = _OTHER.c.ended_at > blocker.c.since, _AT_REST


def _signalled(ref: ColumnElement[str] | str) -> Select[Any]:
    """What waits for a thing that is signalled so, since before it changed."""
    same = and_(signal.c.kind == blocker.c.kind, signal.c.ref == ref)
    return _WAITS.join(signal, same).where(signal.c.at > blocker.c.since, _AT_REST)


def _of_object(waits_for: str, kind: str) -> Select[Any]:
    """What waits for an object of DrChrono's whose own run has ended since: it follows its news."""
    named = object_.c.system == "drchrono", object_.c.kind == kind
    return (
        _WAITS.join(object_, and_(object_.c.remote_id == blocker.c.ref, *named))
        .join(_OTHER, _OTHER.c.aggregate == object_.c.aggregate)
        .where(blocker.c.kind == waits_for, *_HAS_RUN)
    )


def _of_run() -> Select[Any]:
    """What waits for another aggregate's run that has ended since."""
    # The reference of another kind is no number.
    number = case((blocker.c.kind == RUN, cast(blocker.c.ref, Integer)))
    return _WAITS.join(_OTHER, _OTHER.c.aggregate == number).where(blocker.c.kind == RUN, *_HAS_RUN)


_SORTS = (
    _signalled(blocker.c.ref),
    _signalled(""),
    _of_object(PATIENT, "patient"),
    _of_object(VISIT, "appointment"),
    _of_run(),
)
_MISSED = union(*_SORTS).order_by("aggregate", "kind", "ref")
_LOOKED_AT = (
    update(blocker)
    .where(
        blocker.c.aggregate == bindparam("of"),
        blocker.c.kind == bindparam("its_kind"),
        blocker.c.ref == bindparam("its_ref"),
    )
    .values(since=bindparam("at", type_=UtcTime()))
)


def missed(conn: Connection) -> list[Missed]:
    """What is at rest, and waits for what changed after the run had begun that found it waits."""
    return [Missed(*row) for row in conn.execute(_MISSED)]


def looked_at_from(conn: Connection, found: Iterable[Missed], at: datetime) -> None:
    """Note that these are looked at once more: what changed until now is missed no longer."""
    rows = [
        {"of": one.aggregate, "its_kind": one.kind, "its_ref": one.ref, "at": at} for one in found
    ]
    if rows:
        conn.execute(_LOOKED_AT, rows)


def patients_of(conn: Connection, key: int) -> list[str]:
    """Give the DrChrono ids of the patients who attend a visit."""
    rows = conn.execute(
        select(object_.c.remote_id)
        .join(attendance, attendance.c.person == object_.c.aggregate)
        .where(attendance.c.visit == key, attendance.c.current)
        .where(object_.c.system == "drchrono", object_.c.kind == "patient")
        .where(object_.c.remote_id.is_not(None))
        .order_by(object_.c.id)
    )
    return [str(one) for one in rows.scalars()]


def of(conn: Connection, key: int, kind: str) -> list[str]:
    """What of one kind an aggregate waits for."""
    mine = blocker.c.aggregate == key, blocker.c.kind == kind
    return list(conn.execute(select(blocker.c.ref).where(*mine)).scalars())


@dataclass(frozen=True, slots=True)
class Parked:
    """One thing that one object of an aggregate waits for; object 0 is the aggregate itself."""

    object: int
    kind: str
    ref: str
    since: datetime


def of_aggregate(conn: Connection, key: int) -> list[Parked]:
    """Everything that an aggregate and its objects wait for, oldest first."""
    rows = conn.execute(
        select(blocker.c.object, blocker.c.kind, blocker.c.ref, blocker.c.since)
        .where(blocker.c.aggregate == key)
        .order_by(blocker.c.since, blocker.c.kind, blocker.c.ref)
    )
    return [Parked(*row) for row in rows]


def every(conn: Connection, kind: str) -> list[str]:
    """What of one kind is waited for by anybody, each once."""
    refs = select(blocker.c.ref).where(blocker.c.kind == kind).distinct()
    return list(conn.execute(refs).scalars())


def count(conn: Connection, kind: str) -> dict[str, int]:
    """How many aggregates wait for each cause of a kind, by its ref."""
    query = (
        select(blocker.c.ref, func.count(blocker.c.aggregate.distinct()))
        .where(blocker.c.kind == kind)
        .group_by(blocker.c.ref)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def count_parked(conn: Connection) -> int:
    """How many objects wait for something."""
    objects = select(blocker.c.aggregate, blocker.c.object).distinct().subquery()
    counted: int = conn.execute(select(func.count()).select_from(objects)).scalar_one()
    return counted


def waiting_objects(conn: Connection, key: int) -> set[int]:
    """The objects of an aggregate that wait for something; 0 is the aggregate itself."""
    return set(conn.execute(select(blocker.c.object).where(blocker.c.aggregate == key)).scalars())


def forget(conn: Connection, key: int, objects: Collection[int]) -> None:
    """Forget why these objects of an aggregate waited; 0 is the aggregate itself."""
    mine = blocker.c.aggregate == key, blocker.c.object.in_(objects)
    conn.execute(delete(blocker).where(*mine))
