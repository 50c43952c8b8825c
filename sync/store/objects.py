"""Find remote objects by what is known of them; `links` keeps their rows and where they belong."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from sync.store import upsert
from sync.store.schema import (
    IS_APPOINTMENT,
    IS_OPEN,
    LENGTH,
    ONE,
    aggregate,
    attendance,
    attention,
    baseline,
    blocker,
    call,
    delivery,
    object_,
    object_alias,
    pending,
    person,
    person_key,
    visit,
    work,
)
from sync.store.tables import links
from sync.store.tables.links import Obj

_ROW = tuple(object_.c[name] for name in Obj.__slots__)


def made_between(
    conn: Connection, system: str, kind: str, since: datetime, until: datetime
) -> set[str]:
    """The ids of what our POSTs between two times made, and is there as far as we know.

    The row's own age says only when we heard of it: what another create made is told of late, and
    a rebuilt database has young rows for all of it.
    """
    made = conn.execute(
        select(object_.c.remote_id)
        .join(call, call.c.object == object_.c.id)
        .where(
            call.c.system == system,
            call.c.at > since,
            call.c.at < until,
            call.c.method == "POST",
            call.c.state.in_(("done", "looked")),
            object_.c.system == system,
            object_.c.kind == kind,
            object_.c.made_by_us,
            object_.c.state == "live",
            object_.c.remote_id.is_not(None),
        )
    )
    return set(made.scalars())


def skipped_with_marker(conn: Connection, system: str) -> list[str]:
    """The ids of a system's appointments that bear our marker and stand for no visit any more."""
    former = conn.execute(
        select(object_.c.remote_id).where(
            object_.c.system == system,
            object_.c.kind == "appointment",
            object_.c.state == "skipped",
            object_.c.has_marker,
            object_.c.remote_id.is_not(None),
        )
    )
    return list(former.scalars())


def with_older_key(
    conn: Connection, system: str, kind: str, key_id: str, older: tuple[str, ...]
) -> list[tuple[int, str]]:
    """Row and id of the live objects that have a baseline under one of `older`, not `key_id`."""
    rows = conn.execute(
        select(object_.c.id, object_.c.remote_id)
        .join(baseline, baseline.c.object == object_.c.id)
        .where(
            object_.c.system == system,
            object_.c.kind == kind,
            object_.c.state == "live",
            object_.c.remote_id.is_not(None),
            baseline.c.key_id != key_id,
            baseline.c.key_id.in_(older),
        )
        .distinct()
        .order_by(object_.c.id)
    )
    return [(row.id, row.remote_id) for row in rows]


def ids_of(conn: Connection, one: Obj) -> list[str]:
    """The id of an object and those that it had before."""
    former = select(object_alias.c.remote_id).where(object_alias.c.object == one.id)
    own = [one.remote_id] if one.remote_id is not None else []
    return [*own, *conn.execute(former).scalars()]


def rename(conn: Connection, one: Obj, remote_id: str) -> Obj:
    """Know an object by another id from now on; by the former one it is found still."""
    alias = upsert.insert(conn, object_alias).values(
        system=one.system, kind=one.kind, remote_id=one.remote_id, object=one.id
    )
    conn.execute(alias.on_conflict_do_nothing())
    links.change(conn, one.id, remote_id=remote_id, has_marker=False, revision=None)
    return links.get(conn, one.id)


def may_be_back(conn: Connection, key: int, now: datetime) -> None:
    """Have what is gone of an aggregate read once more by id: it may be there again."""
    gone = object_.c.aggregate == key, object_.c.state == "gone"
    told_of = object_.c.kind.in_(links.TOLD_KINDS)
    conn.execute(update(object_).where(*gone, told_of).values(shown_at=now))


def made_at(conn: Connection, key: int) -> datetime | None:
    """When an aggregate was made; None for one that is not known."""
    at: datetime | None = conn.execute(
        select(aggregate.c.created_at).where(aggregate.c.id == key)
    ).scalar_one_or_none()
    return at


def row(conn: Connection, object_id: int) -> Obj | None:
    """The row with our number, or None."""
    found = conn.execute(select(*_ROW).where(object_.c.id == object_id)).first()
    return None if found is None else Obj(*found)


_AT_PLACE = (
    select(*_ROW)
    .join(visit, visit.c.aggregate == object_.c.aggregate)
    .where(
        or_(visit.c.starts_at == bindparam("starts"), visit.c.starts_at.is_(None)),
        or_(visit.c.doctor == bindparam("doctor"), visit.c.doctor.is_(None)),
        IS_OPEN,
        object_.c.system == bindparam("system"),
        object_.c.kind == "appointment",
        object_.c.state == "live",
        object_.c.aggregate != bindparam("besides"),
        or_(~object_.c.told, object_.c.looked_at.is_(None)),
    )
    .order_by(object_.c.id)
)


