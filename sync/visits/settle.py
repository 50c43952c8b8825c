"""End a run of a visit: settle what needed no call, note what was seen, tell what is asked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from sync.core.records import SYSTEMS, Life, State
from sync.core.rules.effects import CreateOncall, Mark, NextGeneration, Patch
from sync.core.rules.fates import PRESENT, Fate
from sync.core.rules.place import slot_key
from sync.core.rules.views import Plan
from sync.people import contacts
from sync.store.lanes import Hints
from sync.store.tables import claims, journal, links, work
from sync.store.visits import visits
from sync.visits import tell
from sync.visits.state import carried, rekeyed, zones
from sync.visits.state.load import has_participant, looked_at
from sync.visits.state.model import TOLD, VisitRun, VisitState
from sync.visits.state.summary import doctor_of, starts_of
from sync.visits.writing import conflicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from sync.run.outcomes import ParkedError
    from sync.store.tables.links import Obj

# Effects after which a visit's row is as the run knows it.
_KEEPS_THE_ROW = (CreateOncall, Mark)
_OVER = frozenset({Fate.NOTED, Fate.OVER, Fate.ENDS})


def finish(run: VisitRun, plan: Plan, parked: Mapping[int, ParkedError] | None = None) -> None:
    """Settle a plan whose effects were sent (or are held), and give the lease back as done.

    `parked` says by attendance why somebody could not be invited.
    """
    sync, state = run.sync, run.state
    now = sync.clock()
    held = bool(plan.effects) and not sync.live
    with sync.store.write() as conn:
        claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        rekeyed.visit(conn, sync, state)
        if not sync.live:
            conflicts.note(conn, run, plan)
        for seat in run.seats:
            conflicts.note_gaps(conn, state, seat.appointment, seat.shown, now)
        if not state.is_group:
            _settle_one(conn, run, plan)
        elif not held:
            _settle_several(conn, run, plan)
        _note_seen(conn, run, plan, held=held)
        _note_visit(conn, run, plan, held=held)
        looked_at(conn, state)
        journal.explain(conn, state.deliveries, now)
        tell.tell(conn, run, plan, parked or {})
        _want_contacts(conn, run)
        claims.complete(conn, state.lease, ended=sync.clock())


# --- baselines ------------------------------------------------------------------------------------


def _settle_one(conn: Connection, run: VisitRun, plan: Plan) -> None:
    stored = run.state.stored
    for system in SYSTEMS:
        obj, shown = run.state.object(system), run.state.read.get(system)
        names = {name for side, name in plan.adopt if side == system}
        if obj is None or shown is None:
            continue
        if system == "oncall" and not plan.effects and (obj.id, "state") not in stored:
            names.add("state")  # the status that the create's answer lacked
        carried.settle_news(conn, run, obj, shown, names)


def _settle_several(conn: Connection, run: VisitRun, plan: Plan) -> None:
    """Move the baselines of what was carried, or says the same on both sides."""
    back = plan.written("drchrono")
    kept = back | set(plan.held) | {ask.removesuffix("_differs") for ask in plan.asks}
    for seat in run.seats:
        fate = plan.fates.get(seat.attended.id)
        if fate is Fate.STAYS:
            carried.settle_news(conn, run, seat.appointment, seat.shown, TOLD - kept)
        elif fate in _OVER:
            carried.settle_news(conn, run, seat.appointment, seat.shown, ("state",))
            carried.settle_participant(conn, run, seat)
            if seat.gone:
                _gone(conn, seat.appointment)
    if plan.ends is not None:
        return
    names = {name for system, name in plan.adopt if system == "oncall"} | {"state"} | back
    names -= plan.written("oncall")  # settled with the answer
    carried.settle_news(conn, run, run.state.object("oncall"), run.oncall(), names)


# --- what was seen --------------------------------------------------------------------------------


def _note_seen(conn: Connection, run: VisitRun, plan: Plan, *, held: bool) -> None:
    state, now = run.state, run.sync.clock()
    there = state.object("oncall")
    both = [(seat.appointment, seat.shown) for seat in run.seats]
    both += [(there, run.oncall())] if there is not None else []
    for obj, shown in both:
        if shown is not None:
            zones.note_if_unknown(conn, state, obj, shown)
    links.seen(
        conn, {obj.id: shown.visit.revision for obj, shown in both if shown is not None}, now
    )
    waits = not state.is_group and (plan.held or plan.asks)
    for system in () if held or waits else state.gone:
        gone = state.object(system)
        if gone is not None:
            _gone(conn, gone)


def _note_visit(conn: Connection, run: VisitRun, plan: Plan, *, held: bool) -> None:
    """Note where the visit stands now, and whether its work has ended."""
    state = run.state
    values: dict[str, object] = {"hold_until": plan.wait_until}
    if not state.is_group:
        values |= _place(state, plan, held=held)
    goes_on = _goes_on(run, plan)
    if goes_on:
        _raise_people(conn, run, plan)
    if state.is_group and plan.slot is not None and not held:
        values["state"] = "closed" if plan.closed else "open"
    elif plan.closed and not held:
        values["state"] = "closed"
    elif goes_on:
        values["state"] = "open"
    as_it_was = all(getattr(state.row, name) == value for name, value in values.items())
    if not as_it_was or not all(isinstance(one, _KEEPS_THE_ROW) for one in plan.effects):
        visits.place(conn, state.key, **values)


def _place(state: VisitState, plan: Plan, *, held: bool) -> dict[str, object]:
    values: dict[str, object] = {}
    starts, doctor = _starts_now(state, Plan() if held else plan), doctor_of(state)
    if starts is not None:
        values["starts_at"] = starts
    if doctor is not None:
        values["doctor"] = doctor
    person = _who_holds(state, plan)
    if person is None or starts is None or doctor is None:
        return values
    if plan.effects or state.row.slot_key != slot_key(doctor, starts, person):
        values["slot_key"] = slot_key(doctor, starts, person)
    return values


def _starts_now(state: VisitState, plan: Plan) -> datetime | None:
    """When the visit begins now: as written by this run, else as read."""
    for effect in plan.effects:
        if isinstance(effect, Patch) and isinstance(effect.values.get("starts"), datetime):
            return cast("datetime", effect.values["starts"])
    return starts_of(state)


def _who_holds(state: VisitState, plan: Plan) -> int | None:
    """The person whose slot the visit holds: once taken it moves along.

    One that was linked when we had not made it takes it as soon as both sides are there.
    """
    if state.row.slot_key:
        return int(state.row.slot_key.rpartition(":")[2])
    both = [state.object(system) for system in SYSTEMS]
    if state.attendance is None or any(one is None or not one.known for one in both):
        return None
    ends = any(isinstance(effect, NextGeneration) for effect in plan.effects)
    return None if ends else state.attendance.person


def _goes_on(run: VisitRun, plan: Plan) -> bool:
    """Whether an end was taken back that only one side ever knew of: the same visit goes on."""
    state = run.state
    if state.row.state != "closed":
        return False
    if state.is_group:
        return bool(plan.of(*PRESENT))
    lives = [shown.visit.state for shown in state.read.values()]
    return len(lives) == len(SYSTEMS) and all(
        isinstance(life, State) and life.life is Life.OPEN for life in lives
    )


def _raise_people(conn: Connection, run: VisitRun, plan: Plan) -> None:
    """Raise who attends: while the visit was over, they missed what changed in the charts."""
    now, stays = run.sync.clock(), plan.of(Fate.STAYS)
    for seat in run.seats:
        person = seat.attended.person
        here = seat.shown is not None and (not run.state.is_group or seat.attended.id in stays)
        if here and person is not None:
            work.raise_(conn, person, now=now, hints=Hints.of("drchrono"))


def _want_contacts(conn: Connection, run: VisitRun) -> None:
    """Raise who has no contact yet: a run may have ended before it."""
    state, mapping, made = run.state, run.mapping, run.state.object("oncall")
    doctor = run.slot.doctor if state.is_group else doctor_of(state)
    if doctor is None or mapping.doctor(doctor) is None or not run.sync.live:
        return
    if made is None or made.remote_id is None or run.oncall_over() is not None:
        return
    if not state.is_group and state.row.state != "open":
        return
    for seat in run.seats:
        person = seat.attended.person
        if person is None or (state.is_group and not has_participant(seat)):
            continue
        who = state.people.get(person)
        if who is not None and contacts.stands_in(who.objects, mapping, doctor):
            continue
        if contacts.is_settled(conn, mapping, person, doctor) or contacts.is_told(conn, person):
            continue
        work.raise_(conn, person, now=run.sync.clock(), hints=Hints.of("drchrono"))


def _gone(conn: Connection, obj: Obj) -> None:
    """Note that an object is gone; from now on `looked_at` says when it was denied as such."""
    if obj.state != "gone":
        links.change(conn, obj.id, state="gone", looked_at=None)
