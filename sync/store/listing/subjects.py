"""Find what a number means: objects of either system by it, or a visit or person of our own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select

from sync.store.schema import aggregate, object_, object_alias

OWN: Final = ("visit", "person")
# The word of a kind, and how deeds name it besides; the system and kind of its rows.
KINDS: Final = {
    "appointment": ("drchrono", "appointment"),
    "patient": ("drchrono", "patient"),
    "oncall-appointment": ("oncall", "appointment"),
    "contact": ("oncall", "contact"),
    "participant": ("oncall", "participant"),
}


@dataclass(frozen=True, slots=True)
class Meant:
    """What somebody asks for: rows of objects, aggregates, and the subjects that deeds name.

    A subject is kind and id; without a kind it is any of that id.
    """

    objects: tuple[int, ...]
    aggregates: tuple[int, ...]
    subjects: tuple[tuple[str, str], ...]


def meant(conn: Connection, kind: str, named: str) -> Meant:
    """The rows behind an id; `kind` is one of OWN or KINDS, or "" for whichever it is."""
    if kind in OWN:
        return _own(conn, kind, named)
    rows = _rows(conn, tuple(KINDS.values()) if not kind else (KINDS[kind],), named)
    subjects = _words(kind) if kind else ("",)
    return Meant(
        tuple(row.id for row in rows),
        tuple(sorted({row.aggregate for row in rows})),
        tuple((word, named) for word in subjects),
    )


def _words(kind: str) -> tuple[str, ...]:
    """How deeds call a kind: by the word, and as a write does, by its endpoint."""
    system, endpoint = KINDS[kind]
    return tuple(dict.fromkeys((kind, f"{system}-{endpoint}")))


def merged(conn: Connection, key: int) -> list[int]:
    """An aggregate, and those that were merged into it, whichever way."""
    found, asked = [key], [key]
    while asked:
        of = select(aggregate.c.id).where(aggregate.c.merged_into.in_(asked))
        asked = sorted(set(conn.execute(of).scalars()) - set(found))
        found += asked
    return found


def _own(conn: Connection, kind: str, named: str) -> Meant:
    of = select(aggregate.c.id, aggregate.c.kind).where(aggregate.c.id == int(named))
    row = conn.execute(of).first()
    if row is None or row.kind != kind:
        return Meant((), (), ((kind, named), ("about", named)))
    keys = merged(conn, row.id)
    objects = select(object_.c.id).where(object_.c.aggregate.in_(keys))
    subjects = tuple((word, str(one)) for one in keys for word in (kind, "about"))
    return Meant(tuple(conn.execute(objects).scalars()), tuple(keys), subjects)


def _rows(conn: Connection, kinds: Iterable[tuple[str, str]], named: str) -> list[Row[Any]]:
    listed = list(kinds)
    now = select(object_.c.id).where(_is(object_, listed, named))
    former = select(object_alias.c.object).where(_is(object_alias, listed, named))
    ids = {*conn.execute(now).scalars(), *conn.execute(former).scalars()}
    found = select(object_.c.id, object_.c.aggregate).where(object_.c.id.in_(ids))
    return list(conn.execute(found.order_by(object_.c.id))) if ids else []


def _is(table: Table, kinds: list[tuple[str, str]], named: str) -> ColumnElement[bool]:
    of = (and_(table.c.system == system, table.c.kind == kind) for system, kind in kinds)
    return and_(table.c.remote_id == named, or_(*of))
