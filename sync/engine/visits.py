"""One run of one visit: read what was hinted, plan, send the effects, settle what was carried."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, func, select, update

from sync.core.errors import Conflict
from sync.core.plan import (
    CreateAppointment,
    CreateOncall,
    Effect,
    Mark,
    NextGeneration,
    Patch,
    Plan,
    Policy,
    plan_visit,
)
from sync.core.records import Absent, State
from sync.core.wording import Json
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.engine import arrivals, creates, marking
from sync.engine.context import Sync
from sync.engine.outcomes import LaterError, ParkedError
from sync.engine.visit_state import (
    VisitState,
    hints_left,
    is_quiet,
    load,
    looked_at,
    newest_mark,
    participants_wire,
    read_side,
    starts_of,
    wait_for_unresolved,
)
from sync.mapping import Mapping
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.outbound.call import Answer
from sync.outbound.gate import Ticket
from sync.store import attendances, baselines, journal, links, work
from sync.store.schema import call, visit
from sync.store.work import Hints, Lease

# "Look once more after some seconds": lists and reads may be that stale (API v4, Requests).
LOOK_AGAIN = timedelta(seconds=3)
# A bare OnCall hint this soon after a write of ours is taken for its echo.
ECHO = timedelta(seconds=30)


@dataclass
class VisitRun:
    """What the steps of one run share."""

    sync: Sync
    state: VisitState
    ticket: Ticket
    mapping: Mapping

    @property
    def policy(self) -> Policy:
        """The clinic's policy as the plan asks for it."""
        told = self.mapping.policy
        return Policy(
            record="left" if told.system_of_record == "drchrono" else "right",
            new=told.on_first_difference,
            to_drchrono=self.mapping.may_write_drchrono,
            to_oncall=self.mapping.may_write_oncall,
            fees=told.fee_bearing_writes,
            window=timedelta(days=min(told.window_days, self.sync.settings.window_days)),
        )


def run(sync: Sync, lease: Lease) -> None:
    """Bring one leased visit to where both sides agree, and give the lease back as done.

    Raises LaterError, ParkedError and the RemoteErrors of the calls; the caller gives back then.
    """
    now = sync.clock()
    with sync.store.read() as conn:
        state = load(conn, lease, now)
    started = VisitRun(sync, state, _ticket(sync, state), sync.mapping)
    creates.resolve(started)
    due = wait_for_unresolved(sync, state)
    hints = hints_left(state)
    if not (hints.drchrono or hints.oncall or due.drchrono or due.oncall) and state.deliveries:
        finish(started, Plan())
        return
    _read_hinted(started, _union(hints, due))
    if _all_quiet(started, hints) and not state.unresolved:
        _look_again_if_stale(started)
        finish(started, Plan())
        return
    for system in ("drchrono", "oncall"):
        read_side(sync, state, system, started.ticket)
    arrivals.settle(started)
    plan = make_plan(started)
    if sync.live:
        for effect in plan.effects:
            execute(started, effect)
    _look_again_if_stale(started)
    finish(started, plan)


def _ticket(sync: Sync, state: VisitState) -> Ticket:
    starts = starts_of(state)
    imminent = starts is not None and state.now <= starts <= state.now + sync.settings.imminent
    return Ticket(state.lease.lane, state.lease, imminent=imminent)


def _union(one: Hints, other: Hints) -> Hints:
    either = Hints(one.drchrono or other.drchrono, one.oncall or other.oncall)
    return either if either.drchrono or either.oncall else Hints.both()


def _read_hinted(started: VisitRun, hints: Hints) -> None:
    if hints.drchrono:
        read_side(started.sync, started.state, "drchrono", started.ticket)
    if hints.oncall:
        read_side(started.sync, started.state, "oncall", started.ticket)


def _all_quiet(started: VisitRun, hints: Hints) -> bool:
    read = started.state.read
    return (
        bool(read)
        and all(is_quiet(started.state, system) for system in read)
        and (len(read) == int(hints.drchrono) + int(hints.oncall) or len(read) == 2)
    )


def make_plan(started: VisitRun) -> Plan:
    """The plan for what was read; reads only, so a dry run is this too."""
    state = started.state
    return plan_visit(
        state.view("drchrono"),
        state.view("oncall"),
        started.policy,
        state.now,
        creating=creates.allowed(started.sync),
    )


def execute(started: VisitRun, effect: Effect) -> None:
    """Send one effect through the gate."""
    match effect:
        case CreateOncall():
            creates.make_oncall(started)
        case CreateAppointment():
            creates.make_appointment(started)
        case Patch("oncall"):
            _patch_oncall(started, effect)
        case Patch():
            _patch_drchrono(started, effect)
        case Mark(system):
            marking.mark(started, system)
        case NextGeneration(cancel_old):
            _next_generation(started, cancel_old=cancel_old)


# --- writing --------------------------------------------------------------------------------------


