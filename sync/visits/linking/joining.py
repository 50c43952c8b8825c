"""How an appointment comes into a group visit: the first one takes the slot, the others join it.

A visit of its own that has an OnCall side already becomes the group where the slot is free; else
only its appointment goes over, and what it leaves behind is cancelled: visits are never merged.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from sync.core.records import Absent, Life, State
from sync.core.rules import place, plausible
from sync.core.rules.effects import CreateAppointment, CreateOncall, Patch
from sync.core.rules.merge import Seen
from sync.core.rules.place import Slot
from sync.core.rules.views import Plan, Presence
from sync.people.resolve.doctor import doctor_for
from sync.run.outcomes import BUSY, AbsorbedError, LaterError
from sync.store.schema import visit
from sync.store.tables import attendances, journal, links, work
from sync.store.tables.work import Hints, Wait
from sync.store.visits import visits
from sync.visits.linking import group_twins
from sync.visits.state.slot import holder
from sync.visits.writing import patch

if TYPE_CHECKING:
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


def settle(run: VisitRun, plan: Plan) -> None:
    """Let an appointment with a group profile into the visit of its slot.

    An OnCall visit with several participants, booked there, is a group from the start. Returns for
    all others. Raises LaterError when this visit is a group from now on (its next run
    is a group's) or the other one is busy, AbsorbedError when the appointment joined another visit.
    """
    if run.sync.live and any(isinstance(one, CreateAppointment) for one in plan.effects):
        group_twins.wait_for_group(run)
        if _is_of_several(run):
            _found_there(run)
    slot = _slot(run, plan)
    obj = run.state.object("drchrono")
    if slot is None or obj is None:
        return
    with run.sync.store.read() as conn:
        target = holder(conn, slot, run.state.key)
    if target is None:
        _found_group(run, obj, slot)
        return
    if run.state.presence("oncall") is Presence.LIVE:
        _join_whole(run, obj, target)
        patch.patch_oncall(run, Patch("oncall", {"state": Life.CANCELLED}, "cancel"))
    _join(run, obj, target)


def _slot(run: VisitRun, plan: Plan) -> Slot | None:
    """The slot to stand in, when there is an open visit to be made, or one is there."""
    shown = run.state.read.get("drchrono")
    if shown is None or not shown.visit.group:
        return None
    if not run.sync.live and run.state.presence("oncall") is Presence.LIVE:
        return None  # its own visit there may have to be cancelled first: that is a write
    if not run.policy.to_oncall or plan.asks or plan.held:
        return None
    making = any(isinstance(effect, CreateOncall) for effect in plan.effects)
    return place.slot_of(shown.visit) if making or _stands(run) else None


def _stands(run: VisitRun) -> bool:
    """Whether both sides are there and open, in scope, with the patient they had."""
    left, right = run.state.read.get("drchrono"), run.state.read.get("oncall")
    if left is None or right is None or left.visit.type is None or run.state.gone:
        return False
    if isinstance(left.visit.type, Absent) or left.seen.get("patient") is Seen.CHANGED:
        return False
    lives = [shown.visit.state for shown in (left, right)]
    return all(isinstance(one, State) and one.life is Life.OPEN for one in lives)


def _is_of_several(run: VisitRun) -> bool:
    attendees = run.state.read["oncall"].visit.attendees
    return sum(who.cancelled is not True for who in attendees) > 1


def _found_there(run: VisitRun) -> None:
    """Make the visit a group's: its appointments are made by its next run, at once."""
    sync, state, shown = run.sync, run.state, run.state.read["oncall"]
    seen = shown.visit
    doctor = doctor_for(run, seen, seen.attendees[0])
    minutes = plausible.length(seen)
    assert not isinstance(seen.starts, Absent) and not isinstance(minutes, Absent)  # noqa: S101, PT018 - the plan saw both
    office = run.mapping.booking_office(doctor) or ""
    slot = Slot(doctor, office, seen.starts, minutes, born=seen.remote_id)
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        visits.stand(conn, state.key, slot, hold_until=None)
    raise LaterError(now, Hints.both())


def _found_group(run: VisitRun, obj: Obj, slot: Slot) -> None:
    """Take the slot. A group that is new waits a moment for the others who are being booked."""
    sync, state = run.sync, run.state
    settle_for = timedelta(0)
    if state.object("oncall") is None and slot.starts > state.now + sync.settings.imminent:
        settle_for = timedelta(seconds=sync.settings.group_settle_seconds)
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
            visits.stand(conn, state.key, slot, hold_until=None)
            if state.attendance is None:
                attendances.attend(conn, state.key, appointment=obj.id)
    except IntegrityError:
        raise LaterError(sync.clock() + BUSY, Hints.both()) from None
    raise LaterError(now + settle_for, Hints.both())


def _join(run: VisitRun, obj: Obj, target: int) -> None:
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        other = work.try_lock(
            conn, target, owner=sync.owner, now=now, seconds=sync.settings.lease_seconds
        )
        if other is None:
            raise LaterError(now + BUSY, Hints.both())
        _hand_over(conn, run, obj, target)
        seconds = sync.settings.group_settle_seconds
        work.raise_(
            conn,
            target,
            now=now,
            hints=Hints.of("drchrono"),
            lane=state.lease.lane,
            wait=Wait(seconds, seconds),
        )
        work.give_back(conn, other, now=now)
        journal.close_attention(conn, state.key, now)
        links.unblock(conn, state.key)
        work.complete(conn, state.lease, now=now)
    raise AbsorbedError(target)


def _join_whole(run: VisitRun, obj: Obj, target: int) -> None:
    """Let a group that has no OnCall visit yet have this one; returns when it has its own."""
    sync, state, there = run.sync, run.state, run.state.object("oncall")
    assert there is not None  # noqa: S101 - it is live
    with sync.store.write() as conn:
        now, seconds = sync.clock(), sync.settings.lease_seconds
        work.hold(conn, state.lease, now=now, seconds=seconds)
        other = work.try_lock(conn, target, owner=sync.owner, now=now, seconds=seconds)
        if other is None:
            raise LaterError(now + BUSY, Hints.both())
        generation = conn.execute(
            select(visit.c.generation).where(visit.c.aggregate == target)
        ).scalar_one()
        theirs = [
            one
            for one in links.objects_of(conn, target)
            if one.system == "oncall" and one.kind == "appointment" and one.state != "gone"
        ]
        if any(one.generation == generation for one in theirs):
            work.give_back(conn, other, now=now)
            return
        links.change(conn, there.id, generation=generation)
        links.change(conn, obj.id, marked=False)
        links.absorb(conn, state.key, target, now=now, hints=Hints.both())
        work.give_back(conn, other, now=now)
    raise AbsorbedError(target)


def _hand_over(conn: Connection, run: VisitRun, obj: Obj, target: int) -> None:
    """Only the appointment goes; what its old visit had in OnCall stays behind, closed."""
    state, life = run.state, 1
    for attended in attendances.attendances(conn, state.key):
        if attended.current and attended.appointment == obj.id:
            attendances.change_attendance(conn, attended.id, current=False)
    for attended in attendances.attendances(conn, target):
        if attended.appointment == obj.id:
            life = max(life, attended.life + 1)
    links.change(conn, obj.id, aggregate=target, marked=False)
    attendances.attend(conn, target, appointment=obj.id, life=life)
    conn.execute(
        update(visit)
        .where(visit.c.aggregate == state.key)
        .values(state="closed", slot_key=None, hold_until=None)
    )
