"""Have what a whole list lacks read by its id; a list that lacks too much may not be whole."""

from datetime import datetime

from sqlalchemy import Connection

from sync.intake import sightings
from sync.outbound.brake import NO_DOCTOR
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.visits import listed


def ask(sync: Sync, system: str, shown: set[str], first: datetime, last: datetime) -> list[Ring]:
    """Ask for the live objects of open visits between two times that a completed list lacks.

    Absence only raises the item: the read by id decides.
    """
    with sync.store.write() as conn:
        # Of one whose time is not known, its read by id says whether it is there.
        known = listed.between(conn, system, first, last)
        gone = [key for key, remote_id in known if remote_id not in shown]
        _tell(conn, sync, system, len(gone), len(known))
        # Somebody was asked about those of a braked doctor: lacking once more is no answer.
        stopped = listed.waiting_for_a_doctor(conn, NO_DOCTOR)
        asked = [key for key in gone if key not in stopped]
        return [ring for key in asked if (ring := sightings.ask(conn, sync, key, system))]


def _tell(conn: Connection, sync: Sync, system: str, lacking: int, of: int) -> None:
    """Tell of a list that lacks more than the brake lets be cancelled: none of it is believed."""
    cause = f"{system}_list_incomplete"
    if lacking > sync.settings.brake_count and lacking > sync.settings.brake_share * of:
        attention.open_item(conn, 0, cause, now=sync.clock())
    elif lacking * 2 <= of:  # few are lacking too when few are open any more
        attention.close_cause(conn, 0, cause, sync.clock())
