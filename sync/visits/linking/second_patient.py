"""Share a visit of one when staff add a second patient in OnCall.

Where the clinic has no group profile, and for whoever is no patient (a third party, a co-host),
nothing is made: they are left alone, and it is told once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.core.records import Absent, Attendee, Life, State
from sync.core.rules import place
from sync.oncall import translate as oncall
from sync.people.resolve import participant
from sync.run.outcomes import LaterError, ParkedError
from sync.store.lanes import Hints
from sync.store.tables import claims
from sync.store.visits import visits
from sync.visits.linking import participants

if TYPE_CHECKING:
    from sync.core.rules.place import Slot
    from sync.visits.state.model import VisitRun

SECOND = "second_patient"
# What is told of participants stands until somebody has read it.
TOLD = (SECOND, "participant_unmatched", "participant_without_email", "patient_unsure")


def newcomers(run: VisitRun) -> list[Attendee]:
    """The open participants of a visit of one who are not its patient, and were not told of."""
    state, shown = run.state, run.state.read.get("oncall")
    own = state.participant
    if shown is None or own is None or own.remote_id is None:
        return []
    others = [
        who
        for who in shown.visit.attendees
        if who.cancelled is not True and who.remote_id != own.remote_id
    ]
    if not others:
        return []
    # Told ones are looked at again when both sides are hinted by no delivery: a chart came that may
    # be theirs, or an operator asks.
    both = state.lease.hints.drchrono and state.lease.hints.oncall
    again = both and not state.deliveries
    with run.sync.store.read() as conn:
        return [
            who
            for who in others
            if participants.is_new(conn, state.key, who, again=again, awaited=True)
        ]


def settle(run: VisitRun) -> None:
    """Make the visit a group's where somebody who was added is a patient, else tell of them.

    Raises LaterError when this visit is a group from now on: its next run books the others.
    """
    slot = _slot(run)
    if slot is None:
        return
    for who in newcomers(run):
        why = _why_not(run, who, slot.doctor)
        if why is not None:
            _tell(run, who, why)
        elif not run.mapping.has_groups:
            _tell(run, who, ParkedError("operator", "who", SECOND))
        else:
            _found(run, slot)


def _slot(run: VisitRun) -> Slot | None:
    """Where the visit stands: both sides are there and open, to come, and may be written."""
    state = run.state
    left, right = state.read.get("drchrono"), state.read.get("oncall")
    if left is None or right is None or state.gone or not run.sync.live:
        return None
    # The visit's own state: its patient's participant may be cancelled while the other one comes.
    lives = (left.visit.state, oncall.to_visit(right.json, run.mapping).state)
    if any(not isinstance(one, State) or one.life is not Life.OPEN for one in lives):
        return None
    slot = place.slot_of(left.visit)
    if slot is None or isinstance(left.visit.type, Absent) or left.visit.type is None:
        return None
    if slot.starts < state.now or not run.policy.to_drchrono:
        return None
    return replace(slot, born=right.visit.remote_id)


def _why_not(run: VisitRun, who: Attendee, doctor: str) -> ParkedError | None:
    """Why a participant is nobody to be booked; None for another patient."""
    try:
        met = participant.person_of(run, who, doctor, alone=False)
    except ParkedError as parked:
        return parked
    attended = run.state.attendance
    is_same = attended is not None and attended.person == met.key
    return ParkedError("operator", "who", "group_member_twice") if is_same else None


def _tell(run: VisitRun, who: Attendee, why: ParkedError) -> None:
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        participants.tell_of(conn, run, participants.row_of(conn, run, who.remote_id), why)


def _found(run: VisitRun, slot: Slot) -> None:
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        visits.stand(conn, state.key, slot, hold_until=None)
    raise LaterError(now, Hints.both())
