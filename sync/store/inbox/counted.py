"""Count what open items concern, so many ids a statement: who comes, who is known, what is to come.

A list of ids is asked for in pieces, as databases take so many parameters at a time.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Select, func, or_, select

from sync.store.schema import aggregate, attendance, attention, object_, visit

_PIECE = 500


@dataclass(frozen=True, slots=True)
class About:
    """An open item's number, its aggregate (0: the service) and its cause."""

    id: int
    aggregate: int
    cause: str


def about(conn: Connection, numbers: Collection[int]) -> list[About]:
    """Those of these items that are open, by number."""
    columns = select(attention.c.id, attention.c.aggregate, attention.c.cause)
    is_open = attention.c.closed_at.is_(None)
    return [
        About(*row)
        for piece in _pieces(numbers)
        for row in conn.execute(
            columns.where(attention.c.id.in_(piece), is_open).order_by(attention.c.id)
        )
    ]


def kinds(conn: Connection, keys: Collection[int]) -> Iterator[tuple[int, str]]:
    """Each of these aggregates, and whether it is a visit or a person."""
    columns = select(aggregate.c.id, aggregate.c.kind)
    for piece in _pieces(keys):
        for row in conn.execute(columns.where(aggregate.c.id.in_(piece))):
            yield row.id, row.kind


def seats(conn: Connection, keys: Collection[int]) -> Counter[int]:
    """How many are in each of these visits now, with a participant or without."""
    counted = select(attendance.c.visit, func.count()).where(attendance.c.current)
    return _summed(conn, keys, counted, attendance.c.visit)


def contacts(conn: Connection, keys: Collection[int]) -> Counter[int]:
    """How many contacts each of these people has."""
    counted = select(object_.c.aggregate, func.count()).where(object_.c.kind == "contact")
    return _summed(conn, keys, counted, object_.c.aggregate)


def coming(conn: Connection, keys: Collection[int], now: datetime) -> Counter[int]:
    """How many open visits to come each of these people is in."""
    counted = (
        select(attendance.c.person, func.count())
        .join(visit, visit.c.aggregate == attendance.c.visit)
        .where(attendance.c.current, visit.c.state == "open")
        .where(or_(visit.c.starts_at.is_(None), visit.c.starts_at >= now))
    )
    return _summed(conn, keys, counted, attendance.c.person)


def _summed(
    conn: Connection, keys: Collection[int], counted: Select[Any], by: Column[Any]
) -> Counter[int]:
    total: Counter[int] = Counter()
    for piece in _pieces(keys):
        for key, number in conn.execute(counted.where(by.in_(piece)).group_by(by)):
            total[key] = number
    return total


def _pieces(numbers: Collection[int]) -> Iterator[list[int]]:
    every = sorted(numbers)
    for at in range(0, len(every), _PIECE):
        yield every[at : at + _PIECE]
