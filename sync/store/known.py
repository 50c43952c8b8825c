"""Load all that a decision about one shown object needs: its work item, locked, then its row.

In this order, so that what is read was not settled by a run that ended while the lock was waited
for. The items that wait for the object are locked with it, in one order for everybody.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    exists,
    literal,
    or_,
    select,
    union_all,
)

from sync.store.schema import attendance, blocker, object_, visit
from sync.store.schema import work as work_table
from sync.store.tables import work
from sync.store.tables.links import BY_ID, Obj

# What somebody is asked about, or a chart that they are to put right.
ASKED = ("operator", "patient")


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of an object that somebody shows, and its work item.

    `shared` (several attend it) and `starts` are its visit's. `asked`: a person is to decide
    something of its aggregate.
    `linked`: something of OnCall's is in its aggregate, or a visit is attended by it.
    """

    obj: Obj
    item: RowMapping | None = None
    shared: bool = False
    starts: datetime | None = None
    asked: bool = False
    linked: bool = False


_WAITING = select(blocker.c.aggregate).where(
    blocker.c.kind == bindparam("kind_waited_for"), blocker.c.ref == bindparam("remote_id")
)
_ITEMS = (
    select(work_table, work_table.c.aggregate.in_(_WAITING).label("waits"))
    .where(
        work_table.c.aggregate.in_(
            union_all(select(object_.c.aggregate).where(object_.c.id == BY_ID), _WAITING)
        )
    )
    .order_by(work_table.c.aggregate)
    .with_for_update()
)
_OTHER = object_.alias("other")
_ROW = (
    select(
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
    )
    .outerjoin(visit, visit.c.aggregate == object_.c.aggregate)
    .where(object_.c.id == BY_ID)
)
_OF_OBJECT = tuple(object_.c.keys())


def load(
    conn: Connection, system: str, kind: str, remote_id: str, *, waited_for: str | None = None
) -> tuple[Known | None, list[RowMapping]]:
    """What is stored of an object, found by its id or a former one; and what waits for it.

    The second are the items that wait for (`waited_for`, its id). All items are locked until the
    transaction ends.
    """
    of_it = {"system": system, "kind": kind, "remote_id": remote_id}
    items = conn.execute(_ITEMS, {**of_it, "kind_waited_for": waited_for}).mappings().all()
    waiting = [item for item in items if item["waits"]]
    row = conn.execute(_ROW, of_it).mappings().first()
    if row is None:
        return None, waiting
    item = next((one for one in items if one["aggregate"] == row["aggregate"]), None)
    if item is None and row["has_item"]:
        # It was made, or the object was moved, while the lock was waited for.
        item = work.locked(conn, row["aggregate"])
    return replace(_known(row), item=item), waiting


def peek(conn: Connection, system: str, kind: str, remote_id: str) -> Known | None:
    """The same without its item, and no lock."""
    of_it = {"system": system, "kind": kind, "remote_id": remote_id}
    row = conn.execute(_ROW, of_it).mappings().first()
    return None if row is None else _known(row)


def _known(row: RowMapping) -> Known:
    return Known(
        Obj(**{name: row[name] for name in _OF_OBJECT}),
        shared=bool(row["shared"]),
        starts=row["starts_at"],
        asked=row["asked"],
        linked=row["linked"],
    )