def at_place(
    conn: Connection,
    system: str,
    doctor: str,
    starts: datetime,
    *,
    besides: int,
) -> list[Obj]:
    """The live appointments of a system whose open visit stands there, or was not read yet.

    Not those that only a caller told of and a read has denied.
    """
    told = {"system": system, "doctor": doctor, "starts": starts, "besides": besides}
    return [Obj(*found) for found in conn.execute(_AT_PLACE, told)]


def note_denied(conn: Connection, object_id: int, now: datetime) -> None:
    """Note that a read has denied an object that only a caller told of; the first read counts."""
    only_told = object_.c.id == object_id, object_.c.told, object_.c.looked_at.is_(None)
    conn.execute(update(object_).where(*only_told).values(looked_at=now))


def note_seen(conn: Connection, ids: Collection[int], now: datetime) -> None:
    """Note that these objects were seen now, as they are known."""
    conn.execute(update(object_).where(object_.c.id.in_(ids)).values(seen_at=now))


def highest_read(conn: Connection, system: str, most: int) -> list[str | None]:
    """The highest so many ids of a system's appointments that an authenticated call has shown."""
    shown = object_.c.system == system, IS_APPOINTMENT, ~object_.c.told
    highest = LENGTH.desc(), object_.c.remote_id.desc()
    query = select(object_.c.remote_id).where(*shown).order_by(*highest).limit(most)
    return list(conn.execute(query).scalars())


_DROP = delete(object_).where(object_.c.id == bindparam("of"))


def drop(conn: Connection, object_id: int) -> None:
    """Drop an object's row."""
    conn.execute(_DROP, {"of": object_id})


# --- what is being made ---------------------------------------------------------------------------


def creating(conn: Connection, create_key: str) -> Obj | None:
    """The living row under a create key (creating, ambiguous, live or skipped)."""
    row = (
        conn.execute(
            select(object_).where(object_.c.create_key == create_key, object_.c.state != "gone")
        )
        .mappings()
        .first()
    )
    return Obj(**row) if row else None


def forget_create(conn: Connection, object_id: int) -> None:
    """Drop the row of a create that the remote refused: nothing came to be, of nothing."""
    conn.execute(
        update(attendance).where(attendance.c.appointment == object_id).values(appointment=None)
    )
    conn.execute(
        update(attendance).where(attendance.c.participant == object_id).values(participant=None)
    )
    calls = select(pending.c.call).where(pending.c.object == object_id)
    conn.execute(delete(pending).where(pending.c.call.in_(calls)))
    conn.execute(delete(object_).where(object_.c.id == object_id, object_.c.remote_id.is_(None)))


_HIGHEST = (
    select(object_.c.remote_id)
    .where(
        object_.c.system == bindparam("system"),
        IS_APPOINTMENT,
        object_.c.remote_id.is_not(None),
        ~object_.c.told,
        object_.c.remote_id.not_like("%\\_%", escape="\\"),
    )
    .order_by(LENGTH.desc(), object_.c.remote_id.desc())
    .limit(ONE)
)


def highest_known(conn: Connection, system: str) -> int | None:
    """The highest appointment id of a system that was read: what is made next comes after it.

    Not of those that only a caller told of: an invented one would hide what is made next.
    """
    highest = conn.execute(_HIGHEST, {"system": system}).scalar_one_or_none()
    return int(highest) if highest and highest.isdecimal() else None


# --- what was never there -------------------------------------------------------------------------


def denied_before(conn: Connection, before: datetime, most: int) -> list[tuple[int, int]]:
    """Row and aggregate of what only a caller told of and a read has denied before a time.

    Their rows are locked; not one of which a webhook tells at this moment.
    """
    rows = conn.execute(
        select(object_.c.id, object_.c.aggregate)
        .where(object_.c.told, object_.c.looked_at < before)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [(row.id, row.aggregate) for row in rows]


def forget(conn: Connection, object_id: int, key: int) -> None:
    """Drop an object with all that was said of it, and its aggregate if nothing else is in it."""
    conn.execute(delete(delivery).where(delivery.c.object == object_id))
    drop(conn, object_id)
    for other in (object_.c.aggregate, aggregate.c.merged_into, attendance.c.visit):
        if conn.execute(select(other).where(other == key).limit(ONE)).first() is not None:
            return
    for table in (blocker, work, visit, person):
        conn.execute(delete(table).where(table.c.aggregate == key))
    conn.execute(delete(person_key).where(person_key.c.person == key))
    conn.execute(delete(attention).where(attention.c.aggregate == key))
    conn.execute(delete(aggregate).where(aggregate.c.id == key))
