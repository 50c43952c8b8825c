"""Do one ring's work: one run of one aggregate, and nothing personal left in Redis."""

from dataclasses import dataclass

import structlog

from sync.runtime import Sync
from sync.store.tables import journal
from sync.tasks import worker
from workers.bell import Bell

log = structlog.get_logger(__name__)


class RunFailedError(RuntimeError):
    """A run ended on an error that it did not expect; its type and place are in the log."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What every job of this process works with, built once."""

    sync: Sync
    bell: Bell


_hands: Hands | None = None


def prepare(sync: Sync, bell: Bell) -> None:
    """Give this process what its jobs need; called once, before the first job."""
    global _hands
    _hands = Hands(sync, bell)


def run(aggregate: int) -> None:
    """One run of one aggregate; then ring what it raised.

    Raises RunFailedError, bare: RQ keeps an exception's text and trace in Redis. The work item
    stays leased and is taken up again when the lease ends.
    """
    if _hands is None:
        raise RunFailedError("this process was not prepared to work")
    rings = None
    try:
        rings = worker.run(_hands.sync, aggregate)
    except Exception:
        log.exception("a run failed", aggregate=aggregate)
    if rings is None:
        raise RunFailedError("run failed")
    _hands.bell.ring(rings)


def count_dropped(count: int) -> None:
    """Count jobs that were in Redis and not ours. Raises SQLAlchemyError."""
    if _hands is None:
        return
    with _hands.sync.store.write() as conn:
        journal.bump(conn, "dropped_jobs", "kind=foreign", by=count)
