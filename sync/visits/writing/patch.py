"""Carry changed fields to one side: the PATCH, its pending digests, and what success settles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Conflict
from sync.core.records import State
from sync.core.rules.effects import Patch
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.run import waiting
from sync.store.tables import baselines, links
from sync.store.tables.baselines import Settled
from sync.visits.state import carried, zones
from sync.visits.state.summary import doctor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.core.wording import Json
    from sync.outbound.call import Answer
    from sync.visits.state.model import Seat, VisitRun


def patch_oncall(
    run: VisitRun, effect: Patch, then: Callable[[Connection], None] | None = None
) -> None:
    """Write to the OnCall visit; what follows from it (`then`) is stored with its success."""
    sync, state = run.sync, run.state
    obj, shown = state.object("oncall"), state.read["oncall"]
    assert obj is not None and obj.remote_id is not None  # noqa: S101, PT018 - the plan saw it
    body = oncall_bodies.appointment_body(
        effect.values, base_url=sync.settings.oncall_base_url, mapping=run.mapping
    )
    written = sync.digests.fields(obj.id, oncall.wire("appointment", {**shown.json, **body}))
    pending = {(obj.id, name): written[name] for name in effect.values if name in written}

    def after(conn: Connection, answer: Answer) -> None:
        source = run.state.object("drchrono")
        settled = [carried.as_shown(run, source, run.state.read.get("drchrono"), effect.values)]
        if isinstance(answer.json, dict):
            settled += _answered(run, obj.id, answer.json, effect)
            links.change(conn, obj.id, seen_at=sync.clock())
        baselines.settle_each(conn, settled, sync.digests.key_id)
        if then is not None:
            then(conn)

    sync.oncall.patch_appointment(
        run.ticket.then(after),
        obj.remote_id,
        body,
        object_id=obj.id,
        fields=tuple(effect.values),
        effect=effect.effect,
        pending=pending,
        before=sync.digests.fields(obj.id, shown.wire),
        settled=carried.settled_of(run, obj),
        doctor=doctor_of(run.state),
    )


def _answered(run: VisitRun, object_id: int, json: dict[str, Json], effect: Patch) -> list[Settled]:
    """What OnCall made of the fields that were written.

    Its answer shows the others too, with edits that nobody has carried yet: those stay.
    """
    digests = run.sync.digests
    shown = oncall.wire("appointment", json)
    wire = {name: shown[name] for name in effect.values if name in shown}
    settled = [Settled(object_id, digests.fields(object_id, wire))]
    known = {o.remote_id: o.id for o in run.state.objects if o.kind == "participant"}
    for remote_id, one in participants_wire(json).items() if "state" in wire else ():
        row = known.get(remote_id)
        if row is not None:
            settled.append(Settled(row, digests.fields(row, {"state": one.get("state")})))
    return settled


def patch_drchrono(run: VisitRun, effect: Patch, seat: Seat) -> None:
    """Write to one attendance's appointment. Those of a shared visit may overlap.

    Raises ParkedError when the time is taken in every room that the mapping allows.
    """
    obj, shown = seat.appointment, seat.shown
    assert obj.remote_id is not None and shown is not None  # noqa: S101, PT018 - the plan saw it
    doctor = str(effect.values.get("provider") or shown.json.get("doctor") or doctor_of(run.state))
    values, shared = dict(effect.values), run.state.is_group
    if shared and "state" not in values:
        values["overlapping"] = True
    body = drchrono_bodies.appointment_body(values, doctor=doctor, mapping=run.mapping)
    if effect.effect == "cancel":
        body |= _note(run, shown.json)
    rooms = [] if shared else _other_rooms(run, doctor, shown.json.get("exam_room"))
    for room in (None, *rooms):
        tried = body if room is None else {**body, "exam_room": int(room)}
        try:
            _send_drchrono(run, effect, seat, doctor, tried)
        except Conflict as conflict:
            if conflict.code != "overlap":
                raise
            taken = conflict.other_id
        else:
            return
    raise waiting.overlap(taken, obj.id)


def _note(run: VisitRun, json: dict[str, Json]) -> dict[str, Json]:
    """Say in the appointment's notes who cancelled it in OnCall, where that is known."""
    ending = run.oncall()
    state = ending.visit.state if ending is not None else None
    by = state.by if isinstance(state, State) else None
    notes = drchrono_bodies.with_note(json, drchrono_bodies.cancel_note(by))
    return {} if notes is None else {"notes": notes}


def _other_rooms(run: VisitRun, doctor: str, current: object) -> list[str]:
    return [room for room in run.mapping.exam_rooms(doctor) if room != str(current)]


def _send_drchrono(
    run: VisitRun, effect: Patch, seat: Seat, doctor: str, body: dict[str, Json]
) -> None:
    sync, obj, shown = run.sync, seat.appointment, seat.shown
    assert obj.remote_id is not None and shown is not None  # noqa: S101, PT018 - as above
    written = sync.digests.fields(obj.id, drchrono.wire("appointment", {**shown.json, **body}))
    touched = set(effect.values) | ({"type"} if "exam_room" in body else set())
    touched |= {"starts"} if "provider" in touched else set()

    def after(conn: Connection, _answer: Answer) -> None:
        # DrChrono answers 204, nothing: what we sent stands, and the echo's body confirms it.
        if effect.settles:
            there = run.state.object("oncall")
            carried.settle(conn, run, there, run.state.read.get("oncall"), effect.values)
        if "state" in effect.values:
            carried.settle_participant(conn, run, seat)
        if "starts" in touched:
            zones.note_used(conn, obj.id, run.mapping.zone(doctor))
        # Its new `updated_at` is not told. What bears this one, or an older, is from before this.
        links.change(conn, obj.id, revision=shown.visit.revision)

    sync.drchrono.patch_appointment(
        run.ticket.then(after),
        obj.remote_id,
        body,
        object_id=obj.id,
        fields=tuple(effect.values),
        effect=effect.effect,
        pending={(obj.id, name): written[name] for name in touched if name in written},
        before=sync.digests.fields(obj.id, shown.wire),
        settled=carried.settled_of(run, obj),
        doctor=doctor_of(run.state),
    )
