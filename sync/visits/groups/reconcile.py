"""One run of one group visit: who joins, leaves and moves, and where the whole of it stands.

Appointments with a group profile that stand in one slot are members of one OnCall visit. The plan
is `core.group` for the members and `core.plan` for the visit's own fields.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

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
from sync.store.schema import visit
from sync.store.tables import links, work
from sync.store.tables.work import Hints
from sync.visits.creating import recover
from sync.visits.groups import back, end, people, reading, view
from sync.visits.groups import state as group_state
from sync.visits.linking import merged_charts
from sync.visits.linking.by_marker import BUSY
from sync.visits.state import model, unreadable
from sync.visits.state.model import GroupRun, Seat
from sync.visits.state.read import hints_left, wait_for_unresolved
from sync.visits.writing import conflicts, markers, patch

if TYPE_CHECKING:
    from sync.visits.state.model import VisitRun


def run(started: VisitRun) -> None:
    """Bring one leased group visit to where both sides agree; gives the lease back as done.

    Raises as the run of a 1:1 visit does; a member that can't be invited stops no other.
    """
    state = started.state
    state.attendance = None  # the members are `seats`: nothing here is anybody's alone
    found = GroupRun(started, group.slot_from(str(state.row["slot_key"])))
    recover.resolve(started)
    due = wait_for_unresolved(started.sync, state)
    group_state.load_seats(found)
    back.resolve(found)
    people.resolve(found)
    hints = hints_left(state)
    if not (hints.drchrono or hints.oncall or due.drchrono or due.oncall) and state.deliveries:
        end.finish(found, plan_members(found), Plan(), {})
        return
    started.sync.gate.begin(started.ticket)
    reading.read_seats(found, found.seats if due.drchrono else _to_read(found, hints))
    if hints.oncall or due.oncall:
        reading.read_oncall(found)
        _hear(found)
    members = plan_members(found)
    if not members.quiet or _news_of_oncall(found) or _news_of_members(found):
        members = _read_rest(found, members)
    if is_in(started.sync.digests, state.stored, frozenset(NAMES)):
        reading.read_oncall(found)
        reading.read_seats(found, found.seats)
        unreadable.of_group(found)
        members = plan_members(found)
    if merged_charts.settle_group(found):
        members = plan_members(found)
    fields = plan_fields(found, members)
    parked: dict[int, ParkedError] = {}
    if started.sync.live:
        with conflicts.recorded(started, fields, found.overwritten):
            parked = _execute(found, members, fields)
    end.look_again_if_stale(found, members)
    end.finish(found, members, fields, parked)


def _hear(found: GroupRun) -> None:
    """Members whose participants were renamed in OnCall."""
    shown = found.oncall()
    for seat in found.seats if shown is not None else ():
        row, person = seat.participant, seat.attended.person
        if shown is not None and row is not None and row.known and person is not None:
            demographics.hear(found.started, row, person, shown.json, found.state.stored)


def _to_read(found: GroupRun, hints: Hints) -> list[Seat]:
    return reading.hinted(found) if hints.drchrono else []


def _news_of_oncall(found: GroupRun) -> bool:
    """Whether the OnCall visit shows something that is not settled, or still lacks our marker."""
    shown, obj = found.oncall(), found.state.object("oncall")
    if shown is None or obj is None:
        return False
    news = any(seen is not Seen.SAME for name, seen in shown.seen.items() if name in model.TOLD)
    return news or not obj.marked or bool(back.newcomers(found))


def _news_of_members(found: GroupRun) -> bool:
    """Whether a field of the visit is not settled in an appointment that was read."""
    shown = [seat.shown.seen for seat in found.seats if seat.shown is not None]
    return any(seen.get(name, Seen.SAME) is not Seen.SAME for seen in shown for name in FIELDS)


def _read_rest(found: GroupRun, members: GroupPlan) -> GroupPlan:
    """Read what the plan may be wrong without, and plan again.

    OnCall before anything is written there; every member before the visit moves, ends or follows.
    What follows for a member that was not read is a guess: who it is about is read.
    """
    reading.read_oncall(found)
    unsure = members.slot != found.slot or members.ends is not None or _news_of_oncall(found)
    away = found.emptied or bool(members.of(Fate.LEAVES))
    wanted = set(members.of(*(set(Fate) - {Fate.STAYS, Fate.OVER})))
    every = unsure or away or found.oncall_over() is not None
    seats = [s for s in found.seats if every or s.attended.id in wanted]
    reading.read_seats(found, seats)
    return plan_members(found)


def plan_members(found: GroupRun) -> GroupPlan:
    """What becomes of each member, by what was read so far."""
    state, follows = found.state, view.moved_by_oncall(found)
    held = state.row["hold_until"]
    imminent = found.slot.starts <= state.now + found.started.sync.settings.imminent
    plan = group.plan_group(
        view.members(found),
        view.slot_in_oncall(found) if follows else found.slot,
        found.started.policy,
        follows=follows,
        over=found.oncall_over() is not None,
        waited=imminent or (held is not None and held <= state.now),
        taken=lambda slot: group_state.is_taken(found, slot),
    )
    found.emptied = plan.ends is not None and bool(back.newcomers(found))
    return replace(plan, ends=None) if found.emptied else plan


def plan_fields(found: GroupRun, members: GroupPlan) -> Plan:
    """What is to be written of time, length, type and provider; nothing while either side is not.

    When OnCall moved it, DrChrono's side still stands in the old slot.
    """
    if found.oncall() is None or found.oncall_over() is not None or members.ends is not None:
        return Plan()
    follows = view.moved_by_oncall(found)
    left, right = view.sides(found, found.slot if follows else members.slot)
    return plan_visit(left, right, found.started.policy, found.state.now)


def without_effects(started: VisitRun) -> Plan:
    """The plan of a group visit as it stands, for the dry run: everything is read."""
    started.state.attendance = None
    found = GroupRun(started, group.slot_from(str(started.state.row["slot_key"])))
    group_state.load_seats(found)
    reading.read_seats(found, found.seats)
    reading.read_oncall(found)
    members = plan_members(found)
    fields = plan_fields(found, members)
    fates = tuple(f"member {one}: {fate}" for one, fate in members.fates.items())
    making = found.state.object("oncall") is None
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


def _execute(found: GroupRun, members: GroupPlan, fields: Plan) -> dict[int, ParkedError]:
    """Send what is to be sent: who leaves first, so that they get no mail of a move they miss.

    Returns why members could not be invited, by attendance.
    """
    started = found.started
    if members.ends is not None:
        _end(found, members.ends)
    else:
        for one in members.of(*CANCELS):
            people.cancel(found, found.seat(one))
    _refuse_inactive(found, members, fields)
    if members.slot != found.slot and not view.moved_by_oncall(found):
        group_state.take(found, members.slot)
    for effect in fields.effects:
        if isinstance(effect, Patch) and effect.system == "oncall":
            patch.patch_oncall(started, effect)
    end.write_appointments(found, members, fields)
    if members.slot != found.slot:
        group_state.take(found, members.slot)
    parked = _invite(found, members)
    for seat in found.seats:
        if members.fates.get(seat.attended.id) in group.PRESENT:
            people.mark(found, seat)
    if members.ends is None and found.oncall() is not None:
        back.book(found)
        _not_emptied(found)
        _mark_oncall(found)
    end.send_away(found, members)
    return parked


def _refuse_inactive(found: GroupRun, members: GroupPlan, fields: Plan) -> None:
    """Raises ParkedError while OnCall would mail a change to an inactive or deceased patient."""
    if not any(isinstance(one, Patch) and one.system == "oncall" for one in fields.effects):
        return
    for one in members.of(*group.PRESENT):
        seat = found.seat(one)
        person = seat.attended.person
        if person is not None and group_state.has_participant(seat):
            inactive.refuse(found.started, person)


def _not_emptied(found: GroupRun) -> None:
    """Raises LaterError when nobody who stayed behind in OnCall is a patient: the visit ends."""
    if found.emptied and not back.newcomers(found) and not group_state.anybody(found):
        raise LaterError(found.started.sync.clock(), Hints.both())


def _mark_oncall(found: GroupRun) -> None:
    """A visit that was booked in OnCall gets our marker with its first appointments."""
    shown, obj = found.oncall(), found.state.object("oncall")
    if shown is not None and obj is not None and not obj.marked and found.seats:
        marker = replace(markers.marker_for(found.started, None), occurrence=None)
        markers.mark_oncall(found.started, obj, shown.json, marker)


def _end(found: GroupRun, life: Life) -> None:
    """The last one leaving is one write to the visit, not two."""
    if found.state.presence("oncall") is Presence.LIVE and found.oncall() is not None:
        effect = "cancel" if life is Life.CANCELLED else "update"
        patch.patch_oncall(found.started, Patch("oncall", {"state": State(life)}, effect))


def _invite(found: GroupRun, members: GroupPlan) -> dict[int, ParkedError]:
    """Add who joins, and who comes again: the first as they are, the others in a new life."""
    again = [found.seat(one) for one in members.of(Fate.REVIVED, Fate.SWAPPED)]
    joins = [found.seat(one).appointment.id for one in members.of(Fate.JOINS)]
    if not (again or joins) or found.slot.starts < found.state.now:
        return {}
    if found.oncall_over() is not None:
        if members.of(Fate.ENDED):
            return {}
        _next_generation(found)
    ids = {seat.appointment.id for seat in again} | set(joins)
    people.next_life(found, again)
    invited = people.meet(found, [s for s in found.seats if s.appointment.id in ids])
    people.add(found, invited)
    return invited.parked


def _next_generation(found: GroupRun) -> None:
    """What was cancelled stays so: whoever is open again gets a new OnCall visit."""
    sync, state = found.started.sync, found.state
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
            conn.execute(
                update(visit)
                .where(visit.c.aggregate == state.key)
                .values(generation=state.generation + 1, state="open")
            )
            for seat in found.seats:
                links.change(conn, seat.appointment.id, marked=False)
    except IntegrityError:
        raise LaterError(sync.clock() + BUSY, Hints.both()) from None
    state.generation += 1
    state.read.pop("oncall", None)
    state.gone.discard("oncall")
    group_state.load_seats(found)
