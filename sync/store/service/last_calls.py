"""Say when each system was last reached, and when it last told us something."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from sync.store.schema import IS_CHANGE, IS_WRITE, ONE, call, delivery

_FAILED = ("refused", "unresolved", "looked")


def _newest(conn: Connection, *where: ColumnElement[bool]) -> datetime | None:
    at: datetime | None = conn.execute(
        select(call.c.at).where(*where).order_by(call.c.at.desc()).limit(ONE)
    ).scalar_one_or_none()
    return at


def _newest_write(conn: Connection, *where: ColumnElement[bool]) -> datetime | None:
    """The same of writes: changes and markers have an index each."""
    changed = _newest(conn, *where, IS_CHANGE)
    marker = [IS_WRITE, call.c.effect == "marker"]
    marker += [call.c.at > changed] if changed is not None else []  # none of years is looked at
    return _newest(conn, *where, *marker) or changed


def last_good_read(conn: Connection, system: str) -> datetime | None:
    """When a call that only reads was last answered as it should be."""
    return _newest(conn, call.c.system == system, call.c.effect == "", call.c.state == "done")


def last_good_write(conn: Connection, system: str) -> datetime | None:
    """When a write last went through."""
    return _newest_write(conn, call.c.system == system, call.c.state == "done")


def last_failed_write(conn: Connection, system: str, since: datetime | None) -> datetime | None:
    """When a write after a time last did not go through, or nobody knows; None: at any time."""
    failed = [call.c.system == system, call.c.state.in_(_FAILED)]
    failed += [call.c.at > since] if since is not None else []
    return _newest_write(conn, *failed)


def last_told(conn: Connection, system: str) -> datetime | None:
    """When a system's last webhook was noted."""
    told: datetime | None = conn.execute(
        select(delivery.c.at)
        .where(delivery.c.source == system)
        .order_by(delivery.c.at.desc())
        .limit(ONE)
    ).scalar_one_or_none()
    return told
