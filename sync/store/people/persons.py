"""Keep each person's version of the chart, whom it was told to, and who is left out."""

from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    Integer,
    String,
    bindparam,
    cast,
    literal,
    null,
    select,
    union_all,
    update,
)

from sync.store.schema import attendance, attention, object_, person


@dataclass(frozen=True, slots=True)
class Hub:
    """One person: how often their chart changed, and whether nothing is written about them."""

    version: int
    excluded: bool


def get(conn: Connection, key: int) -> Hub:
    """A person. Raises sqlalchemy's NoResultFound for what is no person."""
    row = conn.execute(
        select(person.c.version, person.c.excluded).where(person.c.aggregate == key)
    ).one()
    return Hub(row.version, row.excluded)


def exclude(conn: Connection, key: int, *, excluded: bool) -> None:
    """Write nothing about a person any more, or again."""
    conn.execute(update(person).where(person.c.aggregate == key).values(excluded=excluded))


def new_version(conn: Connection, key: int) -> None:
    """Note that a chart changed: who was told the former version is behind."""
    newer = person.c.version + 1
    conn.execute(update(person).where(person.c.aggregate == key).values(version=newer))


def is_behind(conn: Connection, key: int) -> bool:
    """Whether a visit was made with names or an address older than the chart's."""
    found = conn.execute(
        select(attendance.c.id)
        .join(person, person.c.aggregate == attendance.c.person)
        .where(
            attendance.c.person == key,
            attendance.c.current,
            attendance.c.person_version < person.c.version,
        )
        .limit(1)
    ).first()
    return found is not None


def told(conn: Connection, key: int) -> None:
    """Note that every participant of a person was told the present version.

    But for one whose id is not known yet: that was told nothing of it.
    """
    version = select(person.c.version).where(person.c.aggregate == key)
    known = select(object_.c.id).where(
        object_.c.id == attendance.c.participant, object_.c.remote_id.is_not(None)
    )
    conn.execute(
        update(attendance)
        .where(attendance.c.person == key, attendance.c.current)
        .where(known.exists())
        .values(person_version=version.scalar_subquery())
    )


_PATIENTS = (
    select(
        literal(0).label("asked"),
        cast(person.c.excluded, Integer).label("excluded"),
        object_.c.remote_id.label("remote_id"),
        object_.c.id.label("row"),
    )
    .join(attendance, attendance.c.person == person.c.aggregate)
    .join(object_, object_.c.aggregate == person.c.aggregate)
    .where(attendance.c.visit == bindparam("visit"), attendance.c.current)
    .where(object_.c.system == "drchrono", object_.c.kind == "patient")
)
_ASKED = select(literal(1), literal(0), cast(null(), String), literal(0)).where(
    select(attention.c.id)
    .where(
        attention.c.aggregate == bindparam("visit"),
        attention.c.cause == bindparam("cause"),
        attention.c.closed_at.is_(None),
    )
    .exists()
)
_HELD_BACK = union_all(_PATIENTS, _ASKED)


def held_back(conn: Connection, visit_key: int, cause: str) -> tuple[bool, list[str]]:
    """Whether a question of this cause is open about a visit, and the ids of its patients.

    The ids are told where every one of the patients is left out, else none.
    """
    rows = conn.execute(_HELD_BACK, {"visit": visit_key, "cause": cause}).all()
    patients = sorted((row for row in rows if not row.asked), key=lambda row: row.row)
    left_out = bool(patients) and all(row.excluded for row in patients)
    ids = [str(row.remote_id) for row in patients] if left_out else []
    return len(rows) > len(patients), ids
