"""Keep what belongs together: aggregates, their remote objects, who attends which visit.

Every remote object has one row and belongs to one aggregate. Rows move between aggregates by
`store.visits.moves` only, for `sync.run.transfer`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from sync.store import upsert
from sync.store.schema import (
    ONE,
    aggregate,
    blocker,
    object_,
    object_alias,
    person,
    visit,
)

HIGHEST = 2**31 - 1  # of PostgreSQL's INTEGER
TOLD_KINDS = ("appointment", "patient")  # what webhooks tell of


@dataclass(frozen=True, slots=True)
class Obj:
    """One remote object as we know it (a row of `object`)."""

    id: int
    system: str
    kind: str
    remote_id: str | None
    aggregate: int
    generation: int
    state: str
    create_key: str | None
    revision: str | None
    has_marker: bool
    highest_before: int | None
    looks: int
    looked_at: datetime | None
    seen_at: datetime | None
    created_at: datetime
    made_by_us: bool
    provider: str | None
    division: str | None
    marker_key: str | None = None
    told: bool = False
    shown_at: datetime | None = None
    fruitless_at: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether it exists on the other side as far as we know."""
        return self.state == "live" and self.remote_id is not None


def words(system: str, kind: str, remote_id: str | None) -> str:
    """An object as lists and texts name it."""
    return f"{system} {kind} {remote_id or '(being made)'}"


def _obj(row: RowMapping) -> Obj:
    return Obj(**row)


def new_aggregate(conn: Connection, kind: Literal["visit", "person"], now: datetime) -> int:
    """A new, empty visit or person; returns its id."""
    made = conn.execute(
        insert(aggregate).values(kind=kind, created_at=now).returning(aggregate.c.id)
    )
    key: int = made.scalar_one()
    conn.execute(insert(visit if kind == "visit" else person).values(aggregate=key))
    return key


def restore_aggregate(
    conn: Connection, key: int, kind: Literal["visit", "person"], now: datetime
) -> bool:
    """An empty aggregate under the number that markers know it by; False when that is taken.

    Numbers that are given out from now on are higher.
    """
    if not 0 < key <= HIGHEST or kind_of(conn, key) is not None:
        return False
    if conn.dialect.name == "postgresql":  # SQLite goes on after the highest by itself
        sequence = "aggregate_id_seq"
        if key >= conn.execute(text(f"SELECT last_value FROM {sequence}")).scalar_one():  # noqa: S608
            conn.execute(select(func.setval(sequence, key)))
    conn.execute(insert(aggregate).values(id=key, kind=kind, created_at=now))
    conn.execute(insert(visit if kind == "visit" else person).values(aggregate=key))
    return True


def first_sight(
    conn: Connection, system: str, kind: str, remote_id: str, *, now: datetime, told: bool = False
) -> Obj:
    """The row of a remote object; one never heard of gets a row and an aggregate of its own.

    The door and a worker may meet it at the same moment: whoever comes second takes the other's.
    `told`: nobody but a caller has said that it is there.
    """
    known = find(conn, system, kind, remote_id)
    if known is not None:
        if known.told and not told:
            change(conn, known.id, told=False)
            return get(conn, known.id)
        return known
    try:
        with conn.begin_nested():
            return new_object(conn, system, kind, remote_id, now=now, told=told)
    except IntegrityError:
        known = find(conn, system, kind, remote_id)
        if known is None:
            raise
        return known


def new_object(
    conn: Connection, system: str, kind: str, remote_id: str, *, now: datetime, **values: Any
) -> Obj:
    """The row of an object never heard of, in an aggregate of its own.

    Raises sqlalchemy's IntegrityError when somebody else makes it at this moment.
    """
    person_of = kind in {"patient", "contact"}
    key = new_aggregate(conn, "person" if person_of else "visit", now)
    return add(conn, key, system, kind, remote_id, now=now, **values)


def kind_of(conn: Connection, key: int) -> str | None:
    """`visit`, `person`, `batch`, or None for an unknown aggregate."""
    kind: str | None = conn.execute(
        select(aggregate.c.kind).where(aggregate.c.id == key)
    ).scalar_one_or_none()
    return kind


def survivor(conn: Connection, key: int) -> int:
    """The aggregate that `key` was merged into, or itself."""
    while True:
        into = conn.execute(
            select(aggregate.c.merged_into).where(aggregate.c.id == key)
        ).scalar_one_or_none()
        if into is None:
            return key
        key = into


def generation_of(conn: Connection, key: int) -> int:
    """Which life a visit is in. Raises sqlalchemy's NoResultFound for what is no visit."""
    found: int = conn.execute(
        select(visit.c.generation).where(visit.c.aggregate == key)
    ).scalar_one()
    return found


_HERE = select(object_.c.id).where(
    object_.c.system == bindparam("system"),
    object_.c.kind == bindparam("kind"),
    object_.c.remote_id == bindparam("remote_id"),
)
_ALIAS = select(object_alias.c.object).where(
    object_alias.c.system == bindparam("system"),
    object_alias.c.kind == bindparam("kind"),
    object_alias.c.remote_id == bindparam("remote_id"),
)
# The row of an object by its id, else by a former one.
BY_ID = func.coalesce(_HERE.scalar_subquery(), _ALIAS.scalar_subquery())
_FIND = select(object_).where(object_.c.id == BY_ID)


