"""List what is open, filtered and in pages: each item with its name, its sentence and its ids."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from sync.core.causes import titles
from sync.operations.attention import OpenItem, in_words
from sync.operations.inbox.asked import Asked, wanted
from sync.operations.lookup import object_in_words
from sync.runtime import Sync
from sync.store.attention import Item
from sync.store.inbox import listed
from sync.store.tables.links import Obj

PAGE: Final = 25
_PIECE: Final = 500  # rows in memory at a time, of a list without pages
_OBJECTS: Final = 2000  # of a page: a group has fifty
_SHOWN: Final = 4  # ids of one item in a list
# A participant's id says nothing to anybody; a visit's or a chart's does.
_KINDS: Final = ("appointment", "patient", "contact")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list; `ids` are those of what it is about, as `DrChrono appointment 7`."""

    item: OpenItem
    title: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chip:
    """One cause that something is open for, its name, and how often."""

    cause: str
    title: str
    count: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list. `before` and `after` are the items that a page beside it begins at.

    `first` is the place of its first row among `total`, from 1; `chips` count every cause.
    """

    rows: tuple[Row, ...]
    total: int
    first: int
    chips: tuple[Chip, ...]
    before: int | None
    after: int | None


def page(sync: Sync, asked: Asked, *, after: int = 0, before: int | None = None) -> Page:
    """PAGE items at most. Raises UnknownError for what can't be asked for, and SQLAlchemyError."""
    want = wanted(sync, asked)
    with sync.store.read() as conn:
        found = listed.page(conn, want, PAGE, after=after, before=before)
        if not found and before is not None:
            found = listed.page(conn, want, PAGE)
        total = listed.count(conn, want)
        ahead = listed.count(conn, want, below=found[0].id) if found else 0
        chips = tuple(
            Chip(cause, titles.title(cause), number)
            for cause, number in listed.by_cause(conn, want)
        )
        rows = tuple(rows_of(conn, found))
    more = ahead + len(found) < total
    return Page(
        rows,
        total,
        ahead + 1,
        chips,
        before=found[0].id if ahead else None,
        after=found[-1].id if found and more else None,
    )


def every(sync: Sync, asked: Asked) -> Iterator[Row]:
    """Every item that is asked for, oldest first, in bounded memory. Raises as `page`."""
    want, after = wanted(sync, asked), 0
    while True:
        with sync.store.read() as conn:
            found = listed.page(conn, want, _PIECE, after=after)
            rows = rows_of(conn, found)
        yield from rows
        if len(found) < _PIECE:
            return
        after = found[-1].id


def rows_of(conn: Connection, items: Collection[Item]) -> list[Row]:
    """The items as they are shown, by three statements however many there are."""
    keys = {one.aggregate for one in items if one.aggregate}
    kinds = listed.kinds(conn, keys) if keys else {}
    whose = {one.object for one in items if one.object}
    objects = listed.objects(conn, keys, whose, _OBJECTS) if keys or whose else []
    own = {obj.id: obj for obj in objects}
    others: dict[int, list[Obj]] = {}
    for obj in objects:
        if obj.kind in _KINDS and obj.state != "gone" and obj.remote_id is not None:
            others.setdefault(obj.aggregate, []).append(obj)
    return [
        _row(one, kinds.get(one.aggregate), own.get(one.object), others.get(one.aggregate, []))
        for one in items
    ]


def _row(one: Item, about: str | None, own: Obj | None, others: list[Obj]) -> Row:
    ids = [named_as(obj) for obj in others if own is None or obj.id != own.id]
    if own is not None:
        ids = [named_as(own), *ids]
    more = [f"and {len(ids) - _SHOWN} more"] if len(ids) > _SHOWN else []
    words = object_in_words(own)
    return Row(in_words(one, about, words), titles.title(one.cause), (*ids[:_SHOWN], *more))


_SYSTEMS: Final = {"drchrono": "DrChrono", "oncall": "OnCall"}
_NOUNS: Final = {("oncall", "appointment"): "visit", ("drchrono", "patient"): "chart"}


def named_as(obj: Obj) -> str:
    """An object as staff name it: system, what it is, id."""
    noun = _NOUNS.get((obj.system, obj.kind), obj.kind)
    return f"{_SYSTEMS.get(obj.system, obj.system)} {noun} {obj.remote_id or '(being made)'}"
