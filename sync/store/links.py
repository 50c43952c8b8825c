"""What belongs together: aggregates, their remote objects, who attends which visit.

Every remote object has one row and belongs to one aggregate. Rows move between aggregates by
`transfer` only; what hangs on an object (baselines, deliveries, pending writes) moves with it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, delete, func, insert, or_, select, update

from sync.store import work
from sync.store.schema import (
    aggregate,
    attendance,
    baseline,
    blocker,
    delivery,
    object_,
    object_alias,
    pending,
    person,
    visit,
)
from sync.store.schema import work as work_table

System = Literal["drchrono", "oncall"]


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
    mark: str | None
    marked: bool
    highest_before: int | None
    looks: int
    looked_at: datetime | None
    seen_at: datetime | None
    created_at: datetime
    made_by_us: bool
    provider: str | None
    division: str | None

    @property
    def known(self) -> bool:
        """Whether it exists on the other side as far as we know."""
        return self.state == "live" and self.remote_id is not None


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


def kind_of(conn: Connection, key: int) -> str | None:
    """`visit`, `person` or None for an unknown aggregate."""
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


def find(conn: Connection, system: str, kind: str, remote_id: str) -> Obj | None:
    """The row of a remote object, also by a former id; None when never heard of."""
    row = (
        conn.execute(
            select(object_).where(
                object_.c.system == system, object_.c.kind == kind, object_.c.remote_id == remote_id
            )
        )
        .mappings()
        .first()
    )
    if row is None:
        row = (
            conn.execute(
                select(object_)
                .join(object_alias, object_alias.c.object == object_.c.id)
                .where(
                    object_alias.c.system == system,
                    object_alias.c.kind == kind,
                    object_alias.c.remote_id == remote_id,
                )
            )
            .mappings()
            .first()
        )
    return _obj(row) if row else None


def get(conn: Connection, object_id: int) -> Obj:
    """The row with our id; raises sqlalchemy's NoResultFound."""
    return _obj(conn.execute(select(object_).where(object_.c.id == object_id)).mappings().one())


def objects_of(conn: Connection, key: int) -> list[Obj]:
    """Every object of an aggregate, oldest first."""
    rows = conn.execute(
        select(object_).where(object_.c.aggregate == key).order_by(object_.c.id)
    ).mappings()
    return [_obj(row) for row in rows]


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
    made = conn.execute(
        insert(object_)
        .values(
            aggregate=key,
            system=system,
            kind=kind,
            remote_id=remote_id,
            state=state,
            created_at=now,
            **values,
        )
        .returning(object_)
    )
    return _obj(made.mappings().one())


def change(conn: Connection, object_id: int, **values: Any) -> None:
    """Set columns of an object."""
    conn.execute(update(object_).where(object_.c.id == object_id).values(**values))


def creating(conn: Connection, create_key: str) -> Obj | None:
    """The living row under a create key (creating, ambiguous, live or skipped)."""
    row = (
        conn.execute(
            select(object_).where(object_.c.create_key == create_key, object_.c.state != "gone")
        )
        .mappings()
        .first()
    )
    return _obj(row) if row else None


def forget_create(conn: Connection, object_id: int) -> None:
    """Drop the row of a create that the remote refused: nothing came to be."""
    conn.execute(
        update(attendance).where(attendance.c.appointment == object_id).values(appointment=None)
    )
    conn.execute(
        update(attendance).where(attendance.c.participant == object_id).values(participant=None)
    )
    conn.execute(delete(pending).where(pending.c.object == object_id))
    conn.execute(delete(object_).where(object_.c.id == object_id, object_.c.remote_id.is_(None)))


