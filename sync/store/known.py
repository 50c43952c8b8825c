"""Load all that decisions about shown objects need: their work items, locked, then their rows.

In this order, so that what is read was not settled by a run that ended while the lock was waited
for. The items that wait for an object are locked with them, in one order for everybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    RowMapping,
    Select,
    Subquery,
    Table,
    bindparam,
    exists,
    false,
    literal,
    or_,
    select,
    union_all,
)

from sync.store.schema import attendance, blocker, object_, object_alias, visit
from sync.store.schema import work as work_table
from sync.store.tables import journal, work
from sync.store.tables.baselines import StoredFields
from sync.store.tables.journal import Newest
from sync.store.tables.links import Obj

# What somebody is asked about, or a chart that they are to put right.
ASKED = ("operator", "patient")


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of an object that somebody shows, and its work item.

    `shared` (several attend it) and `starts` are its visit's. `asked`: a person is to decide
    something of its aggregate. `newest` is the delivery that told of it last, `fields` what is
    stored of its fields (and of others'); None: not looked up.
    `linked`: something of OnCall's is in its aggregate, or a visit is attended by it.
    """

    obj: Obj
    item: RowMapping | None = None
    shared: bool = False
    starts: datetime | None = None
    asked: bool = False
    linked: bool = False
    newest: Newest | None = None
    fields: StoredFields | None = None


class Name(NamedTuple):
    """What an object is called by: system, kind and its id there, or a former one."""

    system: str
    kind: str
    remote_id: str


class Ask(NamedTuple):
    """An object to be loaded, and what its items that wait for it wait for; None: nothing does."""

    name: Name
    waited_for: str | None = None


class Loaded(NamedTuple):
    """What is stored of an object, and the items that wait for it, all locked.

    `is_held`: somebody else holds an item of these, and was not waited for.
    """

    known: Known | None
    waiting: Sequence[RowMapping]
    is_held: bool


class _Sort(NamedTuple):
    """A system and a kind: of one sort, many are found by their ids in one look at an index."""

    system: str
    kind: str

    @property
    def ids(self) -> str:
        return f"ids_{self.system}_{self.kind}"


def _called(table: Table, sort: _Sort) -> ColumnElement[bool]:
    """The rows of a sort with one of the asked ids."""
    one_of = table.c.remote_id.in_(bindparam(sort.ids, expanding=True))
    return (table.c.system == literal(sort.system)) & (table.c.kind == literal(sort.kind)) & one_of


def _asked(sorts: tuple[_Sort, ...]) -> Subquery:
    """What is called so: by its id, and by a former one."""
    columns = (
        (object_, object_.c.id.label("object")),
        (object_alias, object_alias.c.object),
    )
    return union_all(
        *(
            select(table.c.system, table.c.kind, table.c.remote_id, its).where(_called(table, sort))
            for sort in sorts
            for table, its in columns
        )
    ).subquery("asked")


_OTHER = object_.alias("other")
_OF_OBJECT = tuple(object_.c.keys())
_KNOWN = (
    object_,
    visit.c.shared,
    visit.c.starts_at,
    exists()
    .where(blocker.c.aggregate == object_.c.aggregate, blocker.c.kind.in_(ASKED))
    .label("asked"),
    or_(
        exists().where(
            _OTHER.c.aggregate == object_.c.aggregate, _OTHER.c.system == literal("oncall")
        ),
        exists().where(attendance.c.person == object_.c.aggregate),
    ).label("linked"),
    exists().where(work_table.c.aggregate == object_.c.aggregate).label("has_item"),
    *journal.NEWEST,
)


@cache
def _rows(sorts: tuple[_Sort, ...]) -> Executable:
    asked = _asked(sorts)
    return (
        select(
            asked.c.system.label("asked_system"),
            asked.c.kind.label("asked_kind"),
            asked.c.remote_id.label("asked_id"),
            *_KNOWN,
        )
        .join_from(asked, object_, object_.c.id == asked.c.object)
        .outerjoin(visit, visit.c.aggregate == object_.c.aggregate)
    )


def _waiting(kind: str) -> Select[Any]:
    """The aggregates that wait for one of the things asked for."""
    one_of = blocker.c.ref.in_(bindparam(f"refs_{kind}", expanding=True))
    return select(blocker.c.aggregate).where(blocker.c.kind == literal(kind), one_of)


