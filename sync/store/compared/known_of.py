"""Read what is known of visits and persons that differ: work, questions, what is waited for."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from sync.store.schema import attention, blocker, object_, pending, work

CHUNK = 500


class Waiting(NamedTuple):
    """Where the work stands: since when, when it is due, who has it until when."""

    since: datetime | None
    due: datetime
    leased: datetime | None
    waits: bool


class Item(NamedTuple):
    """One open attention item."""

    id: int
    cause: str
    object: int
    since: datetime


class Blocked(NamedTuple):
    """One thing that is waited for."""

    kind: str
    ref: str
    since: datetime


@dataclass(slots=True)
class KnownOf:
    """What is known of one aggregate."""

    work: Waiting | None = None
    items: list[Item] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    writing: bool = False  # a call of ours whose outcome is not settled


def known_of(conn: Connection, keys: Collection[int]) -> dict[int, KnownOf]:
    """What is known of each of these, by five statements for every CHUNK of them."""
    found: dict[int, KnownOf] = {}
    named = sorted(set(keys) - {0})
    for first in range(0, len(named), CHUNK):
        some = named[first : first + CHUNK]
        for key in some:
            found[key] = KnownOf()
        _work(conn, some, found)
        _questions(conn, some, found)
        _blocked(conn, some, found)
        writing = select(object_.c.aggregate).where(
            object_.c.aggregate.in_(some), exists().where(pending.c.object == object_.c.id)
        )
        for key in conn.execute(writing).scalars():
            found[key].writing = True
    return found


def _work(conn: Connection, some: list[int], found: dict[int, KnownOf]) -> None:
    rows = conn.execute(
        select(
            work.c.aggregate,
            work.c.first_hint,
            work.c.due,
            work.c.lease_until,
            (work.c.wanted > work.c.done).label("waits"),
            work.c.lease_by,
        ).where(work.c.aggregate.in_(some))
    )
    for row in rows:
        leased = row.lease_until if row.lease_by is not None else None
        found[row.aggregate].work = Waiting(row.first_hint, row.due, leased, bool(row.waits))


def _questions(conn: Connection, some: list[int], found: dict[int, KnownOf]) -> None:
    rows = conn.execute(
        select(
            attention.c.aggregate,
            attention.c.id,
            attention.c.cause,
            attention.c.object,
            attention.c.opened_at,
        )
        .where(attention.c.aggregate.in_(some), attention.c.closed_at.is_(None))
        .order_by(attention.c.id)
    )
    for row in rows:
        found[row.aggregate].items.append(Item(*row[1:]))


def _blocked(conn: Connection, some: list[int], found: dict[int, KnownOf]) -> None:
    rows = conn.execute(
        select(blocker.c.aggregate, blocker.c.kind, blocker.c.ref, blocker.c.since)
        .where(blocker.c.aggregate.in_(some))
        .order_by(blocker.c.since)
    )
    for row in rows:
        found[row.aggregate].blocked.append(Blocked(*row[1:]))
