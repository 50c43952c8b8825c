"""What follows a group's plan: appointments are written, who left goes, what was seen is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, or_, update

from sync.core.rules.effects import Patch
from sync.core.rules.group import PRESENT, Fate, GroupPlan
from sync.core.rules.plan import Plan
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.oncall.translate import participants_wire
from sync.people import contacts
from sync.run import rekeying, waiting
from sync.run.outcomes import LOOK_AGAIN, LaterError, ParkedError
from sync.store.schema import attention, blocker, visit
from sync.store.tables import attendances, baselines, journal, links, work
from sync.store.tables.work import Hints
from sync.visits.groups import participants, second
from sync.visits.state import carried, rekeyed, zones
from sync.visits.state.echo import is_own_echo
from sync.visits.state.load import has_participant, looked_at
from sync.visits.state.model import TOLD, Seat, VisitRun
from sync.visits.writing import conflicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.core.wording import Json
    from sync.outbound.call import Answer

# Attention that stands until somebody has read it, whatever later runs see.
TO_BE_READ = ("noted", journal.FIELD_REFUSED, participants.LOST, *second.TOLD)


# --- to DrChrono ----------------------------------------------------------------------------------


def write_appointments(run: VisitRun, members: GroupPlan, fields: Plan) -> None:
    """Carry OnCall's changes to the members' appointments; then OnCall's baselines move."""
    patch = next(
        (e for e in fields.effects if isinstance(e, Patch) and e.system == "drchrono"), None
    )
    for one in members.of(Fate.ENDED):
        _write(run, run.seat(one), {"state": members.lives[one]}, "cancel")
    if patch is not None:
        for one in members.of(Fate.STAYS, Fate.FOLLOWS):
            _write(run, run.seat(one), patch.values, "update")
        _settle_oncall(run, tuple(patch.values))
    if run.oncall_over() is not None:
        _settle_oncall(run, ("state",))


def _write(run: VisitRun, seat: Seat, values: Mapping[str, object], effect: str) -> None:
    """One appointment. Members stand in one slot on purpose, so they may overlap."""
    sync, obj, shown = run.sync, seat.appointment, seat.shown
    if shown is None or obj.remote_id is None:
        return
    doctor = str(values.get("provider") or shown.json.get("doctor"))
    overlap = {} if effect == "cancel" else {"overlapping": True}
    body = drchrono_bodies.appointment_body(
        {**values, **overlap}, doctor=doctor, mapping=run.mapping
    )
    if effect == "cancel":
        body |= _note(run, shown.json)
    written = sync.digests.fields(obj.id, drchrono.wire("appointment", {**shown.json, **body}))
    touched = set(values) | ({"starts"} if "provider" in values else set())

    def after(conn: Connection, _answer: Answer) -> None:
        # What bears this `updated_at`, or an older one, is from before this write.
        links.change(conn, obj.id, mark=shown.visit.mark)
        if "starts" in touched:
            zones.note_used(conn, obj.id, run.mapping.zone(doctor))
        if effect == "cancel":
            _settle_participant(conn, run, seat)

    sync.drchrono.patch_appointment(
        run.ticket.then(after),
        obj.remote_id,
        body,
        object_id=obj.id,
        fields=tuple(values),
        effect=effect,
        pending={(obj.id, name): written[name] for name in touched if name in written},
        before=sync.digests.fields(obj.id, shown.wire),
        doctor=doctor,
    )


def _note(run: VisitRun, json: dict[str, Json]) -> dict[str, Json]:
    over = run.oncall_over()
    notes = drchrono_bodies.with_note(json, drchrono_bodies.cancel_note(over.by if over else None))
    return {} if notes is None else {"notes": notes}


def _settle_participant(conn: Connection, run: VisitRun, seat: Seat) -> None:
    shown, row, digests = run.oncall(), seat.participant, run.sync.digests
    if shown is None or row is None or row.remote_id is None:
        return
    wire = participants_wire(shown.json).get(row.remote_id, {})
    if "state" in wire:
        baselines.settle(
            conn, row.id, digests.fields(row.id, {"state": wire["state"]}), digests.key_id
        )


