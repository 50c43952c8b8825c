"""Show the open alerts with what was told of each: when last, by which channel, what comes next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync.operations.alerting import books, tell
from sync.operations.alerting.problems import Problem
from sync.runtime import Sync
from sync.store.service import alerts
from sync.store.service.alerts import REMINDER, Alert

_LATELY: Final = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """One open alert as it is shown. Times are aware UTC.

    `problem` None: it is over, and the beat has not noted that yet. `last_at` is when the last
    notice was due, `unheard` the channels that have not taken it yet, `next_at` when the next
    reminder is due; None: none comes, because somebody has seen it or a channel is behind.
    """

    alert: Alert
    problem: Problem | None
    last_at: datetime
    reminds: int
    unheard: tuple[str, ...]
    next_at: datetime | None
    runbook: str


def shown(sync: Sync) -> list[Shown]:
    """Every open alert, oldest first; makes no call. Raises SQLAlchemyError."""
    return [_of(one, problem) for one, problem in tell.listed(sync)]


def lately(sync: Sync) -> list[Alert]:
    """Those that ended last, newest first; some."""
    with sync.store.read() as conn:
        return alerts.ended(conn, _LATELY)


def _of(one: Alert, problem: Problem | None) -> Shown:
    upcoming = None
    if not one.acknowledged and not one.owed:
        upcoming = max(one.next_at, one.quiet_until) if one.quiet_until else one.next_at
    return Shown(
        alert=one,
        problem=problem,
        last_at=one.next_at - books.gap(one.reminders),
        reminds=one.reminders if one.notice == REMINDER else 0,
        unheard=one.channels,
        next_at=upcoming,
        runbook=_section(one.name),
    )


def _section(name: str) -> str:
    """Where the documents say what to do: a section of the runbook, else the table of causes."""
    if name in OWN:
        return f"docs/runbook.md, {name}"
    return "docs/operations.md, When something goes wrong"


# Problems of the service itself, each a section of the runbook; the others are open questions.
OWN: Final = frozenset(
    {
        *("oldest_live", "oldest_told", "oldest_catchup", "oldest_bulk"),
        *("drchrono_read", "drchrono_write", "oncall_read", "oncall_write"),
        *("token_ending", "budget_exhausted", "parked_growth", "no_worker"),
    }
)
