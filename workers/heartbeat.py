"""How a process says that it is alive: a row in SQL, written again every ten seconds."""

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sync.engine.context import Sync
from sync.store import journal

EVERY = 10.0  # seconds

log = structlog.get_logger(__name__)


def beat(sync: Sync, role: str) -> None:
    """Write this process's heartbeat; a database that is away is logged and waited for."""
    try:
        with sync.store.write() as conn:
            journal.beat(conn, sync.owner, role, sync.clock())
    except SQLAlchemyError:
        log.exception("the heartbeat could not be written")


class Heartbeat(threading.Thread):
    """Beats every ten seconds until stopped, beside a main thread that may be busy for long."""

    def __init__(self, sync: Sync, role: str) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._sync = sync
        self._role = role
        self._stop = threading.Event()

    def run(self) -> None:
        """Beat at once, then every ten seconds."""
        beat(self._sync, self._role)
        while not self._stop.wait(EVERY):
            beat(self._sync, self._role)

    def stop(self) -> None:
        """End after the beat that is being written."""
        self._stop.set()
        self.join()
