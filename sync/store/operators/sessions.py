"""Keep who is signed in: the hash of a random id, which is in their cookie alone."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from sync.store.schema import operator, session


@dataclass(frozen=True, slots=True)
class Open:
    """A session that was not ended: whose, in what role, since when, and when last used."""

    operator: str
    role: str
    way: str
    created_at: datetime
    seen_at: datetime


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def begin(conn: Connection, secret: str, opened: Open, ends_at: datetime) -> None:
    """Store a new session."""
    conn.execute(
        insert(session).values(
            hash=_hashed(secret),
            operator=opened.operator,
            role=opened.role,
            way=opened.way,
            created_at=opened.created_at,
            seen_at=opened.seen_at,
            ends_at=ends_at,
        )
    )


def find(conn: Connection, secret: str, now: datetime, seen_since: datetime) -> Open | None:
    """The session of an id, if it was used since a time and its operator was not removed.

    The role is what the operator has now, where one is kept here.
    """
    kept = and_(operator.c.name == session.c.operator, session.c.way == "password")
    row = conn.execute(
        select(
            session.c.operator,
            func.coalesce(operator.c.role, session.c.role).label("role"),
            session.c.way,
            session.c.created_at,
            session.c.seen_at,
        )
        .select_from(session.outerjoin(operator, kept))
        .where(
            session.c.hash == _hashed(secret),
            session.c.ended_at.is_(None),
            session.c.ends_at > now,
            session.c.seen_at > seen_since,
            operator.c.disabled_at.is_(None),
        )
    ).first()
    return None if row is None else Open(*row)


def seen(conn: Connection, secret: str, now: datetime) -> None:
    """Note that a session is used."""
    open_ = session.c.hash == _hashed(secret), session.c.ended_at.is_(None)
    conn.execute(update(session).where(*open_).values(seen_at=now))


def end(conn: Connection, secret: str, now: datetime) -> bool:
    """End a session; False when it was ended before."""
    open_ = session.c.hash == _hashed(secret), session.c.ended_at.is_(None)
    return conn.execute(update(session).where(*open_).values(ended_at=now)).rowcount == 1


def end_all(conn: Connection, name: str, now: datetime) -> int:
    """End every session of an operator; returns how many were good until now."""
    open_ = session.c.operator == name, session.c.ended_at.is_(None), session.c.ends_at > now
    return conn.execute(update(session).where(*open_).values(ended_at=now)).rowcount


def drop_old(conn: Connection, before: datetime) -> None:
    """Drop the sessions that ended before a time, at the latest by their limit."""
    conn.execute(delete(session).where(session.c.ends_at < before))
