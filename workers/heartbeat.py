"""How a process begins, and says that it is alive: a row in SQL, written every ten seconds."""

import os
import signal
import sys
import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sync.config import Settings
from sync.engine import context
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


def build(settings: Settings, role: str) -> Sync:
    """This process's Sync; ends the process with plain words when a setting is unusable.

    So it does when the database is there and this process does not belong to it.
    """
    try:
        sync = context.build(settings, owner=context.owner_name(role))
    except ValueError as error:
        sys.exit(f"A setting is missing or wrong: {error}. See: drchrono-oncall check")
    trouble = misfit(sync)
    if trouble is not None:
        sync.close()
        sys.exit(trouble)
    return sync


def misfit(sync: Sync) -> str | None:
    """Why this process must do no work, in words; None too while the database is away."""
    try:
        return sync.misfit()
    except SQLAlchemyError:
        log.warning("the database could not be asked whether this process belongs to it")
        return None


class Heartbeat(threading.Thread):
    """Beats every ten seconds until stopped, beside a main thread that may be busy for long."""

    def __init__(self, sync: Sync, role: str) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._sync = sync
        self._role = role
        self._ending = threading.Event()
        self.trouble: str | None = None

    def run(self) -> None:
        """Beat at once, then every ten seconds; end the process when it belongs here no more."""
        beat(self._sync, self._role)
        while not self._ending.wait(EVERY):
            self.trouble = misfit(self._sync)
            if self.trouble is not None:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            beat(self._sync, self._role)

    def stop(self) -> None:
        """End after the beat that is being written."""
        self._ending.set()
        self.join()
