"""Remember that both systems found our address: DrChrono's handshake, and each one's first event.

It shows in the set-up and decides nothing else: whoever knows the address can ask for a handshake.
What is kept is a time and a keyed proof of the address or the secret, so that under another one the
step is open again.

D… are facts of docs/api-facts.md.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from sync.log import cause
from sync.runtime import Sync
from sync.store.tables import facts

# What `check` asks our own address begins so: no tick is made of that.
OWN: Final = "own-check-"
_HANDSHAKE: Final = "setup:handshake"
_EVENT: Final = "setup:event:"
_REFUSED: Final = "setup:refused:"
# Seconds between two notes of the same by one process: callers decide how often they call.
_SOON: Final = 5.0
_SELDOM: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Told:
    """When something was heard last, under the secrets of today; None: not yet.

    `refused` is a call under a secret that is none of ours.
    """

    handshake: datetime | None = None
    event: datetime | None = None
    refused: datetime | None = None


class Noted:
    """Notes what the callers of one process's door have shown, each thing now and then."""

    def __init__(self, sync: Sync) -> None:
        self._sync = sync
        self._last: dict[tuple[str, str], float] = {}

    def handshake(self, msg: str) -> None:
        """DrChrono verified the address (D56); our own check is nothing to note."""
        if not msg.startswith(OWN):
            self._note(_HANDSHAKE, lambda: _of_address(self._sync), _SOON)

    def event(self, system: str, secret: str) -> None:
        """A webhook came under this secret of ours, and was taken in."""
        name = _EVENT + system
        self._note(name, lambda: _proof(self._sync, system, secret), _SELDOM, of=secret)

    def refused(self, system: str) -> None:
        """A webhook came under none of our secrets."""
        self._note(_REFUSED + system, lambda: "yes", _SOON)

    def _note(self, name: str, value: Callable[[], str], every: float, *, of: str = "") -> None:
        """Note a thing `of` a secret; its value is only made when it is noted."""
        key, now = (name, of), time.monotonic()
        if now - self._last.get(key, float("-inf")) < every:
            return
        self._last[key] = now
        try:
            with self._sync.store.write() as conn:
                facts.put(conn, name, value(), self._sync.clock())
        except SQLAlchemyError as error:
            # The caller is answered all the same: this is for a page. A database that is away is
            # not asked again with each call.
            self._last[key] = now - every + _SOON
            self._sync.log.warning("what a caller showed was not noted", **cause(error))


def of_drchrono(conn: Connection, sync: Sync) -> Told:
    """What was heard of DrChrono."""
    ours = {_of_address(sync, key) for key in sync.digests.key_ids}
    proven = facts.get(conn, _HANDSHAKE) in ours
    handshake = facts.told_at(conn, _HANDSHAKE) if proven else None
    return _told(conn, sync, "drchrono", sync.settings.webhook_secrets, handshake)


def of_oncall(conn: Connection, sync: Sync) -> Told:
    """What was heard of OnCall, which asks for no handshake."""
    return _told(conn, sync, "oncall", sync.settings.webhook_tokens, None)


def _told(
    conn: Connection, sync: Sync, system: str, secrets: Sequence[str], handshake: datetime | None
) -> Told:
    ours = {_proof(sync, system, secret, key) for secret in secrets for key in sync.digests.key_ids}
    name = _EVENT + system
    event = facts.told_at(conn, name) if facts.get(conn, name) in ours else None
    return Told(handshake, event, facts.told_at(conn, _REFUSED + system))


def _proof(sync: Sync, system: str, secret: str, key_id: str | None = None) -> str:
    return sync.digests.account("webhook", system, secret, key_id=key_id)


def _of_address(sync: Sync, key_id: str | None = None) -> str:
    first = sync.settings.webhook_secrets[:1]
    return sync.digests.account("handshake", sync.settings.public_url, *first, key_id=key_id)
