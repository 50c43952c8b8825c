"""Climb the ladder of a create whose outcome is not known: found, denied, or looked for once more.

Each kind of object brings a look of its own; which looks count, and what a look that found nothing
says, is the same for all (docs/rules.md, R15; `attempts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from sync.run import attempts
from sync.run.evidence.proofs import Evidence
from sync.run.outcomes import LaterError, ParkedError
from sync.store.tables import blockers, claims

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sync.runtime import Sync
    from sync.store.lanes import Hints
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj

T = TypeVar("T")
UNKNOWN = "create_unknown"


@dataclass(frozen=True)
class Look(Generic[T]):
    """What a look brought, and what it says when it found nothing."""

    found: T | None
    evidence: Evidence = Evidence.SHOWS


@dataclass(frozen=True)
class Lost:
    """A create that was sent then, and as what a run looks for it.

    `lease` is the run's, where the row is its own; `hints` what it is to read next. `unless`:
    silence denies nothing; what is silent waits for this fact.
    """

    row: Obj
    sent: datetime
    lease: Lease | None = None
    hints: Hints | None = None
    unless: str | None = None


def climb(sync: Sync, one: Lost, look: Callable[[], Look[T]]) -> T | None:
    """Look once. Returns what was found, or None when it certainly never came to be.

    Raises LaterError while that is not known, ParkedError when a list has lacked what surely is
    there for so long that a person is asked.
    """
    row, sent, at = one.row, one.sent, sync.clock()
    ready = attempts.counts_from(sync, row, sent)
    if at < ready:
        raise LaterError(ready, one.hints)
    seen = look()
    if seen.found is not None:
        return seen.found
    waits = one.unless is not None and seen.evidence is Evidence.SILENT
    if not waits and attempts.is_denied(sync, row, sent, seen.evidence):
        return None
    with sync.store.write() as conn:
        if one.lease is not None:
            seconds = sync.settings.lease_seconds
            claims.hold(conn, one.lease, now=sync.clock(), seconds=seconds)
        due = attempts.note_look(conn, sync, row, sent, seen.evidence, at)
    if waits and row.looks + 1 >= attempts.LOOKS:
        raise ParkedError(blockers.FACT, str(one.unless), UNKNOWN, row.id)  # its proof wakes it
    if seen.evidence is Evidence.LAGS and attempts.is_hopeless(sync, sent):
        raise ParkedError("operator", str(row.id), UNKNOWN, row.id)
    raise LaterError(due, one.hints)
