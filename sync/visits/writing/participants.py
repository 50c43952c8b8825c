"""Cancel one participant of a visit that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Gone
from sync.core.records import Life
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.store.tables import links
from sync.visits.state import carried
from sync.visits.state.model import Seat, VisitRun

if TYPE_CHECKING:
    from sync.outbound.call import Answer


def cancel(run: VisitRun, seat: Seat) -> None:
    """Cancel one member's participant; what ended the appointment is carried by that."""
    sync, row = run.sync, seat.participant
    if row is None or row.remote_id is None or _is_cancelled(run, row.remote_id):
        return
    body = oncall_bodies.participant_body({"state": Life.CANCELLED})
    written = sync.digests.fields(row.id, oncall.wire("participant", body))

    def after(conn: Connection, _answer: Answer) -> None:
        carried.settle(conn, run, seat.appointment, seat.shown, ("state",))

    try:
        sync.oncall.patch_participant(
            run.ticket.then(after),
            row.remote_id,
            body,
            object_id=row.id,
            fields=("state",),
            effect="cancel",
            pending={(row.id, name): digest for name, digest in written.items()},
            doctor=run.slot.doctor,
        )
    except Gone:
        with sync.store.write() as conn:
            links.change(conn, row.id, state="gone")
    _note_cancelled(run, row.remote_id)


def _note_cancelled(run: VisitRun, remote_id: str) -> None:
    """Note it in what was read of the list: `_extend` writes that, and nobody may come back."""
    shown = run.oncall()
    listed = shown.json.get("participants") if shown is not None else None
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and oncall.to_attendee(one).remote_id == remote_id:
            one["cancelled"] = True


def _is_cancelled(run: VisitRun, remote_id: str) -> bool:
    shown = run.oncall()
    attendees = shown.visit.attendees if shown is not None else ()
    return any(who.remote_id == remote_id and who.cancelled is True for who in attendees)
