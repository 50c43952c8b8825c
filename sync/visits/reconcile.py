"""One run of one visit: read what was hinted, plan, send the effects, settle what was carried."""

from datetime import datetime
from typing import cast

from sqlalchemy import Connection, update

from sync.core.records import Life, State
from sync.core.rules.effects import (
    CreateAppointment,
    CreateOncall,
    Effect,
    Mark,
    NextGeneration,
    Patch,
)
from sync.core.rules.plan import SYSTEMS, Plan, plan_visit
from sync.mapping import out_of_scope
from sync.outbound.gate import Ticket
from sync.people import contacts, demographics, inactive
from sync.run import allowed, fruitless
from sync.run.outcomes import LOOK_AGAIN, LaterError, ParkedError
from sync.runtime import Sync
from sync.store.schema import visit
from sync.store.tables import journal, links, work
from sync.store.tables.work import Hints, Lease
from sync.visits.creating import create, record, recover
from sync.visits.groups import entry, second
from sync.visits.groups import reconcile as groups
from sync.visits.linking import by_marker, merged_charts, successors, twins
from sync.visits.state import carried, read, rekeyed, unreadable, zones
from sync.visits.state.echo import is_own_echo
from sync.visits.state.load import hints_left, load, looked_at, wait_for_unresolved
from sync.visits.state.model import VisitRun, VisitState
from sync.visits.state.summary import doctor_of, is_quiet, starts_of
from sync.visits.writing import conflicts, generations, markers, patch

# Attention that stands until somebody has read it, whatever later runs see.
TOLD = ("noted",)
# What the mapping or its direction keeps from being made.
OUTSIDE = frozenset({"direction", "type_skipped", "out_of_scope"})


def begin(sync: Sync, lease: Lease) -> VisitRun:
    """Load a leased visit. Raises ParkedError where a person must decide first."""
    now = sync.clock()
    with sync.store.read() as conn:
        state = load(conn, lease, now)
    if state.row["frozen_at"] is not None:
        raise ParkedError("operator", "frozen", "too_many_writes")
    allowed.of_visit(sync, state.key)
    return VisitRun(sync, lease, _ticket(sync, state), sync.mapping, state)


def reconcile(run: VisitRun) -> None:
    """Bring one visit to where both sides agree, and give its lease back as done.

    Raises LaterError, ParkedError and the RemoteErrors of the calls; the caller gives back then.
    """
    sync, state = run.sync, run.state
    if state.is_group:
        groups.reconcile(run)
        return
    recover.resolve(run)
    due = wait_for_unresolved(sync, state)
    hints = hints_left(state)
    if not (hints.drchrono or hints.oncall or due.drchrono or due.oncall) and state.deliveries:
        finish(run, Plan())
        return
    sync.gate.begin(run.ticket)
    _read_hinted(run, _union(hints, due))
    _hear(run)
    quiet = _all_quiet(state) and not state.unresolved and not _waits(run)
    if quiet and not second.newcomers(run):
        _look_again_if_stale(run)
        _note_fruitless(run)
        finish(run, Plan())
        return
    for system in ("drchrono", "oncall"):
        read.read_side(run, system)
    by_marker.settle(run)
    _know_place(run)
    successors.settle(run)
    unreadable.of_visit(run)
    merged_charts.settle(run)
    _know_participant(run)
    second.settle(run)
    plan = make_plan(run)
    entry.settle(run, plan)
    if sync.live:
        with conflicts.recorded(run, plan):
            for effect in plan.effects:
                execute(run, effect)
    _look_again_if_stale(run)
    finish(run, plan)


def _hear(run: VisitRun) -> None:
    """Raise the person whose participant was renamed in OnCall."""
    state, shown = run.state, run.state.read.get("oncall")
    row, attended = state.participant, state.attendance
    if shown is None or row is None or attended is None or attended.person is None:
        return
    demographics.hear(run, row, attended.person, shown.json, state.stored)


def _ticket(sync: Sync, state: VisitState) -> Ticket:
    starts = starts_of(state)
    imminent = starts is not None and state.now <= starts <= state.now + sync.settings.imminent
    return Ticket(state.lease.lane, state.lease, imminent=imminent)


def _union(one: Hints, other: Hints) -> Hints:
    either = Hints(one.drchrono or other.drchrono, one.oncall or other.oncall)
    return either if either.drchrono or either.oncall else Hints.both()


def _read_hinted(run: VisitRun, hints: Hints) -> None:
    if hints.drchrono:
        read.read_side(run, "drchrono")
    if hints.oncall:
        read.read_side(run, "oncall")


def _all_quiet(state: VisitState) -> bool:
    """Whether what was hinted was read, is there, and asks for nothing."""
    return bool(state.read) and not state.gone and all(is_quiet(state, one) for one in state.read)


