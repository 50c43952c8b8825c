"""Enter an appointment into a shared visit: the first one takes the slot, the others join it.

A visit of its own that has an OnCall side already becomes the group where the slot is free; else
only its appointment goes over, and what it leaves behind is cancelled: visits are never merged.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from sync.core.records import Absent, Life, State
from sync.core.rules import place, plausible
from sync.core.rules.effects import CreateAppointment, CreateOncall, Patch
from sync.core.rules.merge import Seen
from sync.core.rules.place import Slot
from sync.core.rules.views import Plan, Presence
from sync.people.resolve.doctor import doctor_for
from sync.run import transfer
from sync.run.outcomes import BUSY, AbsorbedError, LaterError
from sync.store.lanes import Hints
from sync.store.tables import attendances, claims, decisions, links, work
from sync.store.tables.work import Wait
from sync.store.visits import visits
from sync.visits.linking import group_twins
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
        target = visits.holder(conn, slot.key, besides=run.state.key)
        apart = target is not None and _is_apart(conn, obj, target)
    if apart:
        return  # taken out of that group by hand: it has a visit of its own
    if target is None:
        _found_group(run, obj, slot)
        return
    if run.state.presence("oncall") is Presence.LIVE:
        _join_whole(run, obj, target)
        patch.patch_oncall(run, Patch("oncall", {"state": Life.CANCELLED}, "cancel"))
    _join(run, obj, target)


def _is_apart(conn: Connection, obj: Obj, target: int) -> bool:
    """Whether somebody has told an appointment apart from a group's OnCall visit by hand."""
    theirs = [
        str(one.remote_id)
        for one in links.objects_of(conn, target)
        if (one.system, one.kind) == ("oncall", "appointment") and one.known
    ]
    named = "appointment", str(obj.remote_id)
    return bool(decisions.apart(conn, *named, "visit", theirs))


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
        claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
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
            claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
            visits.stand(conn, state.key, slot, hold_until=None)
            if state.attendance is None:
                attendances.attend(conn, state.key, appointment=obj.id)
    except IntegrityError:
        raise LaterError(sync.clock() + BUSY, Hints.both()) from None
    raise LaterError(now + settle_for, Hints.both())


def _join(run: VisitRun, obj: Obj, target: int) -> None:
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        held = transfer.hold(conn, sync, target, lease=state.lease, hints=Hints.both())
        # What its old visit had in OnCall stays behind, closed.
        life = _next_life(conn, obj, target)
        transfer.take_in(held, obj, target, has_marker=False)
        attendances.attend(conn, target, appointment=obj.id, life=life)
        now, seconds = held.now, sync.settings.group_settle_seconds
        wait = Wait(seconds, seconds)
        lane, hints = state.lease.lane, Hints.of("drchrono")
        work.raise_(conn, target, now=now, hints=hints, lane=lane, wait=wait)
        claims.complete(conn, state.lease, ended=None)
    raise AbsorbedError(target)


def _join_whole(run: VisitRun, obj: Obj, target: int) -> None:
    """Let a group that has no OnCall visit yet have this one; returns when it has its own."""
    sync, state, there = run.sync, run.state, run.state.object("oncall")
    assert there is not None  # noqa: S101 - it is live
    with sync.store.write() as conn:
        held = transfer.hold(conn, sync, target, lease=state.lease, hints=Hints.both())
        generation = links.generation_of(conn, target)
        theirs = [
            one
            for one in links.objects_of(conn, target)
            if one.system == "oncall" and one.kind == "appointment" and one.state != "gone"
        ]
        if any(one.generation == generation for one in theirs):
            return
        links.change(conn, there.id, generation=generation)
        links.change(conn, obj.id, has_marker=False)
        # Its patient comes with their participant.
        transfer.absorb(held, state.key, target, hints=Hints.both(), keep_seats=True)
    raise AbsorbedError(target)


def _next_life(conn: Connection, obj: Obj, target: int) -> int:
    """Which life of its place in that visit begins; 1 where it never had one."""
    former = [a.life for a in attendances.attendances(conn, target) if a.appointment == obj.id]
    return max(former, default=0) + 1
