"""Read which appointment, participant, contact and chart belong together, many at once."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, or_, select

from sync.store.schema import IS_OPEN, attendance, baseline, object_, person, visit

CHUNK = 500


class Tie(NamedTuple):
    """One current attendance of a visit; without one, the visit alone (`attendance` None).

    `oncall` is the present generation's id in OnCall. Ids are the remotes'; None: not made yet.
    `*_row` are ours.
    """

    visit: int
    open: bool
    starts_at: datetime | None
    hold_until: datetime | None
    doctor: str | None
    oncall: str | None
    oncall_row: int | None
    oncall_state: str | None
    attendance: int | None
    appointment: str | None
    appointment_row: int | None
    appointment_state: str | None
    participant: str | None
    participant_row: int | None
    person: int | None


def ties(conn: Connection, since: datetime) -> Iterator[Tie]:
    """Every visit that is open, or begins at `since` or later, with each of its attendances."""
    there, here, who = object_.alias(), object_.alias(), object_.alias()
    of_it = and_(
        there.c.aggregate == visit.c.aggregate,
        there.c.system == "oncall",
        there.c.kind == "appointment",
        there.c.state != "skipped",
        there.c.generation == visit.c.generation,
    )
    current = and_(attendance.c.visit == visit.c.aggregate, attendance.c.current)
    rows = conn.execute(
        select(
            visit.c.aggregate,
            IS_OPEN,
            visit.c.starts_at,
            visit.c.hold_until,
            visit.c.doctor,
            there.c.remote_id,
            there.c.id,
            there.c.state,
            attendance.c.id,
            here.c.remote_id,
            here.c.id,
            here.c.state,
            who.c.remote_id,
            who.c.id,
            attendance.c.person,
        )
        .select_from(visit)
        .outerjoin(there, of_it)
        .outerjoin(attendance, current)
        .outerjoin(here, here.c.id == attendance.c.appointment)
        .outerjoin(who, who.c.id == attendance.c.participant)
        .where(
            or_(
                and_(IS_OPEN, visit.c.starts_at < since),
                visit.c.starts_at.is_(None),
                visit.c.starts_at >= since,
            )
        )
        .order_by(visit.c.aggregate, attendance.c.id)
    )
    for row in rows:
        yield Tie(*row)


class Known(NamedTuple):
    """What is stored of a remote object: its row, its aggregate and its state; `told` by a hint."""

    row: int
    aggregate: int
    state: str
    told: bool


def known(conn: Connection, system: str, kind: str, ids: Collection[str]) -> dict[str, Known]:
    """What is stored of each of these that has a row."""
    found: dict[str, Known] = {}
    named = sorted(ids)
    for first in range(0, len(named), CHUNK):
        some = named[first : first + CHUNK]
        rows = conn.execute(
            select(
                object_.c.remote_id,
                object_.c.id,
                object_.c.aggregate,
                object_.c.state,
                object_.c.told,
            ).where(
                object_.c.system == system,
                object_.c.kind == kind,
                object_.c.remote_id.in_(some),
            )
        )
        found |= {row[0]: Known(*row[1:]) for row in rows}
    return found


class Contact(NamedTuple):
    """One live contact of ours, and the person whom it stands for."""

    person: int
    remote_id: str
    row: int
    provider: str | None
    division: str | None


def contacts(conn: Connection) -> list[Contact]:
    """Every contact that is linked."""
    rows = conn.execute(
        select(
            object_.c.aggregate,
            object_.c.remote_id,
            object_.c.id,
            object_.c.provider,
            object_.c.division,
        ).where(
            object_.c.system == "oncall",
            object_.c.kind == "contact",
            object_.c.state == "live",
            object_.c.remote_id.is_not(None),
        )
    )
    return [Contact(*row) for row in rows]


class Chart(NamedTuple):
    """A person's chart, by its id and our row."""

    remote_id: str
    row: int
    excluded: bool


def charts(conn: Connection) -> dict[int, Chart]:
    """Each person's chart that is there, as far as is known."""
    rows = conn.execute(
        select(object_.c.aggregate, object_.c.remote_id, object_.c.id, person.c.excluded)
        .join(person, person.c.aggregate == object_.c.aggregate)
        .where(
            object_.c.system == "drchrono",
            object_.c.kind == "patient",
            object_.c.state == "live",
            object_.c.remote_id.is_not(None),
        )
    )
    return {row[0]: Chart(*row[1:]) for row in rows}


def providers(conn: Connection) -> dict[int, tuple[str | None, str | None]]:
    """With which provider each open OnCall visit was last settled: key id and digest, by row."""
    rows = conn.execute(
        select(baseline.c.object, baseline.c.key_id, baseline.c.digest)
        .join(object_, object_.c.id == baseline.c.object)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(
            baseline.c.field == "provider",
            object_.c.system == "oncall",
            object_.c.kind == "appointment",
            object_.c.generation == visit.c.generation,
            IS_OPEN,
        )
    )
    return {row.object: (row.key_id, row.digest) for row in rows}