@cache
def _items(sorts: tuple[_Sort, ...], kinds: tuple[str, ...], *, free: bool) -> Executable:
    """The items of what is asked for and of what waits for it, in one order for everybody.

    `free`: those that nobody else holds.
    """
    asked = _asked(sorts)
    own = select(object_.c.aggregate).join(asked, asked.c.object == object_.c.id)
    waiting = [work_table.c.aggregate.in_(_waiting(kind)) for kind in kinds]
    return (
        select(work_table, or_(false(), *waiting).label("waits"))
        .where(work_table.c.aggregate.in_(union_all(own, *map(_waiting, kinds))))
        .order_by(work_table.c.aggregate)
        .with_for_update(skip_locked=free)
    )


@cache
def _who_waits(kinds: tuple[str, ...]) -> Executable:
    each = (_waiting(kind).add_columns(blocker.c.kind, blocker.c.ref) for kind in kinds)
    return union_all(*each)


def load(conn: Connection, asks: Sequence[Ask], *, waits: bool = True) -> list[Loaded]:
    """What is stored of each of these objects; all items are locked until the transaction ends.

    `waits`: until each is free. Else what somebody else holds is said to be held: one process that
    stands still in its transaction must not hold up everybody.
    """
    sorts, bound = _of_sorts(ask.name for ask in asks)
    kinds = tuple(sorted({ask.waited_for for ask in asks if ask.waited_for}))
    refs = {
        f"refs_{kind}": [ask.name.remote_id for ask in asks if ask.waited_for == kind]
        for kind in kinds
    }
    locked = conn.execute(_items(sorts, kinds, free=not waits), bound | refs).mappings()
    items = {item["aggregate"]: item for item in locked}
    # Who waits but is held by somebody else is not among the items.
    anybody = any(item["waits"] for item in items.values()) or not waits
    waiting = _waiting_for(conn, kinds, refs) if anybody and kinds else {}
    rows = _found(conn, sorts, bound)
    return [
        _loaded(conn, rows.get(ask.name), waiting.get((ask.waited_for, ask.name.remote_id), ()),
                items, waits=waits)
        for ask in asks
    ]  # fmt: skip


def _loaded(
    conn: Connection,
    row: RowMapping | None,
    waiting: Sequence[int],
    items: Mapping[int, RowMapping],
    *,
    waits: bool,
) -> Loaded:
    free = [items[key] for key in waiting if key in items]
    lacks_one = len(free) < len(waiting)
    known = None
    if row is not None:
        item = items.get(row["aggregate"])
        if item is None and row["has_item"]:
            lacks_one = True
            # Where it was waited for, it was made, or the object was moved, meanwhile.
            item = work.locked(conn, row["aggregate"]) if waits else None
        known = replace(_known(row), item=item)
    return Loaded(known, free, is_held=lacks_one and not waits)


def _of_sorts(names: Iterable[Name]) -> tuple[tuple[_Sort, ...], dict[str, list[str]]]:
    bound: dict[_Sort, list[str]] = {}
    for name in names:
        bound.setdefault(_Sort(name.system, name.kind), []).append(name.remote_id)
    return tuple(sorted(bound)), {sort.ids: ids for sort, ids in bound.items()}


def _waiting_for(
    conn: Connection, kinds: tuple[str, ...], refs: Mapping[str, list[str]]
) -> dict[tuple[str | None, str], list[int]]:
    """The aggregates that wait, by what each waits for."""
    found: dict[tuple[str | None, str], list[int]] = {}
    rows = conn.execute(_who_waits(kinds), refs)
    for aggregate, kind, ref in sorted({(row.aggregate, row.kind, row.ref) for row in rows}):
        found.setdefault((kind, ref), []).append(aggregate)
    return found


def _found(
    conn: Connection, sorts: tuple[_Sort, ...], bound: dict[str, list[str]]
) -> dict[Name, RowMapping]:
    """The rows by what they were asked for by: an id's own row comes before one it was once of."""
    found: dict[Name, RowMapping] = {}
    for row in conn.execute(_rows(sorts), bound).mappings():
        name = Name(row["asked_system"], row["asked_kind"], row["asked_id"])
        if name not in found or row["remote_id"] == name.remote_id:
            found[name] = row
    return found


def peek(conn: Connection, system: str, kind: str, remote_id: str) -> Known | None:
    """The same of one object without its item, and no lock."""
    name = Name(system, kind, remote_id)
    row = _found(conn, *_of_sorts([name])).get(name)
    return None if row is None else _known(row)


def _known(row: RowMapping) -> Known:
    return Known(
        Obj(**{name: row[name] for name in _OF_OBJECT}),
        shared=bool(row["shared"]),
        starts=row["starts_at"],
        asked=row["asked"],
        linked=row["linked"],
        newest=Newest.of(row),
    )
