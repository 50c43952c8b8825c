"""Move a shared visit to another slot, which no two open visits may have."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from sync.core.rules import place
from sync.core.rules.place import Slot
from sync.run.outcomes import BUSY, LaterError, ParkedError
from sync.store.lanes import Hints
from sync.store.tables import claims
from sync.store.visits import visits
from sync.visits.state import read
from sync.visits.state.model import VisitRun


def is_taken(run: VisitRun, slot: Slot) -> bool:
    """Whether another open visit stands in that slot."""
    with run.sync.store.read() as conn:
        return visits.holder(conn, slot.key, besides=run.state.key) is not None


def take(run: VisitRun, slot: Slot) -> None:
    """Move the visit's slot; one that another visit took meanwhile is seen by the next run."""
    sync = run.sync
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            claims.hold(conn, run.state.lease, now=now, seconds=sync.settings.lease_seconds)
            visits.stand(conn, run.state.key, slot)
    except IntegrityError:
        raise LaterError(sync.clock() + BUSY, Hints.both()) from None
    run.state.place = slot


def find_place(run: VisitRun) -> None:
    """Know by reads where a group stands that has no slot: another visit had it when it was linked.

    It takes the slot if that is free by now. Raises ParkedError when nothing tells its place.
    """
    state = run.state
    if state.place is not None:
        return
    run.require_room()
    for system in ("drchrono", "oncall"):
        read.read_side(run, system)
    members = [seat.shown.visit for seat in run.seats if seat.shown is not None]
    there = run.oncall()
    office = run.mapping.booking_office
    slot = place.of_group(members, there.visit if there is not None else None, office)
    if slot is None:
        raise ParkedError("operator", "place", "no_length")
    if state.row.state != "open" or is_taken(run, slot):
        state.place = slot
    else:
        take(run, slot)
