"""Keep who attends which visit: appointment, participant, person; each with a life."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from sync.store.schema import IS_OPEN, ONE, attendance, object_, person, visit


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
    current: bool


_OF_VISIT = (
    select(attendance)
    .where(attendance.c.visit == bindparam("key"))
    .order_by(attendance.c.current.desc(), attendance.c.id)
)
_CURRENT = _OF_VISIT.where(attendance.c.current)


def attendances(conn: Connection, key: int) -> list[Attendance]:
    """Every attendance of a visit, current ones first."""
    return [Attendance(**row) for row in conn.execute(_OF_VISIT, {"key": key}).mappings()]


def current(conn: Connection, key: int) -> list[Attendance]:
    """The current attendances of a visit."""
    return [Attendance(**row) for row in conn.execute(_CURRENT, {"key": key}).mappings()]


def is_open(conn: Connection, key: int) -> bool:
    """Whether a visit goes on, as far as we know."""
    row = select(visit.c.state).where(visit.c.aggregate == key)
    return conn.execute(row).scalar_one_or_none() == "open"


def is_attended(conn: Connection, appointment: int) -> bool:
    """Whether an appointment stands in a visit, or has."""
    held = select(attendance.c.id).where(attendance.c.appointment == appointment).limit(ONE)
    return conn.execute(held).first() is not None


def attend(conn: Connection, key: int, **values: Any) -> int:
    """A new attendance of a visit; returns its id."""
    return attended(conn, key, **values).id


_ATTEND = insert(attendance).returning(attendance)


def attended(conn: Connection, key: int, **values: Any) -> Attendance:
    """The same; returns its row."""
    told = {"visit": key, "current": True, **values}
    return Attendance(**conn.execute(_ATTEND, told).mappings().one())


_CHANGE = update(attendance).where(attendance.c.id == bindparam("of"))
_CHANGED = _CHANGE.returning(attendance)


def changed(conn: Connection, attendance_id: int, **values: Any) -> Attendance:
    """Set columns of an attendance; returns its row."""
    row = conn.execute(_CHANGED, {"of": attendance_id, **values}).mappings().one()
    return Attendance(**row)


def change_attendance(conn: Connection, attendance_id: int, **values: Any) -> None:
    """Set columns of an attendance."""
    conn.execute(_CHANGE, {"of": attendance_id, **values})


_VERSION = select(person.c.version).where(person.c.aggregate == attendance.c.person)
_COME = _CHANGED.returning(
    (attendance.c.person_version < _VERSION.scalar_subquery()).label("behind")
)


def come(conn: Connection, attendance_id: int, participant: int) -> tuple[Attendance, bool]:
    """Note which participant an attendance is; its row, and whether the chart changed since.

    What the participant was made with is older than the chart then.
    """
    row = dict(
        conn.execute(_COME, {"of": attendance_id, "participant": participant}).mappings().one()
    )
    return Attendance(**{name: row[name] for name in Attendance.__slots__}), bool(row["behind"])


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
            IS_OPEN,
            or_(visit.c.starts_at.is_(None), visit.c.starts_at >= now),
        )
        .order_by(attendance.c.id)
    ).mappings()
    return [Attendance(**row) for row in rows]


def count_open_future(conn: Connection, now: datetime) -> int:
    """How many visits are open and still to come."""
    counted: int = conn.execute(
        select(func.count()).select_from(visit).where(IS_OPEN, visit.c.starts_at >= now)
    ).scalar_one()
    return counted


def end_for(conn: Connection, appointment: int) -> None:
    """End the attendance that an appointment was to be made for: its participant is nobody's."""
    held = attendance.c.appointment == appointment
    conn.execute(update(attendance).where(held).values(participant=None, current=False))


def forget_participants(conn: Connection, key: int) -> None:
    """Have no attendance of a visit stand for a participant."""
    conn.execute(update(attendance).where(attendance.c.visit == key).values(participant=None))


def count_participants(conn: Connection, keys: Collection[int]) -> Counter[int]:
    """How many participants each of these visits has now."""
    rows = select(attendance.c.visit).where(
        attendance.c.visit.in_(keys),
        attendance.c.current,
        attendance.c.participant.is_not(None),
    )
    return Counter(conn.execute(rows).scalars())


def is_participant(conn: Connection, object_id: int) -> bool:
    """Whether an object is or was the participant of any attendance."""
    held = select(attendance.c.id).where(attendance.c.participant == object_id)
    return conn.execute(held.limit(ONE)).first() is not None


def elsewhere(
    conn: Connection, who: int, doctor: str, starts: datetime, *, besides: int
) -> list[tuple[int | None, str | None]]:
    """Participant and appointment's id of a person's places in other open visits at that time."""
    rows = conn.execute(
        select(attendance.c.participant, object_.c.remote_id)
        .join(visit, visit.c.aggregate == attendance.c.visit)
        .outerjoin(object_, object_.c.id == attendance.c.appointment)
        .where(
            attendance.c.person == who,
            attendance.c.current,
            visit.c.aggregate != besides,
            IS_OPEN,
            visit.c.starts_at == starts,
            visit.c.doctor == doctor,
        )
    )
    return [(row.participant, row.remote_id) for row in rows]


def take_participant(conn: Connection, participant: int, besides: Collection[int]) -> None:
    """Have a participant be nobody's any more, but for these attendances."""
    held = attendance.c.participant == participant, attendance.c.id.not_in(besides)
    conn.execute(update(attendance).where(*held).values(participant=None, current=False))
