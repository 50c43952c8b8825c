"""Register a process, and note every ten seconds that it is alive: a row in SQL."""

import os
import signal
import sys
import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sync import assemble
from sync.config import Settings
from sync.hosting import PlaceError
from sync.log import cause
from sync.runtime import Sync
from sync.settings_read import missing_settings
from sync.store import trouble
from sync.store.tables import journal

EVERY = 10.0  # seconds
UNUSABLE = "the database file may not be written or opened: look at DATABASE_URL and its rights"

log = structlog.get_logger(__name__)


def beat(sync: Sync, role: str) -> str | None:
    """Write this process's heartbeat; a database that is away is logged and waited for.

    Returns why waiting would not help, in words; None where it would, and when all is well.
    """
    try:
        with sync.store.write() as conn:
            journal.beat(conn, sync.owner, role, sync.clock())
    except SQLAlchemyError as error:
        if trouble.lasts(error):
            log.critical(UNUSABLE)
            return UNUSABLE
        log.exception("the heartbeat could not be written")
    return None


def build(settings: Settings, role: str) -> Sync:
    """This process's Sync; ends the process with plain words when a setting is unusable.

    So it does when the database is there and this process does not belong to it.
    """
    missing = missing_settings(settings)
    if missing:
        sys.exit(missing)
    try:
        sync = assemble.build(settings, owner=assemble.owner_name(role))
    except (ValueError, PlaceError) as error:
        # Their text may hold a piece of a setting.
        log.critical("a setting can't be used: see drchrono-oncall check", **cause(error))
        sys.exit(1)
    wrong = misfit(sync)
    if wrong is not None:
        sync.close()
        sys.exit(wrong)
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
        """Beat at once, then every ten seconds; end the process when it can work here no more."""
        self.trouble = beat(self._sync, self._role)
        while self.trouble is None and not self._ending.wait(EVERY):
            self.trouble = misfit(self._sync) or beat(self._sync, self._role)
        if self.trouble is not None:
            os.kill(os.getpid(), signal.SIGTERM)

    def stop(self) -> None:
        """End after the beat that is being written."""
        self._ending.set()
        if self.ident is not None:  # else it never began
            self.join()
