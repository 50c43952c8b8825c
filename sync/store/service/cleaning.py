"""Drop the rows that have served: explained deliveries, old calls, what never landed."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from sync.store.operators import sessions, tries
from sync.store.schema import call, delivery, heartbeat, pending, ticket


def drop_old(conn: Connection, before: datetime) -> None:
    """Drop explained deliveries and calls from before a time."""
    conn.execute(
        delete(delivery).where(delivery.c.at < before, delivery.c.explained_at.is_not(None))
    )
    conn.execute(delete(call).where(call.c.at < before))


def drop_never_landed(conn: Connection, before: datetime) -> None:
    """Drop what the calls before a time wrote whose outcome was looked for since."""
    looked = select(call.c.id).where(call.c.state == "looked", call.c.at < before)
    conn.execute(delete(pending).where(pending.c.call.in_(looked)))


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