def find(conn: Connection, system: str, kind: str, remote_id: str) -> Obj | None:
    """The row of a remote object, also by a former id; None when never heard of."""
    told = {"system": system, "kind": kind, "remote_id": remote_id}
    row = conn.execute(_FIND, told).mappings().first()
    return _obj(row) if row else None


_GET = select(object_).where(object_.c.id == bindparam("of"))


def get(conn: Connection, object_id: int) -> Obj:
    """The row with our id; raises sqlalchemy's NoResultFound."""
    return _obj(conn.execute(_GET, {"of": object_id}).mappings().one())


_OBJECTS_OF = select(object_).where(object_.c.aggregate == bindparam("key")).order_by(object_.c.id)


def objects_of(conn: Connection, key: int) -> list[Obj]:
    """Every object of an aggregate, oldest first."""
    return [_obj(row) for row in conn.execute(_OBJECTS_OF, {"key": key}).mappings()]


def patient_row(conn: Connection, key: int) -> Obj | None:
    """The person's patient."""
    return patient_in(objects_of(conn, key))


def patient_in(objects: Iterable[Obj]) -> Obj | None:
    """The patient among a person's objects."""
    return next((one for one in objects if one.kind == "patient" and one.known), None)


_ADD = insert(object_).returning(object_)
_ADD_IF_NEW = upsert.of_each(object_, lambda made: made.on_conflict_do_nothing().returning(object_))


def add(
    conn: Connection,
    key: int,
    system: str,
    kind: str,
    remote_id: str | None,
    *,
    now: datetime,
    state: str = "live",
    **values: Any,
) -> Obj:
    """Note an object under an aggregate.

    Raises sqlalchemy's IntegrityError when its remote id or create key is taken.
    """
    it = {"aggregate": key, "system": system, "kind": kind, "remote_id": remote_id}
    made = conn.execute(_ADD, {**it, "state": state, "created_at": now, **values})
    return _obj(made.mappings().one())


def known_or_added(
    conn: Connection,
    key: int,
    system: str,
    kind: str,
    remote_id: str,
    *,
    now: datetime,
    **values: Any,
) -> Obj:
    """The row of an object, added under an aggregate where it was never heard of."""
    it = {"aggregate": key, "system": system, "kind": kind, "remote_id": remote_id}
    told = {**it, "state": "live", "created_at": now, **values}
    row = conn.execute(_ADD_IF_NEW[conn.dialect.name], told).mappings().first()
    known = _obj(row) if row is not None else find(conn, system, kind, remote_id)
    assert known is not None  # noqa: S101 - it was in the way
    return known


_CHANGE = update(object_).where(object_.c.id == bindparam("of"))
_CHANGED = _CHANGE.returning(object_)


def change(conn: Connection, object_id: int, **values: Any) -> None:
    """Set columns of an object."""
    conn.execute(_CHANGE, {"of": object_id, **values})


def changed(conn: Connection, object_id: int, **values: Any) -> Obj:
    """Set columns of an object; returns its row. Raises sqlalchemy's NoResultFound."""
    return _obj(conn.execute(_CHANGED, {"of": object_id, **values}).mappings().one())


_SEEN = _CHANGE.values(seen_at=bindparam("at"), revision=bindparam("new_revision"))


def seen(conn: Connection, revisions: Mapping[int, str | None], now: datetime) -> None:
    """Note that objects were read now, each with its revision."""
    if revisions:
        rows = [
            {"of": one, "at": now, "new_revision": revision} for one, revision in revisions.items()
        ]
        conn.execute(_SEEN, rows)


# --- what waits for what --------------------------------------------------------------------------


def block(
    conn: Connection, key: int, *, kind: str, ref: str, since: datetime, object_id: int = 0
) -> None:
    """Park an object until (kind, ref) changes; saying it twice is once.

    `since`: when the run began that found it waits. What changed later, it may not have seen
    (`blockers.missed`).
    """
    conn.execute(
        upsert.insert(conn, blocker)
        .values(aggregate=key, object=object_id, kind=kind, ref=ref, since=since)
        .on_conflict_do_nothing()
    )


# What somebody was told of about one object: it wakes the aggregate, and parks nothing.
PARKS = or_(blocker.c.object == 0, blocker.c.kind != "email")


def unblock(conn: Connection, key: int) -> None:
    """Forget why an aggregate waited: its run has just found out anew."""
    conn.execute(delete(blocker).where(blocker.c.aggregate == key, PARKS))


def unblock_object(conn: Connection, key: int, object_id: int) -> None:
    """Forget why one object of an aggregate waited."""
    mine = (blocker.c.aggregate == key, blocker.c.object == object_id)
    conn.execute(delete(blocker).where(*mine))


def waits(conn: Connection, key: int, object_id: int) -> bool:
    """Whether anything is waited for about one object of an aggregate."""
    mine = (blocker.c.aggregate == key, blocker.c.object == object_id)
    return conn.execute(select(blocker.c.ref).where(*mine).limit(ONE)).first() is not None


def is_blocked(conn: Connection, key: int, kind: str | None = None) -> bool:
    """Whether an aggregate waits for anything of that kind, or for anything at all."""
    query = select(blocker.c.ref).where(blocker.c.aggregate == key, PARKS)
    if kind is not None:
        query = query.where(blocker.c.kind == kind)
    return conn.execute(query.limit(ONE)).first() is not None