def _waits(run: VisitRun) -> bool:
    """Whether it was parked: what it waits for can be on the side that nothing was said about."""
    with run.sync.store.read() as conn:
        return links.is_blocked(conn, run.state.key)


def _know_place(run: VisitRun) -> None:
    """Note where a visit stands before anything can park it: its twin is found by that."""
    state = run.state
    if state.row["starts_at"] is not None:
        return
    with run.sync.store.write() as conn:
        for shown in state.read.values():
            twins.note_place(conn, state.key, shown.visit)


def _know_participant(run: VisitRun) -> None:
    """A visit of ours that came back by its own webhook still lacks its patient's participant."""
    state, shown = run.state, run.state.read.get("oncall")
    attended = state.attendance
    if shown is None or attended is None or attended.participant is not None:
        return
    with run.sync.store.write() as conn:
        record.participant(conn, run, shown.json)


def make_plan(run: VisitRun) -> Plan:
    """The plan for what was read; reads only, so a dry run is this too."""
    state, shown = run.state, run.state.read.get("drchrono")
    return plan_visit(
        state.view("drchrono"),
        state.view("oncall"),
        run.policy,
        state.now,
        creating=create.allowed(run.sync, doctor_of(state)),
        in_scope=shown is None or not out_of_scope(run.mapping, shown.visit),
        hold_until=state.row["hold_until"],
    )


def execute(run: VisitRun, effect: Effect) -> None:
    """Send one effect through the gate."""
    match effect:
        case CreateOncall():
            create.make_oncall(run)
        case CreateAppointment():
            create.make_appointment(run)
        case Patch("oncall", values):
            attended = run.state.attendance
            if "state" not in values and attended is not None and attended.person is not None:
                inactive.refuse(run, attended.person)
            generations.carry_to_oncall(run, effect, run.seats)
        case Patch():
            patch.patch_drchrono(run, effect)
        case Mark(system):
            markers.mark(run, system)
        case NextGeneration(cancel_old):
            generations.next_generation(run, run.seats, cancel_old=cancel_old)


# --- the end of a run -----------------------------------------------------------------------------


def _look_again_if_stale(run: VisitRun) -> None:
    """Ask for one more look when what was read can't be what the newest hint told of."""
    state = run.state
    if state.lease.attempts > 0:
        return
    bare = [d for d in state.deliveries if d.source == "oncall"]
    if bare and is_quiet(state, "oncall") and not is_own_echo(run, bare):
        raise LaterError(run.sync.clock() + LOOK_AGAIN, Hints.of("oncall"), failed=True)


def _note_fruitless(run: VisitRun) -> None:
    """Nothing was found behind what callers told, but for the echo of a write of ours."""
    state = run.state
    bare = [d for d in state.deliveries if d.source == "oncall"]
    for system in state.read:
        if system == "drchrono" or (bare and not is_own_echo(run, bare)):
            fruitless.note(run.sync, state.lease, state.object(system), state.deliveries)


def finish(run: VisitRun, plan: Plan) -> None:
    """Settle what needed no call, note what was seen, and give the lease back as done."""
    sync, state = run.sync, run.state
    now = sync.clock()
    held = plan.effects and not sync.live
    with sync.store.write() as conn:
        work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        rekeyed.visit(conn, sync, state)
        _adopt(conn, run, plan)
        if not sync.live:
            conflicts.note(conn, run, plan)
        for seat in run.seats:
            conflicts.note_gaps(conn, state, seat.appointment, seat.shown, now)
        _note_seen(conn, run, plan, carried=not held)
        looked_at(conn, state)
        journal.explain(conn, state.deliveries, now)
        links.unblock(conn, state.key)
        _tell(conn, run, plan)
        _want_contact(conn, run)
        work.complete(conn, state.lease, now=now)


def _want_contact(conn: Connection, run: VisitRun) -> None:
    """Raise the person of a linked visit who has no contact yet: a run may have ended before it."""
    state, mapping = run.state, run.mapping
    person = state.attendance.person if state.attendance else None
    doctor, made = doctor_of(state), state.object("oncall")
    if person is None or doctor is None or made is None or made.remote_id is None:
        return
    if state.row["state"] != "open" or mapping.doctor(doctor) is None or not run.sync.live:
        return
    if contacts.is_settled(conn, mapping, person, doctor) or contacts.is_told(conn, person):
        return
    work.raise_(conn, person, now=run.sync.clock(), hints=Hints.of("drchrono"))


