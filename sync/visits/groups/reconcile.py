"""One run of one group visit: who joins, leaves and moves, and where the whole of it stands.

Appointments with a group profile that stand in one slot are members of one OnCall visit. The plan
is `core.group` for the members and `core.plan` for the visit's own fields.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.core.records import Life, State
from sync.core.rules import group
from sync.core.rules.effects import CreateOncall, Effect, Patch
from sync.core.rules.group import CANCELS, Fate, GroupPlan
from sync.core.rules.merge import Seen
from sync.core.rules.people import NAMES
from sync.core.rules.plan import FIELDS, Plan, Presence, plan_visit
from sync.people import demographics, inactive
from sync.run.outcomes import LaterError, ParkedError
from sync.run.unreadable import is_in
from sync.store.tables.work import Hints
from sync.visits.creating import recover
from sync.visits.groups import back, end, people, reading, view
from sync.visits.groups import state as group_state
from sync.visits.linking import merged_charts
from sync.visits.state import model, read, unreadable
from sync.visits.state.load import has_participant, hints_left, wait_for_unresolved
from sync.visits.state.model import Seat, VisitRun
from sync.visits.writing import conflicts, generations, markers, participants, patch

if TYPE_CHECKING:
    from sync.visits.state.model import VisitRun


def reconcile(run: VisitRun) -> None:
    """Bring one leased group visit to where both sides agree; gives the lease back as done.

    Raises as the run of a 1:1 visit does; a member that can't be invited stops no other.
    """
    state = run.state
    group_state.find_place(run)
    recover.resolve(run)
    due = wait_for_unresolved(run.sync, state)
    back.resolve(run)
    people.resolve(run)
    hints = hints_left(state)
    if not (hints.drchrono or hints.oncall or due.drchrono or due.oncall) and state.deliveries:
        end.finish(run, plan_members(run), Plan(), {})
        return
    run.sync.gate.begin(run.ticket)
    read.read_appointments(run, run.seats if due.drchrono else _to_read(run, hints))
    if hints.oncall or due.oncall:
        reading.read_oncall(run)
        _hear(run)
    members = plan_members(run)
    if not members.quiet or _news_of_oncall(run) or _news_of_members(run):
        members = _read_rest(run, members)
    if is_in(run.sync.digests, state.stored, frozenset(NAMES)):
        reading.read_oncall(run)
        read.read_appointments(run, run.seats)
        unreadable.of_group(run)
        members = plan_members(run)
    if merged_charts.settle_group(run):
        members = plan_members(run)
    fields = plan_fields(run, members)
    parked: dict[int, ParkedError] = {}
    if run.sync.live:
        with conflicts.recorded(run, fields, run.overwritten):
            parked = _execute(run, members, fields)
    end.look_again_if_stale(run, members)
    end.finish(run, members, fields, parked)


def _hear(run: VisitRun) -> None:
    """Members whose participants were renamed in OnCall."""
    shown = run.oncall()
    for seat in run.seats if shown is not None else ():
        row, person = seat.participant, seat.attended.person
        if shown is not None and row is not None and row.known and person is not None:
            demographics.hear(run, row, person, shown.json, run.state.stored)


def _to_read(run: VisitRun, hints: Hints) -> list[Seat]:
    return reading.hinted(run) if hints.drchrono else []


def _news_of_oncall(run: VisitRun) -> bool:
    """Whether the OnCall visit shows something that is not settled, or still lacks our marker."""
    shown, obj = run.oncall(), run.state.object("oncall")
    if shown is None or obj is None:
        return False
    news = any(seen is not Seen.SAME for name, seen in shown.seen.items() if name in model.TOLD)
    return news or not obj.marked or bool(back.newcomers(run))


def _news_of_members(run: VisitRun) -> bool:
    """Whether a field of the visit is not settled in an appointment that was read."""
    shown = [seat.shown.seen for seat in run.seats if seat.shown is not None]
    return any(seen.get(name, Seen.SAME) is not Seen.SAME for seen in shown for name in FIELDS)


def _read_rest(run: VisitRun, members: GroupPlan) -> GroupPlan:
    """Read what the plan may be wrong without, and plan again.

    OnCall before anything is written there; every member before the visit moves, ends or follows.
    What follows for a member that was not read is a guess: who it is about is read.
    """
    reading.read_oncall(run)
    unsure = members.slot != run.slot or members.ends is not None or _news_of_oncall(run)
    away = run.emptied or bool(members.of(Fate.LEAVES))
    wanted = set(members.of(*(set(Fate) - {Fate.STAYS, Fate.OVER})))
    every = unsure or away or run.oncall_over() is not None
    seats = [s for s in run.seats if every or s.attended.id in wanted]
    read.read_appointments(run, seats)
    return plan_members(run)


def plan_members(run: VisitRun) -> GroupPlan:
    """What becomes of each member, by what was read so far."""
    state, follows = run.state, view.moved_by_oncall(run)
    held = state.row["hold_until"]
    imminent = run.slot.starts <= state.now + run.sync.settings.imminent
    plan = group.plan_group(
        view.members(run),
        view.slot_in_oncall(run) if follows else run.slot,
        run.policy,
        follows=follows,
        over=run.oncall_over() is not None,
        waited=imminent or (held is not None and held <= state.now),
        taken=lambda slot: group_state.is_taken(run, slot),
    )
    run.emptied = plan.ends is not None and bool(back.newcomers(run))
    return replace(plan, ends=None) if run.emptied else plan


def plan_fields(run: VisitRun, members: GroupPlan) -> Plan:
    """What is to be written of time, length, type and provider; nothing while either side is not.

    When OnCall moved it, DrChrono's side still stands in the old slot.
    """
    if run.oncall() is None or run.oncall_over() is not None or members.ends is not None:
        return Plan()
    follows = view.moved_by_oncall(run)
    left, right = view.sides(run, run.slot if follows else members.slot)
    return plan_visit(left, right, run.policy, run.state.now)


def without_effects(run: VisitRun) -> Plan:
    """The plan of a group visit as it stands, for the dry run: everything is read."""
    group_state.find_place(run)
    read.read_appointments(run, run.seats)
    reading.read_oncall(run)
    members = plan_members(run)
    fields = plan_fields(run, members)
    fates = tuple(f"member {one}: {fate}" for one, fate in members.fates.items())
    making = run.state.object("oncall") is None
    effects = _effects(members, fields, making=making)
    return replace(fields, effects=effects, why=(*fates, *fields.why))


def _effects(members: GroupPlan, fields: Plan, *, making: bool) -> tuple[Effect, ...]:
    """What is sent because of the members, before what is sent of the visit's fields."""
    ends = members.ends is not None
    cancels = ["state"] if ends else ["participant"] * len(members.of(*CANCELS))
    found: list[Effect] = [Patch("oncall", {name: Life.CANCELLED}, "cancel") for name in cancels]
    joins = members.of(Fate.JOINS, Fate.REVIVED, Fate.SWAPPED)
    if making and joins:
        found.append(CreateOncall())  # with the first of them in it
        joins = joins[1:]
    found += [Patch("oncall", {"participants": one}, "create") for one in joins]
    found += [Patch("drchrono", {"state": Life.CANCELLED}, "cancel")] * len(members.of(Fate.ENDED))
    return (*found, *(one for one in fields.effects if isinstance(one, Patch)))


