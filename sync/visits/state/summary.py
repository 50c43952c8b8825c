"""Say in short how a visit stands: when, with whom, and whether a side asks for nothing.

D… are facts of docs/api-facts.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sync.core.records import Absent, State
from sync.core.rules.lifecycle import attendee_state, drchrono_state
from sync.core.rules.merge import Seen
from sync.drchrono import translate as drchrono
from sync.run.changes import compare
from sync.visits.state.model import VisitRun, VisitState

if TYPE_CHECKING:
    from sync.store.tables.links import Obj


def is_quiet(state: VisitState, system: str) -> bool:
    """Whether what was read of this side asks for nothing: all as settled, linked and marked."""
    shown, obj = state.read.get(system), state.object(system)
    if shown is None or obj is None or system in state.gone:
        return False
    if not obj.has_marker and not shown.visit.virtual:
        return False
    other = state.object("oncall" if system == "drchrono" else "drchrono")
    if other is None or other.remote_id is None:
        return False
    told = {"starts", "minutes", "type", "provider", "state", "patient"}
    return all(seen is Seen.SAME for name, seen in shown.seen.items() if name in told)


def starts_of(state: VisitState) -> datetime | None:
    """When the visit begins, by what was read (DrChrono first), else by what is stored."""
    for system in ("drchrono", "oncall"):
        shown = state.read.get(system)
        if shown is not None and not isinstance(shown.visit.starts, Absent):
            return shown.visit.starts
    stored: datetime | None = state.row.starts_at
    return stored


def doctor_of(state: VisitState) -> str | None:
    """The doctor concerned, as DrChrono shows it, else OnCall, else as stored."""
    for system in ("drchrono", "oncall"):
        shown = state.read.get(system)
        if shown is not None and not isinstance(shown.visit.provider, Absent):
            return shown.visit.provider
    stored: str | None = state.row.doctor
    return stored


def as_settled(run: VisitRun, row: Obj) -> tuple[State, Seen]:
    """How a participant stands who was not read: cancelled when that was what it settled at."""
    digests = run.sync.digests
    seen = compare(digests, row.id, {"state": True}, run.state.stored)["state"]
    return attendee_state(cancelled=seen is Seen.SAME), Seen.SAME


def state_as_settled(run: VisitRun, row: Obj) -> State | None:
    """How an appointment stands that was not read, where it settled at an end; else None.

    By the words that DrChrono has for an end (D32): a practice's own words are not tried.
    """
    digests, table = run.sync.digests, run.mapping.statuses
    for word in dict.fromkeys(table.written.values()):
        told = drchrono.wire("appointment", {"id": row.remote_id, "status": word})
        if compare(digests, row.id, told, run.state.stored).get("state") is Seen.SAME:
            return drchrono_state(word, table=table)
    return None
