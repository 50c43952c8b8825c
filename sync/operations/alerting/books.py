"""Keep the books of alerts: one when a problem begins, one when it ends, reminders between.

R… are rules of docs/rules.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from sync.operations.alerting.problems import Problem
from sync.store.service import alerts
from sync.store.service.alerts import BEGAN, ENDED, REMINDER, Alert

# Reminders come in growing distances: whoever has not acted after a day knows of it.
GAPS: Final = tuple(timedelta(hours=hours) for hours in (1, 4, 12, 24))


def settle(
    conn: Connection, found: Sequence[Problem], channels: Sequence[str], now: datetime
) -> None:
    """Note what has begun, ended, or is to be reminded of; nothing is sent in here."""
    names = {one.name for one in found}
    open_ones = {one.name: one for one in alerts.standing(conn) if one.ended_at is None}
    for name in sorted(names - open_ones.keys()):
        alerts.begin(conn, name, channels, now + gap(0), now)
    for name, one in open_ones.items():
        if name not in names:
            _end(conn, one, channels, now)
        elif _is_to_be_reminded(one, now):
            count = one.reminders + 1
            following = now + gap(count)
            owed = ",".join(channels)
            alerts.change(
                conn, one.id, notice=REMINDER, owed=owed, reminders=count, next_at=following
            )


def gap(reminders: int) -> timedelta:
    """How long after so many reminders the next one comes."""
    return GAPS[min(reminders, len(GAPS) - 1)]


def _end(conn: Connection, one: Alert, channels: Sequence[str], now: datetime) -> None:
    """Tell of the end whoever was told of the beginning; of what nobody heard of, nobody."""
    unheard = set(one.channels) if one.notice == BEGAN else set()
    owed = ",".join(channel for channel in channels if channel not in unheard)
    alerts.change(conn, one.id, notice=ENDED, owed=owed, ended_at=now)


def _is_to_be_reminded(one: Alert, now: datetime) -> bool:
    quiet = one.quiet_until is not None and now < one.quiet_until
    return not (one.acknowledged or quiet or one.owed) and now >= one.next_at
