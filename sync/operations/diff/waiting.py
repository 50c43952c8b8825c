"""Wait for a budget that is used up, and make the same call again.

A list by pages may have more pages than an hour has calls: read page after page, it is read whole.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sync.core.errors import NotBefore, WrongAccount

if TYPE_CHECKING:
    from sync.operations.diff.reading import Progress
    from sync.outbound.call import Answer, Call, Sender
    from sync.runtime import Sync

SAID: Final = "waiting for the budget (minutes)"
_LEAST: Final = 1.0  # seconds


@dataclass(frozen=True)
class Waiting:
    """Sends by another sender, which may say "not before"."""

    sender: Sender
    sync: Sync
    progress: Progress

    def send(self, call: Call, ticket: Any) -> Answer:
        """Make the call as soon as it may be made. Raises as the sender does otherwise."""
        while True:
            try:
                return self.sender.send(call, ticket)
            except WrongAccount:
                raise
            except NotBefore as closed:
                seconds = (closed.until - self.sync.clock()).total_seconds()
                self.progress(SAID, round(max(_LEAST, seconds) / 60), None)
                self.sync.pause(max(_LEAST, seconds))


def patient(sync: Sync, progress: Progress) -> Sync:
    """The same engine, whose reads wait for the budget."""

    def wrap(sender: Sender) -> Sender:
        return Waiting(sender, sync, progress)

    other = copy(sync)
    other.drchrono, other.oncall = sync.drchrono.through(wrap), sync.oncall.through(wrap)
    return other
