"""Write our marker into a remote object, and keep every foreign entry beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.errors import Refused
from sync.core.records import Marker
from sync.drchrono import bodies as drchrono_bodies
from sync.oncall import bodies as oncall_bodies
from sync.run.evidence import sealing
from sync.run.markers import do_without
from sync.run.outcomes import ParkedError
from sync.store.tables import links

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.wording import Json
    from sync.outbound.call import Answer
    from sync.store.tables.links import Obj
    from sync.visits.state.model import Seat, VisitRun


def marker_for(run: VisitRun, other: str | None, seat: Seat | None = None) -> Marker:
    """The marker of this visit's present generation; `other` is the counterpart's remote id.

    `seat` is whose appointment of a shared visit it is for. Raises ParkedError
    while the accounts are not connected: no installation has a name then.
    """
    name = run.making().name
    if name is None:
        raise ParkedError("auth", "drchrono", "not_connected")
    state = run.state
    attended = seat.attended if seat is not None else state.attendance
    return Marker(
        installation=name,
        aggregate=state.key,
        generation=state.generation,
        life=attended.life if attended else 1,
        other=other,
        occurrence=None if state.is_group else state.row.occurrence_key,
    )


def mark(run: VisitRun, system: str, seat: Seat | None = None) -> None:
    """Write the marker into one side's appointment, if it is not there and can be there.

    `seat` is whose appointment of a shared visit it is.
    """
    state = run.state
    obj, shown = state.object(system), state.read.get(system)
    if seat is not None:
        obj, shown = seat.appointment, seat.shown
    if obj is None or obj.remote_id is None or shown is None or obj.has_marker:
        return
    wanted = marker_for(run, _counterpart(run, system), seat)
    if seat is not None and wanted.other is None:
        return  # there is no OnCall visit to name yet
    if is_written(run, system, obj, shown.visit.marker, wanted):
        with run.sync.store.write() as conn:
            links.change(conn, obj.id, has_marker=True)
    elif system == "oncall":
        mark_oncall(run, obj, shown.json, wanted)
    else:
        mark_appointment(run, obj, shown.json, wanted)


def _counterpart(run: VisitRun, system: str) -> str | None:
    """The remote id that a marker names; of a shared visit it names no appointment."""
    if run.state.is_group and system == "oncall":
        return None
    other = run.state.object("oncall" if system == "drchrono" else "drchrono")
    return other.remote_id if other else None


def is_written(run: VisitRun, system: str, obj: Obj, shown: object, wanted: Marker) -> bool:
    """Whether an appointment bears that marker, with a seal that holds or from before seals."""
    digests, remote_id = run.sync.digests, str(obj.remote_id)
    return shown == wanted and not sealing.is_broken(
        digests, shown, system, "appointment", remote_id
    )


def mark_oncall(run: VisitRun, obj: Obj, json: dict[str, Json], marker: Marker) -> None:
    """Write the marker into an OnCall visit's metadata. Nobody is mailed about metadata."""
    marker = sealing.seal(run.sync.digests, marker, "oncall", "appointment", obj.remote_id)
    body: dict[str, Json] = {"metadata": oncall_bodies.with_marker(json.get("metadata"), marker)}
    _send(run, "oncall", obj, body)


def mark_appointment(run: VisitRun, obj: Obj, json: dict[str, Json], marker: Marker) -> None:
    """Write the marker, and the address staff open, into the appointment's custom field.

    The list is written only when it was returned, and whole. Nothing is written on a virtual
    occurrence, which writing might make real, nor where the account has no such field.
    """
    existing, doctor = json.get("custom_fields"), str(json.get("doctor"))
    field_id = run.making().fields.get(doctor)
    if field_id is None or not isinstance(existing, list) or not str(obj.remote_id).isdecimal():
        return
    link = run.mapping.visit_link(marker.other) if marker.other else ""
    marker = sealing.seal(run.sync.digests, marker, "drchrono", "appointment", obj.remote_id)
    fields = drchrono_bodies.with_marker("appointment", existing, field_id, marker, link=link)
    _send(run, "drchrono", obj, {"custom_fields": fields})


def _send(run: VisitRun, system: str, obj: Obj, body: dict[str, Json]) -> None:
    def after(conn: Connection, _answer: Answer) -> None:
        links.change(conn, obj.id, has_marker=True, marker_key=run.sync.digests.key_id)

    client = run.sync.oncall if system == "oncall" else run.sync.drchrono
    try:
        client.patch_appointment(
            run.ticket.then(after),
            str(obj.remote_id),
            body,
            object_id=obj.id,
            fields=("marker",),
            effect="marker",
        )
    except Refused as refusal:
        do_without(run.sync, obj, refusal)
