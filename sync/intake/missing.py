"""Have what a whole list lacks read by its id; a list that lacks too much may not be whole."""

from datetime import datetime

from sqlalchemy import Connection, or_, select

from sync.intake import sightings
from sync.outbound.brake import NO_DOCTOR
from sync.runtime import Ring, Sync
from sync.store.schema import blocker, object_, visit
from sync.store.tables import journal


def ask(sync: Sync, system: str, shown: set[str], first: datetime, last: datetime) -> list[Ring]:
    """Ask for the live objects of open visits between two times that a completed list lacks.

    Absence only raises the item: the read by id decides.
    """
    with sync.store.write() as conn:
        rows = conn.execute(
            select(object_.c.aggregate, object_.c.remote_id)
            .join(visit, visit.c.aggregate == object_.c.aggregate)
            .where(
                object_.c.system == system,
                object_.c.kind == "appointment",
                object_.c.state == "live",
                object_.c.remote_id.is_not(None),
                visit.c.state == "open",
                # Of one whose time is not known, its read by id says whether it is there.
                or_(visit.c.starts_at.is_(None), visit.c.starts_at.between(first, last)),
            )
        ).all()
        gone = [row.aggregate for row in rows if row.remote_id not in shown]
        _tell(conn, sync, system, len(gone), len(rows))
        stopped = _stopped_by_the_brake(conn)
        asked = [key for key in gone if key not in stopped]
        return [ring for key in asked if (ring := sightings.ask(conn, sync, key, system))]


def _stopped_by_the_brake(conn: Connection) -> set[int]:
    """The visits that somebody was asked about: lacking once more is no answer."""
    told = blocker.c.ref.in_((visit.c.doctor, NO_DOCTOR))
    rows = conn.execute(
        select(visit.c.aggregate)
        .join(blocker, blocker.c.aggregate == visit.c.aggregate)
        .where(blocker.c.kind == "operator", told)
    )
    return set(rows.scalars())


def _tell(conn: Connection, sync: Sync, system: str, lacking: int, of: int) -> None:
    """Tell of a list that lacks more than the brake lets be cancelled: none of it is believed."""
    cause = f"{system}_list_incomplete"
    if lacking > sync.settings.brake_count and lacking > sync.settings.brake_share * of:
        journal.open_attention(conn, 0, cause, now=sync.clock())
    elif lacking * 2 <= of:  # few are lacking too when few are open any more
        journal.close_one(conn, 0, cause, sync.clock())