def _adopt(conn: Connection, run: VisitRun, plan: Plan) -> None:
    stored = run.state.stored
    for system in ("drchrono", "oncall"):
        obj, shown = run.state.object(system), run.state.read.get(system)
        names = {name for side, name in plan.adopt if side == system}
        if obj is None or shown is None:
            continue
        if system == "oncall" and not plan.effects and (obj.id, "state") not in stored:
            names.add("state")  # the status that the create's answer lacked
        carried.settle(conn, run, obj, shown, names)


def _note_seen(conn: Connection, run: VisitRun, plan: Plan, *, carried: bool) -> None:
    state, now = run.state, run.sync.clock()
    for system, shown in state.read.items():
        obj = state.object(system)
        if obj is not None:
            links.change(conn, obj.id, seen_at=now, mark=shown.visit.mark)
            zones.note_if_unknown(conn, state, obj, shown)
    for system in state.gone if carried and not plan.held and not plan.asks else ():
        obj = state.object(system)
        if obj is not None:
            links.change(conn, obj.id, state="gone")
    values: dict[str, object] = {}
    starts, doctor = _starts_now(state, plan if carried else Plan()), doctor_of(state)
    if starts is not None:
        values["starts_at"] = starts
    if doctor is not None:
        values["doctor"] = doctor
    person = _who_holds(state, plan)
    if person is not None and starts is not None and doctor is not None:
        values["slot_key"] = twins.free_slot(conn, state.key, doctor, starts, person)
    values["hold_until"] = plan.wait_until
    if plan.closed and carried:
        values["state"] = "closed"
    elif _goes_on(conn, state, now):
        values["state"] = "open"
    conn.execute(update(visit).where(visit.c.aggregate == state.key).values(**values))


def _who_holds(state: VisitState, plan: Plan) -> int | None:
    """The person whose slot the visit holds: once taken it moves along.

    One that was linked when we had not made it takes it as soon as both sides are there.
    """
    if state.row["slot_key"]:
        return int(state.row["slot_key"].rpartition(":")[2])
    both = [state.object(system) for system in SYSTEMS]
    if state.attendance is None or any(one is None or not one.known for one in both):
        return None
    ends = any(isinstance(effect, NextGeneration) for effect in plan.effects)
    return None if ends else state.attendance.person


def _goes_on(conn: Connection, state: VisitState, now: datetime) -> bool:
    """Whether an end was taken back that only one side ever knew of: the same visit goes on.

    While it was over, its participant missed what changed in the chart: the person sees to that.
    """
    lives = [shown.visit.state for shown in state.read.values()]
    if state.row["state"] != "closed" or len(lives) < len(SYSTEMS):
        return False
    if not all(isinstance(life, State) and life.life is Life.OPEN for life in lives):
        return False
    if state.attendance is not None and state.attendance.person is not None:
        work.raise_(conn, state.attendance.person, now=now, hints=Hints.of("drchrono"))
    return True


def _starts_now(state: VisitState, plan: Plan) -> datetime | None:
    """When the visit begins now: as written by this run, else as read."""
    for effect in plan.effects:
        if isinstance(effect, Patch) and isinstance(effect.values.get("starts"), datetime):
            return cast("datetime", effect.values["starts"])
    return starts_of(state)


def _tell(conn: Connection, run: VisitRun, plan: Plan) -> None:
    key, now = run.state.key, run.sync.clock()
    journal.close_attention(conn, key, now, keep=(*plan.asks, *TOLD), keep_about=second.TOLD)
    for cause in plan.notes:
        journal.open_attention(conn, key, cause, now=now)
    for cause in plan.asks:
        if cause == "not_accepted":
            links.block(conn, key, kind="operator", ref="go-live", now=now)
            continue
        if cause == zones.UNKNOWN:
            doctor = doctor_of(run.state) or ""
            journal.open_attention(conn, 0, cause, now=now, candidates=[doctor])
            links.block(conn, key, kind="zone", ref=doctor, now=now)
            continue
        journal.open_attention(conn, key, cause, now=now)
        links.block(conn, key, kind="operator", ref=cause, now=now)
    if plan.skipped == "awaits_successor":
        successors.wake(conn, run)
    if plan.held or plan.skipped in OUTSIDE:
        links.block(conn, key, kind="mapping", ref=plan.skipped or "direction", now=now)
    if plan.effects and not run.sync.live:
        links.block(conn, key, kind="mode", ref="live", now=now)
        journal.bump(conn, "planned_effects", f"mode={run.sync.settings.sync_mode}")


def without_effects(run: VisitRun) -> Plan:
    """The plan of a visit as it stands, for the dry run; both sides are read."""
    if run.state.is_group:
        return groups.without_effects(run)
    for system in ("drchrono", "oncall"):
        read.read_side(run, system)
    return make_plan(run)
