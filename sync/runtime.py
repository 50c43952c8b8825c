"""Hold the parts of one process: built once, passed to every function."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy import Connection

from sync.config import Mode, Settings
from sync.digests import Digests
from sync.drchrono.client import DrChrono
from sync.drchrono.keeper import TokenKeeper
from sync.drchrono.oauth import Application
from sync.mapping import Mapping, changed_at, load
from sync.oncall.client import OnCall
from sync.outbound.budget import Left, Limit, left, widened
from sync.outbound.credentials import Credentials
from sync.outbound.gate import Gate, Ticket
from sync.outbound.transport import Transport
from sync.store.database import Store
from sync.store.lanes import Lane
from sync.store.service import installation
from sync.store.tables import facts
from sync.store.tables.work import Wait
from sync.store.tickets import Tickets
from sync.store.tokens import SealedTokens

# Seconds after which zones and profiles that another process learned are seen here too.
_MAPPING_SECONDS = 1.0
# Seconds after which it is counted anew how much of a budget is left for events to settle by.
_LEFT_SECONDS = 1.0


class Ring(NamedTuple):
    """A key to ring a worker for."""

    aggregate: int
    lane: Lane


class Listed(NamedTuple):
    """A list that was read whole, as it was translated: in memory, and only until it was used.

    `records` are by remote id, `odd` the ids of those that can't be read, `who_told` the visits
    whose participants were sent.
    """

    began: datetime
    records: dict[str, Any]
    odd: tuple[str, ...]
    who_told: frozenset[str]


class _Looked(NamedTuple):
    """The mapping as it was found, and what that rests on; looked for anew `until` then.

    `changed` is the file's time, `learned` when a zone or a profile was learned last.
    """

    changed: float
    learned: datetime | None
    until: float
    mapping: Mapping


class Fit(Protocol):
    """Says what keeps a process from doing work for its database (`setup.belonging`)."""

    def trouble(self, sync: Sync, *, account: bool) -> str | None:
        """The trouble in words, or None."""


@dataclass
class Sync:
    """Everything one process needs. Close it to give connections back."""

    settings: Settings
    store: Store
    digests: Digests
    gate: Gate
    drchrono: DrChrono
    oncall: OnCall
    keeper: TokenKeeper
    application: Application
    limits: dict[str, Limit]
    owner: str
    clock: Callable[[], datetime]
    pause: Callable[[float], None]
    wire: Transport
    tokens: SealedTokens
    tickets: Tickets
    credentials: Credentials
    fit: Fit
    log: Any = field(default_factory=structlog.get_logger)
    # What the scans of this process have just read whole: the comparison reads it no second time.
    lists: dict[str, Listed] = field(default_factory=dict)
    _looked: _Looked | None = None
    _lock: Lock = field(default_factory=Lock)
    _left: tuple[float, Left] | None = None

    @property
    def live(self) -> bool:
        """Whether writes may go out."""
        return self.settings.sync_mode is Mode.LIVE

    @property
    def mapping(self) -> Mapping:
        """The mapping as the file has it now, with what the API told of zones and profiles.

        Raises MappingError when the file can't be used.
        """
        # Without the lock while nothing has changed: the door's threads would stand in line for it,
        # each for as long as the one before waits to go on after its look at the file.
        changed, looked = changed_at(self.settings.mapping_file), self._looked
        if looked is None or looked.changed != changed or looked.until <= time.monotonic():
            with self._lock:
                looked = self._looked = self._look(changed)
        return looked.mapping

    def _look(self, changed: float) -> _Looked:
        """Look for what was learned, and read the file where that or the file has changed."""
        before, until = self._looked, time.monotonic() + _MAPPING_SECONDS
        with self.store.read() as conn:
            learned = facts.learned_at(conn)
            if before is not None and (before.changed, before.learned) == (changed, learned):
                return before._replace(until=until)
            found = load(self.settings.mapping_file) if changed else Mapping.empty()
            return _Looked(changed, learned, until, facts.told(conn, found))

    def learned(self) -> None:
        """Have the next look at the mapping see zones and profiles that were just stored."""
        self._looked = None

    def task_ticket(self, lane: Lane = Lane.CATCHUP) -> Ticket:
        """A ticket for calls that belong to no aggregate."""
        return Ticket(lane)

    def wait(self, conn: Connection) -> Wait:
        """How long an event settles now; longer as DrChrono's budget shrinks."""
        now, known = time.monotonic(), self._left
        if known is None or now - known[0] >= _LEFT_SECONDS:
            here = left(conn, "drchrono", self.limits["drchrono"], self.clock())
            known = self._left = (now, here)
        wait = Wait(self.settings.settle_seconds, self.settings.longest_wait_seconds)
        return widened(wait, known[1])

    def budget(self, system: str) -> Left:
        """What is left of a system's budget."""
        with self.store.read() as conn:
            return left(conn, system, self.limits[system], self.clock())

    def installation(self) -> str | None:
        """The installation's id in markers; None until both accounts are known."""
        with self.store.read() as conn:
            return installation.name(conn)

    def installations(self) -> frozenset[str]:
        """Every id that markers of ours bear: the present one, and those of each digest key.

        Markers written before DIGEST_KEYS changed, or by a database that is lost, are ours too.
        """
        with self.store.read() as conn:
            ours = installation.get(conn)
        if ours is None:
            return frozenset()
        return self.digests.installations(ours.practice_group, ours.oncall_org) | {ours.name}

    def misfit(self, *, account: bool = True) -> str | None:
        """What keeps this process from doing work for this database, in words; None: nothing.

        Looked at anew every few seconds. A new ONCALL_KEY costs one call, unless `account` is off.
        Raises SQLAlchemyError when the database is out of reach.
        """
        return self.fit.trouble(self, account=account)

    def close(self) -> None:
        """Give every connection back."""
        self.store.close()
