"""Try the OnCall key for real, and remember how that went: for this key alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from sync.run.evidence import accounts
from sync.runtime import Sync
from sync.setup import check
from sync.setup.finding import Finding
from sync.store.service import installation
from sync.store.tables import facts
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

_FACT: Final = "setup:oncall_key"
_RIGHT: Final = "right"


@dataclass(frozen=True, slots=True)
class Tried:
    """How the key of today was tried; `detail` is what was found when it was not right."""

    right: bool
    detail: str
    at: datetime | None


def oncall_key(sync: Sync) -> Finding:
    """Ask OnCall for its providers with the key; one call for each page of them."""
    found, _ = check.oncall(sync)
    with sync.store.write() as conn:
        word = _RIGHT if found.ok else found.detail
        facts.put(conn, _FACT, f"{accounts.fingerprints(sync, 'oncall')[0]} {word}", sync.clock())
        deeds.note(conn, Deed("try_oncall_key", outcome="done" if found.ok else "refused"),
                   sync.clock())  # fmt: skip
    return found


def last(conn: Connection, sync: Sync) -> Tried | None:
    """How this key was tried last; None: never. Connecting DrChrono tries it too."""
    key, _, word = (facts.get(conn, _FACT) or "").partition(" ")
    if key in accounts.fingerprints(sync, "oncall"):
        right = word == _RIGHT
        return Tried(right, "" if right else word, facts.told_at(conn, _FACT))
    pinned = installation.get(conn)
    if pinned is not None and "oncall" not in accounts.wrong(conn, sync):
        return Tried(right=True, detail="", at=facts.told_at(conn, accounts.FACTS["oncall"]))
    return None