# --- the effects ----------------------------------------------------------------------------------


def _execute(run: VisitRun, members: GroupPlan, fields: Plan) -> dict[int, ParkedError]:
    """Send what is to be sent: who leaves first, so that they get no mail of a move they miss.

    Returns why members could not be invited, by attendance.
    """
    if members.ends is not None:
        _end(run, members.ends)
    else:
        for one in members.of(*CANCELS):
            participants.cancel(run, run.seat(one))
    _refuse_inactive(run, members, fields)
    if members.slot != run.slot and not view.moved_by_oncall(run):
        group_state.take(run, members.slot)
    for effect in fields.effects:
        if isinstance(effect, Patch) and effect.system == "oncall":
            going_on = [run.seat(one) for one in members.of(*group.PRESENT)]
            generations.carry_to_oncall(run, effect, going_on)
    end.write_appointments(run, members, fields)
    if members.slot != run.slot:
        group_state.take(run, members.slot)
    parked = _invite(run, members)
    for seat in run.seats:
        if members.fates.get(seat.attended.id) in group.PRESENT:
            people.mark(run, seat)
    if members.ends is None and run.oncall() is not None:
        back.book(run)
        _not_emptied(run)
        _mark_oncall(run)
    end.send_away(run, members)
    return parked


def _refuse_inactive(run: VisitRun, members: GroupPlan, fields: Plan) -> None:
    """Raises ParkedError while OnCall would mail a change to an inactive or deceased patient."""
    if not any(isinstance(one, Patch) and one.system == "oncall" for one in fields.effects):
        return
    for one in members.of(*group.PRESENT):
        seat = run.seat(one)
        person = seat.attended.person
        if person is not None and has_participant(seat):
            inactive.refuse(run, person)


def _not_emptied(run: VisitRun) -> None:
    """Raises LaterError when nobody who stayed behind in OnCall is a patient: the visit ends."""
    if run.emptied and not back.newcomers(run) and not group_state.anybody(run):
        raise LaterError(run.sync.clock(), Hints.both())


def _mark_oncall(run: VisitRun) -> None:
    """A visit that was booked in OnCall gets our marker with its first appointments."""
    shown, obj = run.oncall(), run.state.object("oncall")
    if shown is not None and obj is not None and not obj.marked and run.seats:
        marker = replace(markers.marker_for(run, None), occurrence=None)
        markers.mark_oncall(run, obj, shown.json, marker)


def _end(run: VisitRun, life: Life) -> None:
    """The last one leaving is one write to the visit, not two."""
    if run.state.presence("oncall") is Presence.LIVE and run.oncall() is not None:
        effect = "cancel" if life is Life.CANCELLED else "update"
        patch.patch_oncall(run, Patch("oncall", {"state": State(life)}, effect))


def _invite(run: VisitRun, members: GroupPlan) -> dict[int, ParkedError]:
    """Add who joins, and who comes again: the first as they are, the others in a new life."""
    again = [run.seat(one) for one in members.of(Fate.REVIVED, Fate.SWAPPED)]
    joins = [run.seat(one).appointment.id for one in members.of(Fate.JOINS)]
    if not (again or joins) or run.slot.starts < run.state.now:
        return {}
    over = run.oncall_over() is not None
    if over and members.of(Fate.ENDED):
        return {}
    ids = {seat.appointment.id for seat in again} | set(joins)
    if over or again:
        generations.begin_now(run, again, anew=over)
    invited = people.meet(run, [s for s in run.seats if s.appointment.id in ids])
    people.add(run, invited)
    return invited.parked
