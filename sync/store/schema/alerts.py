"""Define the table of the alerts: what somebody was told of, and what they made of it."""

from sqlalchemy import Column, Index, Integer, String, Table, text

from sync.store.schema.base import UtcTime, metadata

alert = Table(
    "alert",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(60), nullable=False),  # of the problem, as `operations.alerting` names it
    Column("began_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("notice", String(8), nullable=False),  # the last to be told: began | reminder | ended
    Column("owed", String(60), nullable=False),  # channels it was not told by yet, by commas
    Column("reminders", Integer, nullable=False, server_default=text("0")),
    Column("next_at", UtcTime, nullable=False),  # of the next reminder
    Column("quiet_until", UtcTime),  # snoozed; the end is told all the same
    Column("acknowledged", String(80)),  # who has seen it: no more reminders
    sqlite_autoincrement=True,
)
_OPEN = alert.c.ended_at.is_(None)
Index("uq_alert_open_name", alert.c.name, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
