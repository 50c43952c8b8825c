"""Make the DrChrono appointment of an OnCall visit's participant, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Conflict
from sync.core.records import Absent, Attendee
from sync.core.rules import plausible
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.people.resolve import participant
from sync.people.resolve.doctor import doctor_for
from sync.run import attempts, waiting
from sync.run.evidence import sealing
from sync.run.outcomes import LaterError, ParkedError
from sync.store.lanes import Hints
from sync.visits.creating import begin, record, recover, search
from sync.visits.linking import twins
from sync.visits.state import load
from sync.visits.state.model import Shown
from sync.visits.writing import markers

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.outbound.call import Answer
    from sync.people.resolve.participant import ResolvedPatient
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


def make(run: VisitRun) -> None:
    """Make the appointment of a visit's only patient, then mark the visit.

    Raises ParkedError when the participant, the mapping or a refusal is in the way.
    """
    state, shown = run.state, run.state.read["oncall"]
    source = state.object("oncall")
    assert source is not None  # noqa: S101 - the plan saw it
    attendee = _only_patient(shown)
    doctor = doctor_for(run, shown.visit, attendee)
    met = participant.person_of(run, attendee, doctor)
    starts = shown.visit.starts
    assert not isinstance(starts, Absent)  # noqa: S101 - the plan saw it
    twins.with_drchrono_twin(run, met, doctor, starts, attendee)
    life = state.attendance.life if state.attendance else 1
    key = f"appointment:{state.key}:{life}"
    booked = begin.Booked(doctor, starts, met, attendee=attendee)
    row = begin.row_for(run, "drchrono", key, booked)
    body = drchrono_bodies.appointment_body(
        {
            "provider": doctor,
            "patient": met.remote_id,
            "starts": starts,
            "minutes": plausible.length(shown.visit),
            "type": shown.visit.type,
        },
        doctor=doctor,
        mapping=run.mapping,
    )
    body |= marker_in(run, doctor)
    with attempts.attempt(run.sync, [row.id], lambda: begin.forget(run, [row.id])):
        _book(run, row, met, doctor, body)
    load.reload(run)
    made = state.object("drchrono")
    if made is not None and made.remote_id is not None:
        markers.mark_oncall(run, source, shown.json, markers.marker_for(run, made.remote_id))
    participant.afterwards(run, met)


def _only_patient(shown: Shown) -> Attendee:
    present = [one for one in shown.visit.attendees if one.cancelled is not True]
    if not present:
        raise ParkedError("operator", "no_participants", "no_participants")
    return present[0]  # several are a shared visit's: `linking.joining` took them


def marker_in(run: VisitRun, doctor: str) -> dict[str, Json]:
    """Our marker and the address staff open, as the custom field of a new appointment.

    Nothing where the account has no such field.
    """
    field_id = run.making().fields.get(doctor)
    there = run.state.object("oncall")
    if field_id is None or there is None:
        return {}
    marker = markers.marker_for(run, there.remote_id)
    marker = sealing.seal(run.sync.digests, marker, "drchrono", "appointment")
    link = run.mapping.visit_link(str(there.remote_id))
    fields = drchrono_bodies.with_marker("appointment", [], field_id, marker, link=link)
    return {"custom_fields": fields}


def post(run: VisitRun, row: Obj, doctor: str, body: dict[str, Json]) -> None:
    """Make the call; what the answer shows is kept with its success."""

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            marked = "custom_fields" in body
            record.appointment(conn, run, row, answer.json, has_marker=marked, answered=True)

    run.sync.drchrono.create_appointment(
        run.ticket.then(after, fact=True),
        body,
        object_id=row.id,
        fields=("starts", "minutes", "type", "provider", "patient"),
        effect="create",
        pending=_pending(run, row, drchrono.wire("appointment", body)),
        doctor=doctor,
    )


def _pending(run: VisitRun, row: Obj, wire: dict[str, Json]) -> dict[tuple[int, str], str]:
    """What the create sends, and the visit that it is made from.

    Should its answer be lost, these tell later who edited either since (`attempts.as_sent`).
    """
    there = run.state.object("oncall")
    assert there is not None  # noqa: S101 - the plan saw it
    return attempts.sent(run.sync.digests, {row.id: wire, there.id: run.state.read["oncall"].wire})


def _book(
    run: VisitRun, row: Obj, met: ResolvedPatient, doctor: str, body: dict[str, Json]
) -> None:
    """POST into the first room the mapping allows that is free; a 409 may be about ourselves."""
    taken: str | None = None
    for room in run.mapping.exam_rooms(doctor):
        try:
            post(run, row, doctor, {**body, "exam_room": int(room)})
        except Conflict as conflict:
            if conflict.code != "overlap":
                raise
            taken = conflict.other_id
            standing = search.at(run, taken) if taken is not None else None
            if standing is not None and search.is_wanted(run, row, standing):
                recover.adopt_found(run, row, standing)
                return
            if standing is not None and twins.stands_for(run, standing, met, doctor):
                # The same visit, entered by hand: the next run finds it and joins the two.
                raise LaterError(run.sync.clock(), Hints.both()) from None
        else:
            return
    raise waiting.overlap(taken)
