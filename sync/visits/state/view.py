"""Show a visit to its plan: both sides as read, and of a shared one each attendance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.core.records import Absent, Life, State
from sync.core.rules import plausible
from sync.core.rules.fates import Member
from sync.core.rules.lifecycle import attendee_state
from sync.core.rules.merge import Seen
from sync.core.rules.place import PLACE, Slot, slot_of
from sync.core.rules.views import Presence, VisitView
from sync.mapping import out_of_scope
from sync.oncall.translate import participants_wire
from sync.run import allowed
from sync.run.changes import compare
from sync.visits.state.model import Seat, VisitRun
from sync.visits.state.slot import is_taken
from sync.visits.state.summary import as_settled, doctor_of, state_as_settled

if TYPE_CHECKING:
    from sync.core.records import Maybe


def view(run: VisitRun, *, newcomers: bool = False) -> VisitView:
    """The visit as read so far.

    `newcomers`: somebody is in OnCall's list who stands for no attendance.
    """
    state = run.state
    found = VisitView(
        oncall=state.view("oncall"), hold_until=state.row.hold_until, newcomers=newcomers
    )
    if not state.is_group:
        shown, left = state.read.get("drchrono"), state.view("drchrono")
        alone = Presence.NONE in (left.presence, found.oncall.presence)
        return replace(
            found,
            drchrono=left,
            creating=not alone or allowed.may_make(run.making(), run.mapping, doctor_of(state)),
            in_scope=shown is None or not out_of_scope(run.mapping, shown.visit),
        )
    return replace(
        found,
        slot=run.slot,
        there=_slot_in_oncall(run),
        members=tuple(_member(run, seat) for seat in run.seats),
        taken=lambda slot: is_taken(run, slot),
    )


def _member(run: VisitRun, seat: Seat) -> Member:
    there, there_seen = _there(run, seat)
    found = Member(
        seat.attended.id, there=there, there_seen=there_seen, has_marker=seat.appointment.has_marker
    )
    if seat.gone:
        carried = seat.appointment.state == "gone"
        state = State(Life.DELETED)
        return replace(found, state=state, seen=Seen.SAME if carried else Seen.CHANGED)
    if seat.shown is None:
        state_known = state_as_settled(run, seat.appointment)
        return replace(found, parked=seat.parked, state=state_known)
    shown, seen = seat.shown.visit, seat.shown.seen
    later = run.state.later.get("oncall", frozenset())
    return replace(
        found,
        slot=slot_of(shown),
        grouped=shown.group or bool(run.slot.born),
        in_scope=bool(shown.patient) and not out_of_scope(run.mapping, shown),
        moved=any(seen.get(name) is Seen.CHANGED for name in PLACE if name not in later),
        swapped=seen.get("patient") is Seen.CHANGED,
        state=_known(shown.state),
        seen=seen.get("state", Seen.ABSENT),
        visit=shown,
        told=seen,
    )


def _known(state: Maybe[State]) -> State | None:
    return state if isinstance(state, State) else None


def _there(run: VisitRun, seat: Seat) -> tuple[State | None, Seen]:
    """The participant's state: the visit's own where that has ended."""
    row = seat.participant
    if row is None or row.remote_id is None:
        return None, Seen.ABSENT
    oncall, shown = run.state.view("oncall"), run.oncall()
    if oncall.over is not None:
        return oncall.over, oncall.state_seen
    if shown is None:
        return as_settled(run, row)
    wire = participants_wire(shown.json).get(str(row.remote_id))
    if wire is None:
        # Not in the list any more: told (`participant_lost`), and nobody's appointment ends.
        return as_settled(run, row)
    told = compare(run.sync.digests, row.id, wire, run.state.stored)
    return attendee_state(cancelled=wire.get("state") is True), told.get("state", Seen.NEW)


def _slot_in_oncall(run: VisitRun) -> Slot:
    """The slot with what OnCall shows of it."""
    shown, slot = run.oncall(), run.slot
    if shown is None:
        return slot
    seen = shown.visit
    if not isinstance(seen.starts, Absent) and plausible.starts(seen.starts, run.state.now):
        slot = replace(slot, starts=seen.starts)
    if not isinstance(seen.minutes, Absent):
        slot = replace(slot, minutes=seen.minutes)
    if not isinstance(seen.provider, Absent) and seen.provider != slot.doctor:
        office = run.mapping.booking_office(seen.provider)
        slot = replace(slot, doctor=seen.provider, office=office or slot.office)
    return slot
