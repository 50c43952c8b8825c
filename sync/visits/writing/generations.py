"""Begin the next life of a visit or of its attendances: what ended stays ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from sync.core.errors import Refused
from sync.core.rules.effects import Patch
from sync.run.outcomes import BUSY, LaterError
from sync.store.lanes import Hints
from sync.store.tables import attendances, claims, links, work
from sync.store.visits import visits
from sync.visits.state import load
from sync.visits.state.model import Seat, VisitRun
from sync.visits.writing.patch import patch_oncall

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

# What OnCall's refusal names where a visit's provider can't be changed.
OWNER = frozenset({"provider", "division"})


def carry_to_oncall(run: VisitRun, effect: Patch, seats: Iterable[Seat]) -> None:
    """Write fields to the OnCall visit; where its provider can't be changed, make it anew.

    `seats` are the attendances that go on.
    """
    try:
        patch_oncall(run, effect)
    except Refused as refusal:
        if "provider" not in effect.values or not OWNER & set(refusal.fields):
            raise
        next_generation(run, seats, cancel_old=True)
        if run.state.is_group:
            raise LaterError(run.sync.clock(), Hints.both()) from None


def next_generation(run: VisitRun, seats: Iterable[Seat], *, cancel_old: bool) -> None:
    """Have the visit's next run make a new OnCall visit for these attendances.

    With the old one's cancellation in one step: cancelled and settled, nothing would ask for more.
    """
    sync, going_on = run.sync, list(seats)

    def begin(conn: Connection) -> None:
        _begin(conn, run, going_on)
        work.raise_(conn, run.state.key, now=sync.clock(), hints=Hints.of("drchrono"))

    if cancel_old:
        patch_oncall(run, Patch("oncall", {"state": "cancelled"}, "cancel"), begin)
        return
    with sync.store.write() as conn:
        claims.hold(conn, run.state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        begin(conn)


def begin_now(run: VisitRun, seats: Iterable[Seat], *, anew: bool) -> None:
    """Give these attendances their next life in this run; `anew`: with a new OnCall visit.

    Raises LaterError when another open visit has taken the slot meanwhile.
    """
    sync, state = run.sync, run.state
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
            if anew:
                _begin(conn, run, seats)
            else:
                _next_lives(conn, run, seats)
    except IntegrityError:
        raise LaterError(sync.clock() + BUSY, Hints.both()) from None
    if anew:
        state.generation += 1
        state.oncall, state.oncall_gone = None, False
    load.reload(run)


def _begin(conn: Connection, run: VisitRun, seats: Iterable[Seat]) -> None:
    """Begin a generation: the visit keeps a group's slot, one of one person is taken anew."""
    state = run.state
    values: dict[str, object] = {"generation": state.generation + 1, "state": "open"}
    if not state.is_group:
        values["slot_key"] = None
    for seat in run.seats:
        # Its marker, and the address staff open, still name the visit that is over.
        links.change(conn, seat.appointment.id, has_marker=False)
    visits.change(conn, state.key, **values)
    _next_lives(conn, run, seats)


def _next_lives(conn: Connection, run: VisitRun, seats: Iterable[Seat]) -> None:
    for attended in [seat.attended for seat in seats if seat.attended.id]:
        attendances.change_attendance(conn, attended.id, current=False)
        appointment, life = attended.appointment, attended.life + 1
        attendances.attend(conn, run.state.key, appointment=appointment, life=life)
