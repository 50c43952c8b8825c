"""Find the visits that a list is compared with: by time, by what was seen, by what waits."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, not_, or_, select

from sync.store.schema import IS_OPEN, attendance, blocker, object_, visit

# An aggregate, and the remote id of its appointment.
VisitAppointment = tuple[int, str]


def _live(system: str) -> tuple[ColumnElement[bool], ...]:
    return (
        object_.c.system == system,
        object_.c.kind == "appointment",
        object_.c.state == "live",
        IS_OPEN,
    )


def between(
    conn: Connection, system: str, first: datetime, last: datetime
) -> list[VisitAppointment]:
    """The live appointments of open visits between two times, or at a time that is not known."""
    rows = conn.execute(
        select(object_.c.aggregate, object_.c.remote_id)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(*_live(system), object_.c.remote_id.is_not(None))
        .where(or_(visit.c.starts_at.is_(None), visit.c.starts_at.between(first, last)))
    )
    return [(row.aggregate, row.remote_id) for row in rows]


def waiting_for_a_doctor(conn: Connection, none: str) -> set[int]:
    """The visits that wait for an operator's word about their doctor; `none`: about no doctor."""
    about = blocker.c.ref.in_((visit.c.doctor, none))
    rows = conn.execute(
        select(visit.c.aggregate)
        .join(blocker, blocker.c.aggregate == visit.c.aggregate)
        .where(blocker.c.kind == "operator", about)
    )
    return set(rows.scalars())


def not_seen_since(
    conn: Connection,
    since: datetime,
    begins: tuple[datetime, datetime],
    *,
    untimed: bool,
    besides: Collection[str],
) -> list[VisitAppointment]:
    """The OnCall appointments of open visits that begin within a time and were not seen lately.

    `untimed`: marked ones too whose time is not known. `besides`: not those of visits that wait for
    a blocker of these kinds.
    """
    within = and_(visit.c.starts_at >= begins[0], visit.c.starts_at < begins[1])
    if untimed:
        within = or_(within, and_(visit.c.starts_at.is_(None), object_.c.has_marker))
    waiting = select(blocker.c.aggregate).where(blocker.c.kind.in_(besides))
    rows = conn.execute(
        select(object_.c.aggregate, object_.c.remote_id)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(
            *_live("oncall"),
            object_.c.generation == visit.c.generation,
            object_.c.seen_at < since,
            within,
            object_.c.aggregate.not_in(waiting),
        )
    )
    return [(row.aggregate, row.remote_id) for row in rows]


@dataclass(frozen=True, slots=True)
class Marked:
    """An OnCall appointment that bears our marker and stands for an open visit."""

    id: int
    remote_id: str
    aggregate: int


def marked_among(conn: Connection, ids: Collection[str], made_before: datetime) -> list[Marked]:
    """The marked appointments with these ids, but for what we made after a time."""
    rows = conn.execute(
        select(object_.c.id, object_.c.remote_id, object_.c.aggregate)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(
            *_live("oncall"),
            object_.c.remote_id.in_(ids),
            object_.c.has_marker,
            not_(and_(object_.c.made_by_us, object_.c.created_at > made_before)),
            object_.c.generation == visit.c.generation,
        )
    )
    return [Marked(*row) for row in rows]


def participants_of(conn: Connection, keys: Collection[int]) -> dict[int, dict[str, int]]:
    """The participants that are known of each visit: remote id → row."""
    found: dict[int, dict[str, int]] = {}
    rows = conn.execute(
        select(object_.c.id, object_.c.remote_id, object_.c.aggregate).where(
            object_.c.system == "oncall",
            object_.c.kind == "participant",
            object_.c.remote_id.is_not(None),
            object_.c.aggregate.in_(keys),
        )
    )
    for row in rows:
        found.setdefault(row.aggregate, {})[row.remote_id] = row.id
    return found


def coming_to(conn: Connection, keys: Collection[int]) -> dict[int, set[int]]:
    """The rows of the participants who are to come to each visit; 0: one that is not known yet."""
    found: dict[int, set[int]] = {}
    rows = conn.execute(
        select(attendance.c.visit, attendance.c.participant).where(
            attendance.c.visit.in_(keys), attendance.c.current
        )
    )
    for row in rows:
        found.setdefault(row.visit, set()).add(row.participant or 0)
    return found
