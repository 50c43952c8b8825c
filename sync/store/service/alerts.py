"""Keep which problems somebody was told of: open ones once, and what is still to be told."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from sync.store import upsert
from sync.store.schema import alert

BEGAN, REMINDER, ENDED = "began", "reminder", "ended"


@dataclass(frozen=True, slots=True)
class Alert:
    """One problem as it was told. `owed`: channels that the last notice did not reach yet."""

    id: int
    name: str
    began_at: datetime
    ended_at: datetime | None
    notice: str
    owed: str
    reminders: int
    next_at: datetime
    quiet_until: datetime | None
    acknowledged: str | None

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that are still to be told by."""
        return tuple(one for one in self.owed.split(",") if one)


_ROW = tuple(alert.c[name] for name in Alert.__slots__)


def standing(conn: Connection) -> list[Alert]:
    """Every problem that has not ended, and those whose end somebody has not heard of yet."""
    wanted = or_(alert.c.ended_at.is_(None), alert.c.owed != "")
    return [Alert(*row) for row in conn.execute(select(*_ROW).where(wanted).order_by(alert.c.id))]


def begin(
    conn: Connection, name: str, channels: Collection[str], next_at: datetime, now: datetime
) -> None:
    """Note a problem that has begun; one that another beat has noted stays as it is."""
    made = upsert.insert(conn, alert).values(
        name=name, began_at=now, notice=BEGAN, owed=",".join(channels), next_at=next_at
    )
    conn.execute(made.on_conflict_do_nothing())


def change(conn: Connection, number: int, **values: Any) -> None:
    """Change columns of one alert."""
    conn.execute(update(alert).where(alert.c.id == number).values(**values))


def get(conn: Connection, number: int) -> Alert | None:
    """One that has not ended, or None."""
    row = conn.execute(
        select(*_ROW).where(alert.c.id == number, alert.c.ended_at.is_(None))
    ).first()
    return None if row is None else Alert(*row)


def ended(conn: Connection, most: int) -> list[Alert]:
    """At most so many that have ended, newest first."""
    query = select(*_ROW).where(alert.c.ended_at.is_not(None)).order_by(alert.c.id.desc())
    return [Alert(*row) for row in conn.execute(query.limit(most))]


def drop_old(conn: Connection, before: datetime) -> None:
    """Drop those that ended before a time."""
    conn.execute(delete(alert).where(alert.c.ended_at < before))