def created(
    conn: Connection, row: Obj, remote_id: str, *, now: datetime, **values: Any
) -> Obj | None:
    """Give a creating or ambiguous row its remote id.

    The remote's own webhook may have brought the id first, under an aggregate of its own: when
    nobody works on that one, it is absorbed here; else None is returned, and its run will meet our
    marker and hand the object over.
    """
    values = {"made_by_us": True, "state": "live", "seen_at": now, **values}
    twin = find(conn, row.system, row.kind, remote_id)
    if twin is None:
        change(conn, row.id, remote_id=remote_id, **values)
        return get(conn, row.id)
    if twin.id == row.id:
        change(conn, row.id, **values)
        return get(conn, row.id)
    if twin.aggregate != row.aggregate and not _absorbable(conn, twin):
        return None
    replace(conn, row, twin)
    change(conn, twin.id, generation=row.generation, create_key=row.create_key, **values)
    if twin.aggregate != row.aggregate:
        absorb(conn, twin.aggregate, row.aggregate, now=now, hints=work.Hints.of(row.system))
    return get(conn, twin.id)


def _absorbable(conn: Connection, twin: Obj) -> bool:
    item = work.locked(conn, twin.aggregate)
    return item is None or item["lease_by"] is None


def replace(conn: Connection, row: Obj, twin: Obj) -> None:
    """Let `twin` stand where the id-less `row` stood, and drop `row`."""
    conn.execute(
        update(attendance).where(attendance.c.appointment == row.id).values(appointment=twin.id)
    )
    conn.execute(
        update(attendance).where(attendance.c.participant == row.id).values(participant=twin.id)
    )
    conn.execute(delete(pending).where(pending.c.object == row.id))
    conn.execute(delete(object_).where(object_.c.id == row.id))


def absorb(conn: Connection, source: int, target: int, *, now: datetime, hints: work.Hints) -> None:
    """Move everything of `source` to `target` and close it; the target is raised.

    The caller holds both leases, or `source` was never claimed and is locked.
    """
    conn.execute(update(object_).where(object_.c.aggregate == source).values(aggregate=target))
    conn.execute(update(attendance).where(attendance.c.visit == source).values(visit=target))
    conn.execute(update(attendance).where(attendance.c.person == source).values(person=target))
    conn.execute(delete(blocker).where(blocker.c.aggregate == source))
    conn.execute(
        update(aggregate).where(aggregate.c.id == source).values(merged_into=target, closed_at=now)
    )
    conn.execute(update(visit).where(visit.c.aggregate == source).values(state="closed"))
    conn.execute(
        update(work_table)
        .where(work_table.c.aggregate == source)
        .values(done=work_table.c.wanted, lease_by=None, lease_until=None)
    )
    work.raise_(conn, target, now=now, hints=hints)


# --- baselines and pending writes -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of one field: the settled digest and those of writes on their way."""

    key_id: str | None = None
    digest: str | None = None
    ours: tuple[tuple[str, str, int], ...] = ()  # key id, digest, call


def stored_fields(conn: Connection, object_ids: list[int]) -> dict[tuple[int, str], Stored]:
    """Baselines and pending digests of the given objects, by (object, field)."""
    found: dict[tuple[int, str], Stored] = {}
    for row in conn.execute(select(baseline).where(baseline.c.object.in_(object_ids))):
        found[row.object, row.field] = Stored(row.key_id, row.digest)
    rows = conn.execute(
        select(pending).where(pending.c.object.in_(object_ids)).order_by(pending.c.call)
    )
    for row in rows:
        before = found.get((row.object, row.field), Stored())
        ours = (*before.ours, (row.key_id, row.digest, row.call))
        found[row.object, row.field] = Stored(before.key_id, before.digest, ours)
    return found