def _patch_oncall(started: VisitRun, effect: Patch) -> None:
    sync, state = started.sync, started.state
    obj, shown = state.object("oncall"), state.read["oncall"]
    assert obj is not None and obj.remote_id is not None  # noqa: S101, PT018 - the plan saw it
    body = oncall_bodies.appointment_body(
        effect.values, base_url=sync.settings.oncall_base_url, mapping=started.mapping
    )
    written = sync.digests.fields(obj.id, oncall.wire("appointment", {**shown.json, **body}))
    pending = {(obj.id, name): written[name] for name in effect.values if name in written}

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            settle_oncall(conn, started, obj.id, answer.json)
        _carried(conn, started, "drchrono", effect)

    sync.oncall.patch_appointment(
        started.ticket.then(after),
        obj.remote_id,
        body,
        object_id=obj.id,
        fields=tuple(effect.values),
        effect=effect.effect,
        pending=pending,
        doctor=doctor_of(started),
    )


def settle_oncall(
    conn: Connection, started: VisitRun, object_id: int, json: dict[str, Json]
) -> None:
    """Move the baselines of a visit and of its participants to what OnCall answered."""
    digests = started.sync.digests
    wire = oncall.wire("appointment", json)
    baselines.settle(conn, object_id, digests.fields(object_id, wire), digests.key_id)
    known = {o.remote_id: o.id for o in started.state.objects if o.kind == "participant"}
    for remote_id, one in participants_wire(json).items():
        row = known.get(remote_id)
        if row is not None:
            baselines.settle(
                conn, row, digests.fields(row, {"state": one.get("state")}), digests.key_id
            )
    links.change(conn, object_id, seen_at=started.sync.clock())


def _carried(conn: Connection, started: VisitRun, source: str, effect: Patch) -> None:
    """The other side's baselines move with the success of the call that carried its change."""
    obj, shown = started.state.object(source), started.state.read.get(source)
    if obj is None or shown is None:
        return
    digests = started.sync.digests
    wire = {name: shown.wire[name] for name in effect.values if name in shown.wire}
    if wire:
        baselines.settle(
            conn, obj.id, digests.fields(obj.id, wire), digests.key_id, zone=shown.visit.zone
        )


def _patch_drchrono(started: VisitRun, effect: Patch) -> None:
    state = started.state
    obj, shown = state.object("drchrono"), state.read["drchrono"]
    assert obj is not None and obj.remote_id is not None  # noqa: S101, PT018 - the plan saw it
    doctor = str(effect.values.get("provider") or doctor_of(started))
    body = drchrono_bodies.appointment_body(effect.values, doctor=doctor, mapping=started.mapping)
    ending = state.read.get("oncall")
    if effect.effect == "cancel" and ending and isinstance(ending.visit.state, State):
        notes = drchrono_bodies.with_note(
            shown.json, drchrono_bodies.cancel_note(ending.visit.state.by)
        )
        body |= {} if notes is None else {"notes": notes}
    rooms = [None, *_other_rooms(started, doctor, shown.json.get("exam_room"))]
    for room in rooms:
        tried = body if room is None else {**body, "exam_room": int(room)}
        try:
            _send_drchrono(started, effect, obj.id, obj.remote_id, tried)
        except Conflict as conflict:
            if conflict.code != "overlap":
                raise
            taken = conflict.other_id
        else:
            return
    raise ParkedError("operator", str(obj.id), "overlap", obj.id, (taken,) if taken else ())


def _other_rooms(started: VisitRun, doctor: str, current: object) -> list[str]:
    return [room for room in started.mapping.exam_rooms(doctor) if room != str(current)]


def _send_drchrono(
    started: VisitRun, effect: Patch, object_id: int, remote_id: str, body: dict[str, Json]
) -> None:
    sync, state = started.sync, started.state
    shown = state.read["drchrono"]
    merged = {**shown.json, **body}
    written = sync.digests.fields(object_id, drchrono.wire("appointment", merged))
    touched = set(effect.values) | ({"type"} if "exam_room" in body else set())
    touched |= {"starts"} if "provider" in touched else set()
    pending = {(object_id, name): written[name] for name in touched if name in written}

    def after(conn: Connection, _answer: Answer) -> None:
        # DrChrono answers 204, nothing: what we sent stands, and the echo's body confirms it.
        _carried(conn, started, "oncall", effect)

    sync.drchrono.patch_appointment(
        started.ticket.then(after),
        remote_id,
        body,
        object_id=object_id,
        fields=tuple(effect.values),
        effect=effect.effect,
        pending=pending,
        doctor=doctor_of(started),
    )


def doctor_of(started: VisitRun) -> str | None:
    """The doctor concerned, as DrChrono shows it, else as stored."""
    shown = started.state.read.get("drchrono") or started.state.read.get("oncall")
    if shown is not None and not isinstance(shown.visit.provider, Absent):
        return shown.visit.provider
    stored: str | None = started.state.row["doctor"]
    return stored


