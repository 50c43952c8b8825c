"""Read a record page by page, newest first, from wherever the page before ended.

No page reads more than `WINDOW` rows for each of the few ways in, however many there are and
however rare what is asked for is: it says how far it has looked, and the next one looks further.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    func,
    or_,
    select,
    true,
)

from sync.core.records import SYSTEMS
from sync.store.listing.kinds import OBJECT_COLUMNS, Record
from sync.store.listing.places import Place, below
from sync.store.listing.subjects import Meant
from sync.store.schema import ONE, aggregate, audit, audit_subject, object_

WINDOW: Final = 20_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. `about`: of these alone; `only`: a narrowing's name and its word."""

    about: Meant | None = None
    since: datetime | None = None
    until: datetime | None = None
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first. `after`: where the next page begins, None at the end of all.

    `looked_to`: rows older than that were not looked at, as few of the newer ones are asked for.
    """

    rows: tuple[Mapping[str, Any], ...]
    after: Place | None
    looked_to: datetime | None = None


def page(conn: Connection, record: Record, asked: Asked, after: Place | None, most: int) -> Page:
    """At most so many rows below a place."""
    found: dict[int, RowMapping] = {}
    floors: list[Place] = []
    for way in _ways(record, asked):
        walked = _walked(record, asked, way, after, most)
        rows = conn.execute(_told(record, asked, walked, most)).mappings().all()
        found |= {row[record.key]: row for row in rows}
        if asked.only and len(rows) <= most:
            floors += _floor(conn, record, walked)
    floor = max(floors, default=None)
    listed = sorted(found.values(), key=lambda row: _place(record, row), reverse=True)
    if floor is not None:
        listed = [row for row in listed if _place(record, row) >= floor]
    shown = tuple(dict(row) for row in listed[:most])
    if len(listed) > most:
        return Page(shown, _place(record, listed[most - 1]))
    return Page(shown, floor, None if floor is None else floor.at)


def _place(record: Record, row: RowMapping) -> Place:
    return Place(row["at"], row[record.key])


def _ways(record: Record, asked: Asked) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """The ways into the table, each along an index; what they lead to may overlap."""
    table = record.table
    if asked.about is None:
        words = (asked.only[record.split],) if record.split in asked.only else SYSTEMS
        yield from ((table.c[record.split] == word,) for word in words) if record.split else [()]
        return
    if not record.has_object:
        yield (table.c[record.key].in_(_named(asked.about)),)
        return
    if asked.about.objects:
        yield (table.c.object.in_(asked.about.objects),)
    if asked.about.aggregates and "aggregate" in table.c:
        yield (table.c.aggregate.in_(asked.about.aggregates),)


def _named(about: Meant) -> Select[Any]:
    """The deeds that name one of these."""
    of = audit_subject.c
    its = (
        and_(of.named == named, of.kind == kind if kind else true())
        for kind, named in about.subjects
    )
    return select(of.seq).where(or_(*its))


def _walked(
    record: Record,
    asked: Asked,
    way: tuple[ColumnElement[bool], ...],
    after: Place | None,
    most: int,
) -> Select[Any]:
    """The rows that one page looks at, in order."""
    table, number, bounds = record.table, record.number, list(way)
    if asked.since is not None:
        bounds.append(table.c.at >= asked.since)
    if asked.until is not None:
        bounds.append(table.c.at < asked.until)
    if after is not None:
        bounds.append(below(table.c.at, number, after))
    rows = select(table).where(*bounds).order_by(table.c.at.desc(), number.desc())
    return rows.limit(WINDOW if asked.only else most + 1)


def _told(record: Record, asked: Asked, walked: Select[Any], most: int) -> Select[Any]:
    """Those of them that are asked for, with the object that each is about."""
    rows = walked.subquery()
    shown = [column for column in rows.c if column.name not in {"digests", "before", "mac"}]
    if record.has_object:
        query = select(*shown, *OBJECT_COLUMNS).select_from(
            rows.outerjoin(object_, object_.c.id == rows.c.object)
        )
    else:
        query = select(*shown)
    for name, word in asked.only.items():
        narrowing = record.narrowing(name)
        assert narrowing is not None  # noqa: S101 - `operations.records` has looked
        query = query.where((object_ if narrowing.of_object else rows).c[name] == word)
    return query.order_by(rows.c.at.desc(), rows.c[record.key].desc()).limit(most + 1)


def _floor(conn: Connection, record: Record, walked: Select[Any]) -> list[Place]:
    """Where looking has ended before the table has; empty where all was looked at."""
    rows = walked.with_only_columns(record.table.c.at, record.number).offset(WINDOW - 1).limit(ONE)
    last = conn.execute(rows).first()
    return [] if last is None else [Place(*last)]


def kinds_of(conn: Connection, aggregates: set[int]) -> dict[int, str]:
    """Whether aggregates are visits or persons."""
    rows = select(aggregate.c.id, aggregate.c.kind).where(aggregate.c.id.in_(aggregates))
    return {row.id: row.kind for row in conn.execute(rows)} if aggregates else {}


def last_proof(conn: Connection) -> RowMapping | None:
    """The newest deed that says what a check of the whole audit came to."""
    of = audit_subject.c
    newest = select(func.max(of.seq)).where(of.named == "audit", of.kind == "proven")
    row = select(audit).where(audit.c.seq == newest.scalar_subquery())
    return conn.execute(row).mappings().first()


def length_of_audit(conn: Connection) -> int:
    """How many rows the audit has; they are numbered without a gap."""
    first = select(func.min(audit.c.seq)).scalar_subquery()
    last = select(func.max(audit.c.seq)).scalar_subquery()
    length: int = conn.execute(select(func.coalesce(last - first + 1, 0))).scalar_one()
    return length
