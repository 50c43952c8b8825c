"""Check that a process belongs to its database: tables, digest keys, OnCall account.

A process that does not belong does no work: with older tables, or without the keys of the rows,
whatever it wrote would be wrong. It is checked when a process starts and every few seconds of its
work, as another process may have migrated the tables or registered a new key meanwhile (ADR 0018).
"""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from sync.core.errors import RemoteError
from sync.outbound import transport
from sync.run.evidence import accounts, ownership
from sync.setup import keys
from sync.store import attention, revisions
from sync.store.clock import DatabaseClock
from sync.store.service import installation

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.runtime import Sync

EVERY = 5.0  # seconds
ACCOUNT_AGAIN = 60.0  # seconds between two tries to ask OnCall whose key it is
CLOCK_OFF = "clock_off"
MOST_OFF = timedelta(seconds=5)


class Belonging:
    """What one process knows of its belonging; asks the database at most every five seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked = float("-inf")
        self._trouble: str | None = None
        self._account_again = float("-inf")
        self._account_trouble: str | None = None
        self._account_is_right = False
        self._clock_is_off: bool | None = None

    def trouble(self, sync: Sync, *, account: bool) -> str | None:
        """As `Sync.misfit`. While one thread asks, the others go by the last answer."""
        if time.monotonic() - self._asked >= EVERY and self._lock.acquire(blocking=False):
            try:
                self._now(sync, self._look(sync))
                self._asked = time.monotonic()
            finally:
                self._lock.release()
        if self._trouble is not None or not account:
            return self._trouble
        return self._account(sync)

    def _now(self, sync: Sync, trouble: str | None) -> None:
        if trouble is not None and trouble != self._trouble:
            sync.log.error("this process does not belong to its database; it does no work")
        self._trouble = trouble

    def _look(self, sync: Sync) -> str | None:
        local = transport.without_certificates()
        if local is not None:
            return local
        with sync.store.read() as conn:
            found = revisions.trouble(conn)
            if found is not None:
                return found
            clock = sync.clock
            ahead = clock.measure(conn) if isinstance(clock, DatabaseClock) else timedelta(0)
            found = keys.trouble(conn, sync.digests)
            settled = found is None and keys.is_settled(conn, sync.digests)
        self._tell_clock(sync, ahead)
        if found is not None or settled:
            return found
        with sync.store.write() as conn:
            return keys.write_down(conn, sync.digests, sync.clock())

    # --- the clock --------------------------------------------------------------------------------

    def _tell_clock(self, sync: Sync, ahead: timedelta) -> None:
        """Tell of a host whose clock is off: no time is taken from it, but its log has it."""
        before, self._clock_is_off = self._clock_is_off, abs(ahead) > MOST_OFF
        if self._clock_is_off is before:
            return
        host, now = socket.gethostname()[:40], sync.clock()
        with sync.store.write() as conn:
            if not self._clock_is_off:
                _right_again(conn, sync, host)
            elif attention.open_item(conn, 0, CLOCK_OFF, now=now, candidates=[host]):
                seconds = round(ahead.total_seconds(), 1)
                sync.log.warning("the clocks of host and database differ", seconds=seconds)

    # --- the account ------------------------------------------------------------------------------

    def _account(self, sync: Sync) -> str | None:
        """Ask OnCall whose key it is, when it is another than before; that costs one call."""
        waits = self._account_trouble is None or time.monotonic() >= self._account_again
        if self._account_is_right or not waits or not self._lock.acquire(blocking=False):
            return self._account_trouble
        try:
            self._account_again = time.monotonic() + ACCOUNT_AGAIN
            self._account_trouble = account_trouble(sync)
            self._account_is_right = self._account_trouble is None and _is_pinned(sync)
        finally:
            self._lock.release()
        return self._account_trouble


def _right_again(conn: Connection, sync: Sync, host: str) -> None:
    if attention.named_in(conn, 0, CLOCK_OFF) == {host}:
        attention.close_cause(conn, 0, CLOCK_OFF, sync.clock())


def _is_pinned(sync: Sync) -> bool:
    return sync.installation() is not None


def account_trouble(sync: Sync) -> str | None:
    """Whether ONCALL_KEY is that of another OnCall organisation than the one that is pinned.

    A proof of the key that was found right is kept; only another one costs a call.
    """
    digests, settings = sync.digests, sync.settings
    parts = (settings.oncall_base_url, settings.oncall_key.get_secret_value())
    with sync.store.read() as conn:
        pinned = installation.get(conn)
    if pinned is None:
        return None  # whoever connects is compared then
    noted = pinned.oncall_proof
    key_id, _, proof = (noted or "").partition(":")
    if noted and digests.holds(key_id) and digests.account(*parts, key_id=key_id) == proof:
        if key_id == digests.key_id:
            return None
    elif noted:
        trouble = _ask(sync, pinned.oncall_org)
        if trouble is not None:
            return trouble
    with sync.store.write() as conn:
        installation.prove_oncall(conn, f"{digests.key_id}:{digests.account(*parts)}")
    return None


def _ask(sync: Sync, pinned: str) -> str | None:
    began = sync.clock()
    try:
        divisions = ownership.divisions(sync.oncall.providers(sync.task_ticket()))
    except RemoteError as failure:
        return (
            "ONCALL_KEY or ONCALL_BASE_URL is another than before, and OnCall could not be asked "
            f"whose it is ({failure.code}). Nothing is done until it could."
        )
    if pinned in divisions:
        # Else the work would be held until the account is asked for the same once more.
        with sync.store.write() as conn:
            accounts.note_right(conn, sync, "oncall", began)
        return None
    return (
        "ONCALL_KEY is of another OnCall organisation than this installation's. Write the former "
        "one back; another organisation needs a database of its own."
    )
