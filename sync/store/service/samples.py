"""Keep how it stood each minute, for a chart of the last days."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from sync.store import upsert
from sync.store.schema import sample


@dataclass(frozen=True, slots=True)
class Sample:
    """What waited at a time, the seconds since the oldest one's first hint, and what was left."""

    at: datetime
    waiting: int
    oldest_seconds: float
    parked: int
    attention: int
    drchrono_left: int | None


_COLUMNS = tuple(sample.c[name] for name in Sample.__slots__)


def put(conn: Connection, taken: Sample) -> None:
    """Keep a sample; of two at the same time the first."""
    conn.execute(upsert.insert(conn, sample).values(**asdict(taken)).on_conflict_do_nothing())


def since(conn: Connection, at: datetime) -> list[Sample]:
    """The samples since a time, oldest first."""
    rows = conn.execute(select(*_COLUMNS).where(sample.c.at >= at).order_by(sample.c.at))
    return [Sample(*row) for row in rows]


def drop_old(conn: Connection, before: datetime) -> None:
    """Drop the samples from before a time."""
    conn.execute(delete(sample).where(sample.c.at < before))
