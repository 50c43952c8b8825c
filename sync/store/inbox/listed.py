"""Filter, count and page the open items of attention, oldest first.

Whatever is asked, the partial index of what is open is read and a page of rows is fetched: what was
settled in years is not looked at, and what waits is never loaded whole.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Table,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
)

from sync.store.attention import Item
from sync.store.schema import aggregate, attendance, attention, object_, object_alias
from sync.store.tables.links import Obj

ABOUT = ("visit", "person", "service")
# What somebody can name by its id, and of whose system it is.
REMOTE = (
    ("drchrono", "appointment"),
    ("drchrono", "patient"),
    ("oncall", "appointment"),
    ("oncall", "contact"),
    ("oncall", "participant"),
)


@dataclass(frozen=True, slots=True)
class Named:
    """An id that somebody looks for: an item's own, an aggregate's, or a remote object's."""

    item: int | None = None
    aggregate: int | None = None
    remote_id: str | None = None
    kinds: tuple[tuple[str, str], ...] = REMOTE


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; "" and None ask for all.

    `about` is one of ABOUT, `until` (aware UTC) keeps those that were opened by then, `named` those
    about something of that id, or that name it.
    """

    cause: str = ""
    about: str = ""
    until: datetime | None = None
    named: tuple[Named, ...] = ()


_ROW = tuple(attention.c[name] for name in Item.__slots__)
_OPEN = attention.c.closed_at.is_(None)


def page(
    conn: Connection, wanted: Wanted, most: int, *, after: int = 0, before: int | None = None
) -> list[Item]:
    """At most so many, oldest first: those behind the item `after`, or just ahead of `before`."""
    query = select(*_ROW).where(*_wanted(wanted))
    if before is not None:
        query = query.where(attention.c.id < before).order_by(attention.c.id.desc()).limit(most)
        return [Item(*row) for row in conn.execute(query)][::-1]
    query = query.where(attention.c.id > after).order_by(attention.c.id).limit(most)
    return [Item(*row) for row in conn.execute(query)]


def ids(conn: Connection, wanted: Wanted, most: int) -> list[int]:
    """The numbers of the oldest so many."""
    query = select(attention.c.id).where(*_wanted(wanted)).order_by(attention.c.id).limit(most)
    return list(conn.execute(query).scalars())


def count(conn: Connection, wanted: Wanted, *, below: int | None = None) -> int:
    """How many there are, or how many before the item `below`."""
    query = select(func.count()).select_from(attention).where(*_wanted(wanted))
    if below is not None:
        query = query.where(attention.c.id < below)
    counted: int = conn.execute(query).scalar_one()
    return counted


def by_cause(conn: Connection, wanted: Wanted) -> list[tuple[str, int]]:
    """How many of each cause, most first; whichever cause is asked for."""
    of_any = Wanted("", wanted.about, wanted.until, wanted.named)
    counted = func.count()
    query = select(attention.c.cause, counted).where(*_wanted(of_any)).group_by(attention.c.cause)
    found = conn.execute(query.order_by(counted.desc(), attention.c.cause))
    return [(cause, number) for cause, number in found]


def beside(conn: Connection, wanted: Wanted, item: int) -> tuple[int | None, int | None]:
    """The items before and after this one in what is asked for, which it need not be in itself."""
    mine = _wanted(wanted)
    former = select(func.max(attention.c.id)).where(*mine, attention.c.id < item)
    later = select(func.min(attention.c.id)).where(*mine, attention.c.id > item)
    return conn.execute(former).scalar_one(), conn.execute(later).scalar_one()


def get(conn: Connection, item: int) -> tuple[Item, datetime | None] | None:
    """An item by its number with when it was closed (None: it is open); None for no such item."""
    row = conn.execute(select(*_ROW, attention.c.closed_at).where(attention.c.id == item)).first()
    return None if row is None else (Item(*row[:-1]), row[-1])


def kinds(conn: Connection, keys: Collection[int]) -> dict[int, str]:
    """What each of these aggregates is: visit or person."""
    query = select(aggregate.c.id, aggregate.c.kind).where(aggregate.c.id.in_(keys))
    return {row.id: row.kind for row in conn.execute(query)}


def objects(conn: Connection, keys: Collection[int], own: Collection[int], most: int) -> list[Obj]:
    """These objects, and those of these aggregates, oldest first, so many at most."""
    query = (
        select(*(object_.c[name] for name in Obj.__slots__))
        .where(or_(object_.c.aggregate.in_(keys), object_.c.id.in_(own)))
        .order_by(object_.c.id)
        .limit(most)
    )
    return [Obj(*row) for row in conn.execute(query)]


def _wanted(wanted: Wanted) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [_OPEN]
    if wanted.cause:
        chosen.append(attention.c.cause == wanted.cause)
    if wanted.about == "service":
        chosen.append(attention.c.aggregate == 0)
    elif wanted.about:
        of_kind = aggregate.c.id == attention.c.aggregate, aggregate.c.kind == wanted.about
        chosen.append(exists().where(*of_kind))
    if wanted.until is not None:
        chosen.append(attention.c.opened_at <= wanted.until)
    if wanted.named:
        chosen.append(or_(*(part for one in wanted.named for part in _named(one))))
    return chosen


def _named(one: Named) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if one.item is not None:
        found.append(attention.c.id == one.item)
    if one.aggregate is not None:
        found.append(attention.c.aggregate == one.aggregate)
    if one.remote_id is not None:
        here = select(object_.c.aggregate).where(
            or_(*(_is(object_, one.remote_id, kind) for kind in one.kinds))
        )
        formerly = (
            select(object_.c.aggregate)
            .join(object_alias, object_alias.c.object == object_.c.id)
            .where(or_(*(_is(object_alias, one.remote_id, kind) for kind in one.kinds)))
        )
        visits = select(attendance.c.visit).where(
            attendance.c.person.in_(here), attendance.c.current
        )
        found += [attention.c.aggregate.in_(every) for every in (here, formerly, visits)]
        # What is open is few: of these alone the lists of candidates are looked through.
        named = cast(attention.c.candidates, String)
        found.append(named.contains(f'"{one.remote_id}"', autoescape=True))
    return found


def _is(table: Table, remote_id: str, kind: tuple[str, str]) -> ColumnElement[bool]:
    system, name = kind
    return and_(table.c.system == system, table.c.kind == name, table.c.remote_id == remote_id)
