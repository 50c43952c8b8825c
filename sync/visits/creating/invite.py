"""Put people into a shared OnCall visit: made with everybody, added to, taken out of.

Adding to a live visit is a create too: whether OnCall appends to the list or replaces it is
unknown, so the whole list is written back. A lost answer is looked into (`recover`) before another
try.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Refused
from sync.oncall import bodies as oncall_bodies
from sync.people.resolve import participant
from sync.run import attempts
from sync.run.outcomes import ParkedError
from sync.store.tables import attendances, claims
from sync.visits.creating import begin, oncall_visit, refused
from sync.visits.linking import group_twins, participants
from sync.visits.linking.invited import Invited
from sync.visits.state import load
from sync.visits.state.load import has_participant
from sync.visits.state.model import Seat, VisitRun

if TYPE_CHECKING:
    from sync.outbound.call import Answer


def meet(run: VisitRun, seats: list[Seat]) -> Invited:
    """The patients of members that shall be added. Who can't be invited keeps nobody else out."""
    found = Invited()
    present = {s.attended.person for s in run.seats if has_participant(s)}
    room = oncall_bodies.MOST_PARTICIPANTS - _coming(run)
    for seat in seats:
        shown = seat.shown
        assert shown is not None  # noqa: S101 - the plan saw it
        try:
            met = participant.patient_of(run, str(shown.visit.patient), run.slot.doctor)
        except ParkedError as parked:
            found.parked[seat.attended.id] = parked
            continue
        cause = _refusal(run, met, present, room - len(found.met))
        if cause:
            found.parked[seat.attended.id] = ParkedError("operator", cause, cause)
            continue
        present.add(met.key)
        found.met[seat.attended.id] = met
    return found


def _refusal(
    run: VisitRun, met: participant.ResolvedPatient, present: set[int | None], room: int
) -> str:
    """Why somebody who could be invited gets no place in this visit, else nothing."""
    if met.key in present:
        return "group_member_twice"
    if room <= 0:
        return "group_full"
    with run.sync.store.read() as conn:
        return "slot_taken" if group_twins.stands_elsewhere(conn, run, met.key) else ""


def _coming(run: VisitRun) -> int:
    shown = run.oncall()
    there = shown.visit.attendees if shown is not None else ()
    return sum(who.cancelled is not True for who in there)


def add(run: VisitRun, invited: Invited) -> None:
    """Make the OnCall visit with these people, or add them to the one that is there."""
    if not invited.met:
        return
    if run.state.object("oncall") is None:
        group_twins.take(run, invited)
    while invited.met:
        _attend(run, invited)
        try:
            if run.state.object("oncall") is None:
                oncall_visit.make_with(run, invited.met, participants.being_made(run))
            else:
                _extend(run, invited)
        except Refused as refusal:
            if not refused.leave_out(run, invited, refusal):
                raise
        else:
            break
    load.reload(run)
    for met in invited.met.values():
        participant.afterwards(run, met)


def _attend(run: VisitRun, invited: Invited) -> None:
    """Note who attends before the call, and a row for each participant it shall make."""
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        for attendance, met in invited.met.items():
            one = run.seat(attendance).attended
            row = attempts.begin(
                conn,
                state.key,
                "oncall",
                "participant",
                f"participant:{one.id}:{one.life}",
                now=now,
                generation=state.generation,
            )
            attendances.change_attendance(
                conn, one.id, person=met.key, person_version=met.version, participant=row.id
            )
    load.reload(run)


def _extend(run: VisitRun, invited: Invited) -> None:
    """One PATCH with the whole list: everybody who is there by their `url`, the new ones last."""
    sync = run.sync
    obj, shown = run.state.object("oncall"), run.oncall()
    assert obj is not None and obj.remote_id is not None and shown is not None  # noqa: S101, PT018
    _without_those_there(run, invited)
    if not invited.met:
        return
    new = oncall_visit.bodies_of(invited.met)
    body = {"participants": oncall_bodies.participants_with(shown.json, new)}

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            participants.know_participants(conn, run, answer.json)
            participants.tell_lost(conn, run, answer.json)

    added = participants.being_made(run)
    try:
        with attempts.attempt(sync, added, lambda: begin.forget(run, added)):
            sync.oncall.patch_appointment(
                run.ticket.then(after),
                obj.remote_id,
                body,
                object_id=obj.id,
                fields=("participants",),
                effect="create",
                pending=oncall_visit.named(run, invited.met),
                doctor=run.slot.doctor,
            )
    except Refused:
        if len(shown.visit.attendees) + len(invited.met) <= oncall_bodies.MOST_PARTICIPANTS:
            raise
        # Who is cancelled keeps a place there.
        full = ParkedError("operator", "group_full", "group_full")
        invited.parked |= dict.fromkeys(invited.met, full)
        invited.met.clear()


def _without_those_there(run: VisitRun, invited: Invited) -> None:
    """Whom staff have added in OnCall meanwhile is there already, and is not invited again."""
    shown = run.oncall()
    if shown is None:
        return
    with run.sync.store.write() as conn:
        found = participants.know_participants(conn, run, shown.json)
    if not found:
        return
    load.reload(run)
    for attended in list(invited.met):
        if has_participant(run.seat(attended)):
            del invited.met[attended]
