"""Prove the audit from a page, and keep what that came to: as a deed, in the audit itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync.operations import audit
from sync.operations.audit import SinkError
from sync.runtime import Sync
from sync.store.listing import pages
from sync.store.trail.deeds import Deed, note

SOUND: Final = "sound"
FAULTY: Final = "tampered"
MOST_ROWS: Final = 500_000  # so long a walk does not fit into a page's request


class TooLongError(Exception):
    """The audit is too long to be proven while somebody waits for a page."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What the last check came to: when, by whom, over how many rows, and whether all was well."""

    at: datetime
    by: str
    rows: int
    sound: bool


def last(sync: Sync) -> Proven | None:
    """What the last check from a page came to; None when there was none."""
    with sync.store.read() as conn:
        row = pages.last_proof(conn)
    if row is None:
        return None
    told = dict(part.split(":", 1) for part in row["subjects"].split())
    return Proven(row["at"], row["actor"], int(told["rows"]), row["outcome"] == SOUND)


def prove(sync: Sync) -> Proven:
    """Check the whole chain now, and note what it came to.

    Raises TooLongError, SinkError, OSError when AUDIT_SINK can't be read, and SQLAlchemyError.
    """
    with sync.store.read() as conn:
        if pages.length_of_audit(conn) > MOST_ROWS:
            raise TooLongError
    found = audit.verify(sync)
    with sync.store.write() as conn:
        subjects = (("proven", "audit"), ("rows", found.rows))
        outcome = SOUND if found.sound else FAULTY
        note(conn, Deed("verify", subjects, outcome=outcome), sync.clock())
    told = last(sync)
    assert told is not None  # noqa: S101 - it was just noted
    return told


__all__ = ["Proven", "SinkError", "TooLongError", "last", "prove"]
