"""Send the effects of a plan, in order. The plan has decided; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.rules.effects import (
    Book,
    CancelParticipant,
    CreateAppointment,
    CreateOncall,
    Effect,
    Invite,
    Mark,
    NextGeneration,
    Patch,
    SendAway,
    TakeSlot,
)
from sync.core.rules.fates import PRESENT
from sync.people import inactive
from sync.run.outcomes import LaterError, ParkedError
from sync.store.lanes import Hints
from sync.visits.creating import appointment, invite, newcomers, oncall_visit
from sync.visits.linking import leaving
from sync.visits.state import slot
from sync.visits.state.load import has_participant
from sync.visits.writing import conflicts, generations, markers, participants, patch

if TYPE_CHECKING:
    from sync.core.rules.views import Plan
    from sync.visits.state.model import Seat, VisitRun

NotInvited = dict[int, ParkedError]


def execute(run: VisitRun, plan: Plan) -> NotInvited:
    """Send what is to be sent. Returns why attendances could not be invited, by their ids.

    Raises LaterError, ParkedError and the RemoteErrors of the calls: the run ends there.
    """
    parked: NotInvited = {}
    with conflicts.recorded(run, plan):
        for effect in plan.effects:
            parked |= _send(run, plan, effect)
    return parked


def _send(run: VisitRun, plan: Plan, effect: Effect) -> NotInvited:
    match effect:
        case Patch() | CancelParticipant() | NextGeneration() | Mark():
            _write(run, plan, effect)
        case CreateOncall():
            oncall_visit.make(run)
        case CreateAppointment():
            appointment.make(run)
        case Invite():
            return _invite(run, effect)
        case Book():
            newcomers.book(run)
            _not_emptied(run, plan)
        case TakeSlot(place):
            _refuse_inactive(run, plan)
            slot.take(run, place)
        case SendAway(attendances):
            leaving.send(run, [run.seat(one) for one in attendances])
    return {}


def _write(
    run: VisitRun, plan: Plan, effect: Patch | CancelParticipant | NextGeneration | Mark
) -> None:
    match effect:
        case Patch("oncall"):
            _refuse_inactive(run, plan)
            generations.carry_to_oncall(run, effect, _going_on(run, plan))
        case Patch():
            patch.patch_drchrono(run, effect, _seat(run, effect.attendance))
        case CancelParticipant(attendance):
            participants.cancel(run, run.seat(attendance))
        case NextGeneration(cancel_old):
            generations.next_generation(run, run.seats, cancel_old=cancel_old)
        case Mark():
            _mark(run, effect)


def _seat(run: VisitRun, attendance: int | None) -> Seat:
    return run.seats[0] if attendance is None else run.seat(attendance)


def _going_on(run: VisitRun, plan: Plan) -> list[Seat]:
    """The attendances that stay in the visit."""
    if not run.state.is_group:
        return run.seats
    return [run.seat(one) for one in plan.of(*PRESENT)]


def _refuse_inactive(run: VisitRun, plan: Plan) -> None:
    """Raises ParkedError while OnCall would mail a change to an inactive or deceased patient."""
    if not plan.written("oncall") - {"state"}:
        return
    for seat in _going_on(run, plan):
        person = seat.attended.person
        if person is not None and (has_participant(seat) or not run.state.is_group):
            inactive.refuse(run, person, run.state.people)


def _mark(run: VisitRun, effect: Mark) -> None:
    if effect.attendance is None:
        if run.seats or not run.state.is_group:
            markers.mark(run, effect.system)
        return
    markers.mark(run, effect.system, run.seat(effect.attendance))


def _invite(run: VisitRun, effect: Invite) -> NotInvited:
    again = [run.seat(one) for one in effect.again]
    ids = {run.seat(one).appointment.id for one in (*effect.joins, *effect.again)}
    if effect.anew or again:
        generations.begin_now(run, again, anew=effect.anew)
    invited = invite.meet(run, [seat for seat in run.seats if seat.appointment.id in ids])
    invite.add(run, invited)
    for seat in run.seats:
        if seat.appointment.id in ids:
            markers.mark(run, "drchrono", seat)
    return invited.parked


def _not_emptied(run: VisitRun, plan: Plan) -> None:
    """Raises LaterError when nobody who stayed behind in OnCall is a patient: the visit ends."""
    if not plan.emptied or newcomers.newcomers(run):
        return
    if all(seat.read for seat in run.seats):
        raise LaterError(run.sync.clock(), Hints.both())
