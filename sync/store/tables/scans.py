"""Keep each scan's cursor, which moves to the start of a completed pass."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from sync.store.database import Store
from sync.store.schema import scan

MATCHING = "matching"


@dataclass(frozen=True, slots=True)
class Progress:
    """A scan's row; every field is None for one that never began."""

    cursor: str | None = None
    position: str | None = None
    started_at: datetime | None = None
    done_at: datetime | None = None


def progress(store: Store, name: str) -> Progress:
    """How far a scan came."""
    with store.read() as conn:
        row = conn.execute(select(scan).where(scan.c.name == name)).first()
    return Progress(row.cursor, row.position, row.started_at, row.done_at) if row else Progress()


def position(conn: Connection, name: str) -> str | None:
    """What the last whole pass of a scan has counted, or None."""
    counted: str | None = conn.execute(
        select(scan.c.position).where(scan.c.name == name)
    ).scalar_one_or_none()
    return counted


def done_at(conn: Connection, name: str) -> datetime | None:
    """When a pass of a scan was last completed, or None."""
    at: datetime | None = conn.execute(
        select(scan.c.done_at).where(scan.c.name == name)
    ).scalar_one_or_none()
    return at


def ever_done(conn: Connection) -> set[str]:
    """The scans that were completed once."""
    return set(conn.execute(select(scan.c.name).where(scan.c.done_at.is_not(None))).scalars())


def from_the_start(conn: Connection, name: str) -> None:
    """Have the next pass of a scan read everything."""
    conn.execute(update(scan).where(scan.c.name == name).values(cursor=None))


def begin(store: Store, name: str, now: datetime) -> Progress:
    """Note that a pass begins; returns where the last one stood."""
    before = progress(store, name)
    with store.write() as conn:
        changed = conn.execute(update(scan).where(scan.c.name == name).values(started_at=now))
        if changed.rowcount == 0:
            conn.execute(insert(scan).values(name=name, started_at=now))
    return before


def finish(
    store: Store, name: str, now: datetime, *, cursor: str | None, position: str | None = None
) -> None:
    """Note that a pass was completed; only then does the cursor move."""
    with store.write() as conn:
        conn.execute(
            update(scan)
            .where(scan.c.name == name)
            .values(done_at=now, cursor=cursor, position=position)
        )
