"""Read what the refused webhooks told of, as soon as the database and Redis answer again.

A process that has just started can't know what was refused before it, so it reads too.
"""

import threading
import time

from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger

from sync.log import cause
from sync.runtime import Sync
from sync.tasks import gaps

log = get_logger(__name__)

_AGAIN = 1.0  # seconds between two tries while the database is away


class Missed(threading.Thread):
    """Asks for a catch-up beside the requests, until the database takes it."""

    def __init__(self, sync: Sync) -> None:
        super().__init__(name="missed", daemon=True)
        self._sync = sync
        self._asked = threading.Event()

    def ask(self) -> None:
        """Something was missed; returns at once."""
        self._asked.set()

    def run(self) -> None:
        """Wait until asked, then try until it is done."""
        while True:
            self._asked.wait()
            self._asked.clear()
            while not self._done():
                time.sleep(_AGAIN)

    def _done(self) -> bool:
        try:
            gaps.webhooks_were_missed(self._sync)
        except SQLAlchemyError as error:
            log.warning("a catch-up could not be asked for yet", **cause(error))
            return False
        return True
