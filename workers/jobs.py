"""Do what a ring asks for: one run of one aggregate, and nothing personal left in Redis."""

from dataclasses import dataclass
from functools import partial

import structlog

from sync.runtime import Sync
from sync.store.tables import journal
from sync.tasks import worker
from workers.bell import Bell
from workers.runs import Runs

log = structlog.get_logger(__name__)


class NotPreparedError(RuntimeError):
    """A ring came to a process that was not prepared to work."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What every run of this process works with, built once."""

    sync: Sync
    bell: Bell
    runs: Runs


_hands: Hands | None = None


def prepare(sync: Sync, bell: Bell, runs: Runs) -> None:
    """Give this process what its runs need; called once, before the first ring."""
    global _hands
    _hands = Hands(sync, bell, runs)


def run(aggregate: int) -> None:
    """Begin one run of one aggregate in a thread, for which there is room (`Runs.has_room`).

    The ring is done with that: it may be lost, the work item is not. Raises NotPreparedError.
    """
    if _hands is None:
        raise NotPreparedError("this process was not prepared to work")
    _hands.runs.begin(partial(_run, _hands, aggregate))


def _run(hands: Hands, aggregate: int) -> None:
    """Run it, then ring what it raised. One that fails stays leased until its lease ends."""
    try:
        hands.bell.ring(worker.run(hands.sync, aggregate))
    except Exception:
        log.exception("a run failed", aggregate=aggregate)


def count_dropped(count: int) -> None:
    """Count jobs that were in Redis and not ours. Raises SQLAlchemyError."""
    if _hands is None:
        return
    with _hands.sync.store.write() as conn:
        journal.bump(conn, "dropped_jobs", "kind=foreign", by=count)