def settle(
    conn: Connection, object_id: int, digests: dict[str, str], key_id: str, zone: str | None = None
) -> None:
    """Move the baselines of the given fields; pending writes of the same digest are fulfilled."""
    for field, digest in digests.items():
        changed = conn.execute(
            update(baseline)
            .where(baseline.c.object == object_id, baseline.c.field == field)
            .values(key_id=key_id, digest=digest, zone=zone)
        )
        if changed.rowcount == 0:
            conn.execute(
                insert(baseline).values(
                    object=object_id, field=field, key_id=key_id, digest=digest, zone=zone
                )
            )
        conn.execute(
            delete(pending).where(
                pending.c.object == object_id,
                pending.c.field == field,
                pending.c.digest == digest,
            )
        )


# --- attendances ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attendance:
    """One DrChrono appointment ↔ one participant of a visit (a row of `attendance`)."""

    id: int
    visit: int
    life: int
    appointment: int | None
    participant: int | None
    person: int | None
    person_version: int
    role: str
    current: bool


def attendances(conn: Connection, key: int) -> list[Attendance]:
    """Every attendance of a visit, current ones first."""
    rows = conn.execute(
        select(attendance)
        .where(attendance.c.visit == key)
        .order_by(attendance.c.current.desc(), attendance.c.id)
    ).mappings()
    return [Attendance(**row) for row in rows]


def attend(conn: Connection, key: int, **values: Any) -> int:
    """A new attendance of a visit; returns its id."""
    made: int = conn.execute(
        insert(attendance).values(visit=key, current=True, **values).returning(attendance.c.id)
    ).scalar_one()
    return made


def change_attendance(conn: Connection, attendance_id: int, **values: Any) -> None:
    """Set columns of an attendance."""
    conn.execute(update(attendance).where(attendance.c.id == attendance_id).values(**values))


def open_attendances_of_person(
    conn: Connection, person_key: int, *, now: datetime
) -> list[Attendance]:
    """The person's current attendances of open visits that have not begun."""
    rows = conn.execute(
        select(attendance)
        .join(visit, visit.c.aggregate == attendance.c.visit)
        .where(
            attendance.c.person == person_key,
            attendance.c.current,
            visit.c.state == "open",
            or_(visit.c.starts_at.is_(None), visit.c.starts_at >= now),
        )
        .order_by(attendance.c.id)
    ).mappings()
    return [Attendance(**row) for row in rows]


def count_open_future(conn: Connection, now: datetime) -> int:
    """How many visits are open and still to come."""
    counted: int = conn.execute(
        select(func.count())
        .select_from(visit)
        .where(visit.c.state == "open", visit.c.starts_at >= now)
    ).scalar_one()
    return counted


# --- what waits for what --------------------------------------------------------------------------


def block(
    conn: Connection, key: int, *, kind: str, ref: str, now: datetime, object_id: int = 0
) -> None:
    """Park an object until (kind, ref) changes; saying it twice is once."""
    known = conn.execute(
        select(blocker.c.since).where(
            blocker.c.aggregate == key,
            blocker.c.object == object_id,
            blocker.c.kind == kind,
            blocker.c.ref == ref,
        )
    ).first()
    if known is None:
        conn.execute(
            insert(blocker).values(aggregate=key, object=object_id, kind=kind, ref=ref, since=now)
        )


def unblock(conn: Connection, key: int) -> None:
    """Forget why an aggregate waited: its run has just found out anew."""
    conn.execute(delete(blocker).where(blocker.c.aggregate == key))


def blocked_on(conn: Connection, kind: str, ref: str | None = None) -> list[int]:
    """The aggregates that wait for (kind, ref), or for anything of that kind."""
    query = select(blocker.c.aggregate).where(blocker.c.kind == kind).distinct()
    if ref is not None:
        query = query.where(blocker.c.ref == ref)
    return list(conn.execute(query.order_by(blocker.c.aggregate)).scalars())


def has_deliveries(conn: Connection, object_id: int) -> bool:
    """Whether a webhook about this object is still unexplained."""
    return (
        conn.execute(
            select(delivery.c.id)
            .where(delivery.c.object == object_id, delivery.c.explained_at.is_(None))
            .limit(1)
        ).first()
        is not None
    )
