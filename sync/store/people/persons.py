"""Keep each person's version of the chart, whom it was told to, and who is left out."""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, select, update

from sync.store.schema import ONE, attendance, attention, object_, person
from sync.store.tables.links import BY_ID, Obj


@dataclass(frozen=True, slots=True)
class Hub:
    """One person: how often their chart changed, and whether nothing is written about them.

    `told`: something that somebody was told about them stands.
    """

    version: int
    excluded: bool
    told: bool = False


_TOLD = exists().where(attention.c.aggregate == person.c.aggregate, attention.c.closed_at.is_(None))
_HUB = person.c.version, person.c.excluded, _TOLD.label("stands")
_OF_OBJECT = tuple(object_.c.keys())
_OF_PATIENT = (
    select(object_, *_HUB)
    .join(person, person.c.aggregate == object_.c.aggregate)
    .where(object_.c.id == BY_ID)
)


def get(conn: Connection, key: int) -> Hub:
    """A person. Raises sqlalchemy's NoResultFound for what is no person."""
    return Hub(*conn.execute(select(*_HUB).where(person.c.aggregate == key)).one())


def of_patient(conn: Connection, remote_id: str) -> tuple[Obj, Hub] | None:
    """The row of a patient, and the person who has it; None when never heard of."""
    told = {"system": "drchrono", "kind": "patient", "remote_id": remote_id}
    row = conn.execute(_OF_PATIENT, told).mappings().first()
    if row is None:
        return None
    obj = Obj(**{name: row[name] for name in _OF_OBJECT})
    return obj, Hub(row["version"], row["excluded"], row["stands"])


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
        .limit(ONE)
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