def _settle_oncall(run: VisitRun, names: tuple[str, ...]) -> None:
    """Every member has OnCall's change: it is carried."""
    sync, obj, shown = run.sync, run.state.object("oncall"), run.oncall()
    if obj is None or shown is None:
        return
    with sync.store.write() as conn:
        work.hold(conn, run.state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        carried.settle(conn, run, obj, shown, names)


# --- who goes -------------------------------------------------------------------------------------


def send_away(run: VisitRun, members: GroupPlan) -> None:
    """Give every appointment that left a visit of its own, which finds its slot by its own run."""
    sync, state = run.sync, run.state
    leaving = [run.seat(one) for one in members.of(Fate.LEAVES)]
    if not leaving:
        return
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        for seat in leaving:
            attendances.change_attendance(conn, seat.attended.id, current=False)
            own = links.new_aggregate(conn, "visit", now)
            links.change(conn, seat.appointment.id, aggregate=own, marked=False)
            _forget_told(conn, state.key, seat.appointment.id)
            work.raise_(conn, own, now=now, hints=Hints.of("drchrono"), lane=state.lease.lane)
    # Nothing about them is this visit's to explain any more.
    gone = {seat.appointment.id for seat in leaving}
    state.deliveries = [d for d in state.deliveries if d.object not in gone]
    state.seats = [seat for seat in run.seats if seat.appointment.id not in gone]


def _forget_told(conn: Connection, key: int, object_id: int) -> None:
    conn.execute(delete(blocker).where(blocker.c.aggregate == key, blocker.c.object == object_id))
    conn.execute(
        delete(attention).where(
            attention.c.aggregate == key,
            attention.c.object == object_id,
            attention.c.closed_at.is_(None),
        )
    )


# --- the end of a run -----------------------------------------------------------------------------


def look_again_if_stale(run: VisitRun, members: GroupPlan) -> None:
    """Ask for one more look when what was read can't be what the newest hint told of."""
    state, sync = run.state, run.sync
    if state.lease.attempts > 0:
        return
    bare = [d for d in state.deliveries if d.source == "oncall"]
    if bare and members.quiet and not is_own_echo(run, bare):
        raise LaterError(sync.clock() + LOOK_AGAIN, Hints.of("oncall"), failed=True)


def finish(
    run: VisitRun, members: GroupPlan, fields: Plan, parked: Mapping[int, ParkedError]
) -> None:
    """Settle what needed no call, note what was seen, and give the lease back as done."""
    sync, state = run.sync, run.state
    held = not sync.live and not (members.quiet and not fields.effects)
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        rekeyed.visit(conn, sync, state)
        for seat in run.seats:
            if seat.shown is not None:
                wire = seat.shown.wire
                rekeying.shown(conn, sync.digests, seat.appointment.id, wire, state.stored)
            conflicts.note_gaps(conn, state, seat.appointment, seat.shown, now)
        if not held:
            _settle(conn, run, members, fields)
            if not sync.live:
                conflicts.note(conn, run, fields, run.overwritten)
        _note_seen(conn, run, members, held=held)
        _tell(conn, run, members, fields, parked)
        if held:
            links.block(conn, state.key, kind="mode", ref="live", now=now)
        _want_contacts(conn, run)
        looked_at(conn, state)
        journal.explain(conn, state.deliveries, now)
        work.complete(conn, state.lease, now=now)


def _want_contacts(conn: Connection, run: VisitRun) -> None:
    """Raise the members who have no contact yet: a run may have ended before it."""
    sync, mapping, doctor = run.sync, run.mapping, run.slot.doctor
    if not sync.live or mapping.doctor(doctor) is None or run.oncall_over() is not None:
        return
    for seat in run.seats:
        person = seat.attended.person
        if person is None or not has_participant(seat):
            continue
        if contacts.is_settled(conn, mapping, person, doctor) or contacts.is_told(conn, person):
            continue
        work.raise_(conn, person, now=sync.clock(), hints=Hints.of("drchrono"))


def _settle(conn: Connection, run: VisitRun, members: GroupPlan, fields: Plan) -> None:
    """What was carried or says the same on both sides: its baselines move."""
    back = {n for e in fields.effects if isinstance(e, Patch) and e.system == "drchrono"
            for n in e.values}  # fmt: skip
    kept = back | set(fields.held) | {ask.removesuffix("_differs") for ask in fields.asks}
    for seat in run.seats:
        fate = members.fates.get(seat.attended.id)
        if fate is Fate.STAYS:
            carried.settle(conn, run, seat.appointment, seat.shown, TOLD - kept)
        elif fate in {Fate.NOTED, Fate.OVER, Fate.ENDS}:
            carried.settle(conn, run, seat.appointment, seat.shown, ("state",))
            _settle_participant(conn, run, seat)
        if seat.gone and fate in {Fate.ENDS, Fate.OVER, Fate.NOTED}:
            links.change(conn, seat.appointment.id, state="gone")
    if members.ends is not None:
        return
    names = {name for system, name in fields.adopt if system == "oncall"} | {"state"}
    for one in fields.effects:
        if isinstance(one, Patch) and one.system == "oncall":
            names -= one.values.keys()  # settled with the answer
    carried.settle(conn, run, run.state.object("oncall"), run.oncall(), names)


def _note_seen(conn: Connection, run: VisitRun, members: GroupPlan, *, held: bool) -> None:
    sync, state = run.sync, run.state
    now = sync.clock()
    for seat in run.seats:
        if seat.shown is not None:
            links.change(conn, seat.appointment.id, seen_at=now, mark=seat.shown.visit.mark)
    obj = state.object("oncall")
    if run.oncall() is not None and obj is not None:
        links.change(conn, obj.id, seen_at=now)
    if obj is not None and "oncall" in state.gone and not held:
        links.change(conn, obj.id, state="gone")
    values: dict[str, object] = {"hold_until": None}
    if members.of(Fate.WAITS):
        grace = timedelta(seconds=sync.settings.grace_seconds)
        values["hold_until"] = state.row["hold_until"] or now + grace
        for seat in (run.seat(one) for one in members.of(Fate.WAITS)):
            for key in links.blocked_on(conn, "visit", str(seat.appointment.remote_id)):
                work.raise_(conn, key, now=now, hints=Hints.of("drchrono"))
    here = [fate for fate in members.fates.values() if fate in PRESENT]
    waits = not members.fates and run.oncall_over() is None and bool(run.slot.born)
    if not held:
        values["state"] = "open" if here or waits else "closed"
        if here and state.row["state"] == "closed":
            _goes_on(conn, run, members)
    conn.execute(update(visit).where(visit.c.aggregate == state.key).values(**values))


def _goes_on(conn: Connection, run: VisitRun, members: GroupPlan) -> None:
    """Raise the people of members whose end was taken back before OnCall knew of it.

    While the visit was over, its participants missed what changed in the charts.
    """
    now = run.sync.clock()
    for seat in (run.seat(one) for one in members.of(Fate.STAYS)):
        if seat.shown is not None and seat.attended.person is not None:
            work.raise_(conn, seat.attended.person, now=now, hints=Hints.of("drchrono"))


def _tell(
    conn: Connection,
    run: VisitRun,
    members: GroupPlan,
    fields: Plan,
    parked: Mapping[int, ParkedError],
) -> None:
    """Attention and blockers: of the visit anew, of a member only when it was looked at."""
    key, now = run.state.key, run.sync.clock()
    looked = [s.appointment.id for s in run.seats if s.read]
    asks = set(fields.asks)
    asks |= {"state_differs"} if members.of(Fate.ASK) else set()
    asks |= {"left_scope"} if members.of(Fate.LEFT_SCOPE) else set()
    still = {seat.appointment.id: why for one, why in parked.items()
             for seat in run.seats if seat.attended.id == one}  # fmt: skip
    causes = {why.cause or "" for why in still.values()}
    odd = [(seat.appointment.id, cause) for seat in run.seats for cause in sorted(seat.odd)]
    causes |= {cause for _object, cause in odd}
    conn.execute(
        delete(blocker).where(
            blocker.c.aggregate == key, or_(blocker.c.object == 0, blocker.c.object.in_(looked))
        )
    )
    conn.execute(
        update(attention)
        .where(
            attention.c.aggregate == key,
            attention.c.closed_at.is_(None),
            attention.c.cause.not_in(TO_BE_READ),
            or_(attention.c.object == 0, attention.c.object.in_(looked)),
            attention.c.cause.not_in(asks | causes),
        )
        .values(closed_at=now)
    )
    for object_id, cause in odd:
        journal.open_attention(conn, key, cause, now=now, object_id=object_id)
    for cause in fields.notes:
        journal.open_attention(conn, key, cause, now=now)
    for cause in sorted(asks):
        journal.open_attention(conn, key, cause, now=now)
        links.block(conn, key, kind="operator", ref=cause, now=now)
    for object_id, why in still.items():
        waiting.block(conn, key, why, now=now, object_id=object_id)
        if why.cause is not None:
            journal.open_attention(conn, key, why.cause, now=now, object_id=object_id)
    if fields.held or members.of(Fate.HELD):
        links.block(conn, key, kind="mapping", ref="direction", now=now)