def _next_generation(started: VisitRun, *, cancel_old: bool) -> None:
    """Start the visit's next life: what is open now gets an OnCall visit of its own."""
    sync, state = started.sync, started.state
    if cancel_old:
        _patch_oncall(started, Patch("oncall", {"state": "cancelled"}, "cancel"))
    attended = state.attendance
    with sync.store.write() as conn:
        work.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        conn.execute(
            update(visit)
            .where(visit.c.aggregate == state.key)
            .values(generation=state.generation + 1, state="open")
        )
        if attended is not None:
            attendances.change_attendance(conn, attended.id, current=False)
            attendances.attend(
                conn, state.key, appointment=attended.appointment, life=attended.life + 1
            )
        work.raise_(conn, state.key, now=sync.clock(), hints=Hints.of("drchrono"))


# --- the end of a run -----------------------------------------------------------------------------


def _look_again_if_stale(started: VisitRun) -> None:
    """Ask for one more look when what was read can't be what the newest hint told of."""
    state = started.state
    if state.lease.attempts > 0:
        return
    shown, mark = state.read.get("drchrono"), newest_mark(state)
    if shown is not None and mark is not None and shown.visit.mark and shown.visit.mark < mark:
        raise LaterError(started.sync.clock() + LOOK_AGAIN, Hints.of("drchrono"), failed=True)
    bare = [d for d in state.deliveries if d.source == "oncall"]
    if bare and is_quiet(state, "oncall") and not _own_echo(started, bare):
        raise LaterError(started.sync.clock() + LOOK_AGAIN, Hints.of("oncall"), failed=True)


def _own_echo(started: VisitRun, bare: list[journal.Delivery]) -> bool:
    """Whether the newest bare hint followed a write of ours closely, and so tells of that."""

    objects = [o.id for o in started.state.objects if o.system == "oncall"]
    with started.sync.store.read() as conn:
        last = conn.execute(
            select(func.max(call.c.ended_at)).where(
                call.c.object.in_(objects), call.c.effect != "", call.c.state == "done"
            )
        ).scalar_one()
    return last is not None and bare[-1].at <= last + ECHO


def finish(started: VisitRun, plan: Plan) -> None:
    """Settle what needed no call, note what was seen, and give the lease back as done."""
    sync, state = started.sync, started.state
    now = sync.clock()
    held = plan.effects and not sync.live
    with sync.store.write() as conn:
        work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        _adopt(conn, started, plan)
        for system, name in plan.conflicts:
            obj = state.object(system)
            if obj is not None:
                journal.note_conflict(conn, obj.id, name, "overwritten", now)
        _note_seen(conn, started, plan, carried=not held)
        looked_at(conn, state)
        journal.explain(conn, state.deliveries, now)
        links.unblock(conn, state.key)
        _tell(conn, started, plan)
        work.complete(conn, state.lease, now=now)


def _adopt(conn: Connection, started: VisitRun, plan: Plan) -> None:
    digests, stored = started.sync.digests, started.state.stored
    for system in ("drchrono", "oncall"):
        obj, shown = started.state.object(system), started.state.read.get(system)
        names = {name for side, name in plan.adopt if side == system}
        if obj is None or shown is None:
            continue
        if system == "oncall" and not plan.effects and (obj.id, "state") not in stored:
            names.add("state")  # the status that the create's answer lacked
        wire = {name: value for name, value in shown.wire.items() if name in names}
        if wire:
            baselines.settle(
                conn, obj.id, digests.fields(obj.id, wire), digests.key_id, zone=shown.visit.zone
            )


def _note_seen(conn: Connection, started: VisitRun, plan: Plan, *, carried: bool) -> None:
    state, now = started.state, started.sync.clock()
    for system, shown in state.read.items():
        obj = state.object(system)
        if obj is not None:
            links.change(conn, obj.id, seen_at=now, mark=shown.visit.mark)
    if carried:
        for system in state.gone:
            obj = state.object(system)
            if obj is not None and not plan.held and not plan.asks:
                links.change(conn, obj.id, state="gone")
    values: dict[str, object] = {}
    starts, doctor = starts_of(state), doctor_of(started)
    if starts is not None:
        values["starts_at"] = starts
    if doctor is not None:
        values["doctor"] = doctor
    values["hold_until"] = plan.wait_until
    if plan.closed and carried:
        values["state"] = "closed"
    conn.execute(update(visit).where(visit.c.aggregate == state.key).values(**values))


def _tell(conn: Connection, started: VisitRun, plan: Plan) -> None:
    key, now = started.state.key, started.sync.clock()
    journal.close_attention(conn, key, now, keep=plan.asks)
    for cause in plan.asks:
        if cause == "not_accepted":
            links.block(conn, key, kind="operator", ref="go-live", now=now)
            continue
        journal.open_attention(conn, key, cause, now=now)
        links.block(conn, key, kind="operator", ref=cause, now=now)
    if plan.skipped == "direction" or plan.skipped == "type_skipped":
        links.block(conn, key, kind="mapping", ref=plan.skipped, now=now)
    if plan.effects and not started.sync.live:
        journal.bump(conn, "planned_effects", f"mode={started.sync.settings.sync_mode}")


def without_effects(started: VisitRun) -> Plan:
    """The plan of a visit as it stands, for the dry run; both sides are read."""
    for system in ("drchrono", "oncall"):
        read_side(started.sync, started.state, system, started.ticket)
    return make_plan(started)
