"""A list that lacks many open visits may not be the whole: told, and believed of none of them."""

from sqlalchemy import Connection, select

from sync.outbound.brake import NO_DOCTOR
from sync.runtime import Sync
from sync.store.schema import blocker, visit
from sync.store.tables import journal


def stopped_by_the_brake(conn: Connection) -> set[int]:
    """The visits that somebody was asked about: lacking once more is no answer."""
    told = blocker.c.ref.in_((visit.c.doctor, NO_DOCTOR))
    rows = conn.execute(
        select(visit.c.aggregate)
        .join(blocker, blocker.c.aggregate == visit.c.aggregate)
        .where(blocker.c.kind == "operator", told)
    )
    return set(rows.scalars())


def tell(conn: Connection, sync: Sync, system: str, lacking: int, of: int) -> None:
    """Tell of a list that lacks more than the brake lets be cancelled: it may not be the whole."""
    cause = f"{system}_list_incomplete"
    if lacking > sync.settings.brake_count and lacking > sync.settings.brake_share * of:
        journal.open_attention(conn, 0, cause, now=sync.clock())
    elif lacking * 2 <= of:  # few are lacking too when few are open any more
        journal.close_one(conn, 0, cause, sync.clock())
