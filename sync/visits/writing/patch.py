"""Carrying changed fields to one side: the PATCH, its pending digests, and what success settles."""

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
from sync.visits.state import carried, zones
from sync.visits.state.summary import doctor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.core.wording import Json
    from sync.outbound.call import Answer
    from sync.visits.state.model import VisitRun


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
        if isinstance(answer.json, dict):
            _settle_answer(conn, run, obj.id, answer.json, effect)
        carried.settle(
            conn, run, run.state.object("drchrono"), run.state.read.get("drchrono"), effect.values
        )
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
        doctor=doctor_of(run.state),
    )


def _settle_answer(
    conn: Connection, run: VisitRun, object_id: int, json: dict[str, Json], effect: Patch
) -> None:
    """Move the baselines of the fields that were written to what OnCall made of them.

    Its answer shows the others too, with edits that nobody has carried yet: those stay.
    """
    digests = run.sync.digests
    shown = oncall.wire("appointment", json)
    wire = {name: shown[name] for name in effect.values if name in shown}
    baselines.settle(conn, object_id, digests.fields(object_id, wire), digests.key_id)
    known = {o.remote_id: o.id for o in run.state.objects if o.kind == "participant"}
    for remote_id, one in participants_wire(json).items() if "state" in wire else ():
        row = known.get(remote_id)
        if row is not None:
            baselines.settle(
                conn, row, digests.fields(row, {"state": one.get("state")}), digests.key_id
            )
    links.change(conn, object_id, seen_at=run.sync.clock())


def _carried(conn: Connection, run: VisitRun, source: str, effect: Patch) -> None:
    """The other side's baselines move with the success of the call that carried its change."""
    obj, shown = run.state.object(source), run.state.read.get(source)
    carried.settle(conn, run, obj, shown, effect.values)


def patch_drchrono(run: VisitRun, effect: Patch) -> None:
    state = run.state
    obj, shown = state.object("drchrono"), state.read["drchrono"]
    assert obj is not None and obj.remote_id is not None  # noqa: S101, PT018 - the plan saw it
    doctor = str(effect.values.get("provider") or doctor_of(run.state))
    body = drchrono_bodies.appointment_body(effect.values, doctor=doctor, mapping=run.mapping)
    ending = state.read.get("oncall")
    if effect.effect == "cancel" and ending and isinstance(ending.visit.state, State):
        notes = drchrono_bodies.with_note(
            shown.json, drchrono_bodies.cancel_note(ending.visit.state.by)
        )
        body |= {} if notes is None else {"notes": notes}
    rooms = [None, *_other_rooms(run, doctor, shown.json.get("exam_room"))]
    for room in rooms:
        tried = body if room is None else {**body, "exam_room": int(room)}
        try:
            _send_drchrono(run, effect, obj.id, obj.remote_id, tried)
        except Conflict as conflict:
            if conflict.code != "overlap":
                raise
            taken = conflict.other_id
        else:
            return
    raise waiting.overlap(taken, obj.id)


def _other_rooms(run: VisitRun, doctor: str, current: object) -> list[str]:
    return [room for room in run.mapping.exam_rooms(doctor) if room != str(current)]


def _send_drchrono(
    run: VisitRun, effect: Patch, object_id: int, remote_id: str, body: dict[str, Json]
) -> None:
    sync, state = run.sync, run.state
    shown = state.read["drchrono"]
    merged = {**shown.json, **body}
    written = sync.digests.fields(object_id, drchrono.wire("appointment", merged))
    touched = set(effect.values) | ({"type"} if "exam_room" in body else set())
    touched |= {"starts"} if "provider" in touched else set()
    pending = {(object_id, name): written[name] for name in touched if name in written}

    def after(conn: Connection, _answer: Answer) -> None:
        # DrChrono answers 204, nothing: what we sent stands, and the echo's body confirms it.
        carried.settle(
            conn, run, run.state.object("oncall"), run.state.read.get("oncall"), effect.values
        )
        if "starts" in touched:
            owner = str(effect.values.get("provider") or doctor_of(state))
            zones.note_used(conn, object_id, run.mapping.zone(owner))
        # Its new `updated_at` is not told. What bears this one, or an older, is from before this.
        links.change(conn, object_id, mark=shown.visit.mark)

    sync.drchrono.patch_appointment(
        run.ticket.then(after),
        remote_id,
        body,
        object_id=object_id,
        fields=tuple(effect.values),
        effect=effect.effect,
        pending=pending,
        before=sync.digests.fields(object_id, shown.wire),
        doctor=doctor_of(run.state),
    )
