"""Note what a parked object waits for, and wake it when that changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, select

from sync.store.lanes import Hints, Lane
from sync.store.schema import attendance, blocker, object_
from sync.store.tables import claims, links, work
from sync.store.tables.work import NO_WAIT, Wait

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
    ref: str,
    *,
    now: datetime,
    lane: Lane = Lane.LIVE,
    wait: Wait = NO_WAIT,
) -> list[int]:
    """Raise whatever waits for this; returns the aggregates."""
    waiting = links.blocked_on(conn, kind, ref[:64])
    for key in waiting:
        work.raise_(conn, key, now=now, hints=Hints.both(), lane=lane, wait=wait)
    return waiting


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
