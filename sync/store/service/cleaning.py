"""Drop the rows that have served: explained deliveries, old calls, what never landed."""

from datetime import datetime

from sqlalchemy import Connection, delete, exists, select, update

from sync.core.records import SYSTEMS
from sync.store.operators import sessions, tries
from sync.store.schema import IS_OPEN, aggregate, call, delivery, heartbeat, pending, ticket, visit


def drop_deliveries(conn: Connection, before: datetime, most: int) -> int:
    """Drop so many explained deliveries from before a time; returns how many there were."""
    # The systems by name, here and below: the indexes have the time behind them.
    old = delivery.c.source.in_(SYSTEMS), delivery.c.at < before
    some = select(delivery.c.id).where(*old, delivery.c.explained_at.is_not(None)).limit(most)
    return conn.execute(delete(delivery).where(delivery.c.id.in_(some))).rowcount


def drop_calls(conn: Connection, before: datetime, most: int) -> int:
    """Drop so many calls from before a time; returns how many there were."""
    old = call.c.system.in_(SYSTEMS), call.c.at < before
    some = select(call.c.id).where(*old).limit(most)
    return conn.execute(delete(call).where(call.c.id.in_(some))).rowcount


def drop_never_landed(conn: Connection, before: datetime) -> None:
    """Drop what the calls before a time wrote whose outcome was looked for since."""
    looked = call.c.id == pending.c.call, call.c.state == "looked", call.c.at < before
    conn.execute(delete(pending).where(exists().where(*looked)))


def close_merged(conn: Connection) -> None:
    """Close the visits that stood nowhere and ended in another: each echo of a create leaves one.

    Else what looks for open visits whose time nobody knows would find all that there ever were.
    """
    merged = aggregate.c.id == visit.c.aggregate, aggregate.c.merged_into.is_not(None)
    stood = IS_OPEN, visit.c.starts_at.is_(None)
    conn.execute(update(visit).where(*stood, exists().where(*merged)).values(state="closed"))


def drop_heartbeats(conn: Connection, before: datetime) -> None:
    """Drop the heartbeats of processes not heard of since a time."""
    conn.execute(delete(heartbeat).where(heartbeat.c.at < before))


def drop_sign_ins(conn: Connection, before: datetime) -> None:
    """Drop sessions, and waits after failed sign-ins, that were over before a time."""
    sessions.drop_old(conn, before)
    tries.drop_old(conn, before)


def drop_tickets(conn: Connection, now: datetime) -> None:
    """Drop the one-time secrets that are no longer good."""
    conn.execute(delete(ticket).where(ticket.c.expires_at < now))
