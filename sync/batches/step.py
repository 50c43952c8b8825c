"""Give a kind of batch what it works with in one slice: the parts, the batch, how far it came.

A slice is one run of a batch's aggregate. It ends when there is no more to do, and between any two
steps when something else comes first (`Step.give_way`).
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sync.core.batch.model import Outcome, State
from sync.outbound.gate import Ticket
from sync.run.outcomes import BUSY, LaterError
from sync.store import pauses
from sync.store.batches import items, rows, sealed
from sync.store.batches.sealed import UnreadableError
from sync.store.lanes import Lane
from sync.store.tables import claims, work

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.store.batches.items import Stored
    from sync.store.batches.rows import Row
    from sync.store.batches.sealed import Seal
    from sync.store.tables.claims import Lease

ADVANCING: Final = frozenset({State.PLANNING, State.RUNNING, State.ENDING})
# A worker is at one batch for no longer, whatever else is to be done.
SLICE_SECONDS: Final = 30.0
_HELD_BACK: Final = [pauses.EVERYTHING, pauses.lane(Lane.BULK)]


class GiveWayError(Exception):
    """Something else comes first: what was kept is kept, and the next slice goes on from there."""


class StoppedError(Exception):
    """The batch was paused, or cancelled, or is over: this slice does nothing more."""


class NotYetError(Exception):
    """No further item is to be begun before `due` (aware UTC); this one is as it was."""

    def __init__(self, due: datetime) -> None:
        super().__init__(due)
        self.due = due


class UnusableBatchError(Exception):
    """The batch can't be gone on with, for a cause of `core.batch.causes`; nothing more is sent."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an item: ids, a cause of `core.batch.causes`, names of fields."""

    outcome: Outcome
    cause: str | None = None
    column: int | None = None
    fields: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    remote_id: str | None = None
    subject: int | None = None

    def columns(self) -> dict[str, Any]:
        """What is stored of it: what it does not say stays as it was planned."""
        said: dict[str, Any] = {"outcome": self.outcome.value, "cause": self.cause, "due": None}
        if self.column is not None:
            said["column"] = self.column
        if self.fields:
            said["fields"] = list(self.fields)
        if self.candidates:
            said["candidates"] = list(self.candidates)
        if self.remote_id is not None:
            said["remote_id"] = self.remote_id
        if self.subject is not None:
            said["subject"] = self.subject
        return said


@dataclass
class Step:
    """One slice of a batch. `memory` is the kind's own, as long as the slice lasts.

    `yields` is off where nobody else would do what is due: then the slice goes on beside it.
    `raised` are the keys of visits and persons that items have raised, to be rung in bulk.
    """

    sync: Sync
    row: Row
    lease: Lease
    yields: bool = True
    _ends: float = field(default_factory=lambda: time.monotonic() + SLICE_SECONDS)
    memory: dict[str, Any] = field(default_factory=dict)
    raised: list[int] = field(default_factory=list)
    _seal: Seal | None = None

    @property
    def ticket(self) -> Ticket:
        """In whose name this batch reads: its own, in the lane of bulk work."""
        return Ticket(Lane.BULK, self.lease)

    @property
    def options(self) -> Mapping[str, Any]:
        """What was chosen when it was opened."""
        return self.row.options

    @property
    def cursor(self) -> Mapping[str, Any]:
        """How far the kind came: what was given to `keep` last; empty at first."""
        return self.row.cursor or {}

    @property
    def ending(self) -> bool:
        """Whether it was cancelled: what was sent is looked for, and nothing is sent any more."""
        return self.row.state is State.ENDING

    # --- what is kept -----------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the batch's lease: who was fenced off stores nothing in it."""
        with self.sync.store.write() as conn:
            now, seconds = self.sync.clock(), self.sync.settings.lease_seconds
            claims.hold(conn, self.lease, now=now, seconds=seconds)
            yield conn

    @contextmanager
    def keeping(
        self, cursor: Mapping[str, Any], *, read: int | None = None, total: int | None = None
    ) -> Iterator[Connection]:
        """The same, in which the kind stores what it found, together with how far it came.

        After the commit it gives way where it has to. `read` counts lines or records so far.
        """
        values: dict[str, Any] = {"cursor": dict(cursor)}
        values |= {} if read is None else {"read": read}
        values |= {} if total is None else {"total": total}
        with self.writing() as conn:
            yield conn
            rows.change(conn, self.row.id, **values)
        self._reread()
        self.give_way()

    def keep(
        self, cursor: Mapping[str, Any], *, read: int | None = None, total: int | None = None
    ) -> None:
        """Store how far it came, and give way where it has to."""
        with self.keeping(cursor, read=read, total=total):
            pass

    def give_way(self) -> None:
        """Go on, or not: what has been stored by now is where the next slice begins.

        Raises StoppedError where the batch was paused or is over, GiveWayError where the process
        is ending, the slice was long, bulk work is paused, or something in a better lane is due.
        """
        now = self.sync.clock()
        with self.sync.store.read() as conn:
            state = rows.state_of(conn, self.row.id)
            held = pauses.holding(conn, _HELD_BACK, now)
            waits = self.yields and work.better_waits(conn, Lane.BULK, now)
        if state is not self.row.state:
            raise StoppedError
        if held is not None or waits or self.sync.gate.closed or time.monotonic() > self._ends:
            raise GiveWayError

    def _reread(self) -> None:
        with self.sync.store.read() as conn:
            found = rows.get(conn, self.row.id)
        if found is None or found.state is not self.row.state:
            raise StoppedError
        self.row = found

    # --- what the file says -----------------------------------------------------------------------

    @property
    def seal(self) -> Seal:
        """What opens the lines of the file. Raises UnusableBatchError where they are gone."""
        if self._seal is None:
            if self.row.sealed_key is None:
                raise UnusableBatchError("file_gone")
            try:
                self._seal = sealed.opened(self.sync.settings.fernet_keys, self.row.sealed_key)
            except UnreadableError:
                raise UnusableBatchError("file_unreadable") from None
        return self._seal

    def cells(self, item: Stored) -> tuple[str, ...]:
        """The cells of an item's line. Raises UnusableBatchError where they are gone."""
        if item.sealed is None:
            raise UnusableBatchError("file_gone")
        try:
            return self.seal.open_cells(item.sealed)
        except UnreadableError:
            raise UnusableBatchError("file_unreadable") from None

    # --- whom an item is about --------------------------------------------------------------------

    @contextmanager
    def held(self, subject: int) -> Iterator[Lease]:
        """The lease of the person or visit that an item is about, given back at the end.

        Raises LaterError where somebody is at it just now.
        """
        sync, now = self.sync, self.sync.clock()
        with sync.store.write() as conn:
            lease = claims.try_lock(
                conn, subject, owner=sync.owner, now=now, seconds=sync.settings.lease_seconds
            )
        if lease is None:
            self.raised.append(subject)  # if whoever held it is dead, its own run comes first
            raise LaterError(now + BUSY)
        try:
            yield lease
        finally:
            with sync.store.write() as conn:
                claims.give_back(conn, lease)

    def note(self, item: Stored, **values: Any) -> None:
        """Store something of an item before it has an outcome: its subject, an id."""
        with self.writing() as conn:
            items.change(conn, self.row.id, item.number, **values)
