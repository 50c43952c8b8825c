"""Make the OnCall visit of an appointment, or of several, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.records import Absent, VisitType
from sync.core.rules import plausible
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.people import contacts
from sync.people.resolve import participant
from sync.run import attempts
from sync.run.evidence import sealing
from sync.visits.creating import begin, record
from sync.visits.linking import twins
from sync.visits.state import load
from sync.visits.state.summary import doctor_of
from sync.visits.writing import markers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.core.wording import Json
    from sync.outbound.call import Answer
    from sync.people.resolve.participant import ResolvedPatient
    from sync.store.tables.links import Obj
    from sync.visits.state.model import Seat, VisitRun


def make(run: VisitRun) -> None:
    """Make the OnCall visit of the only appointment, then mark the appointment.

    Raises ParkedError when the patient, the mapping or a refusal is in the way.
    """
    state, shown = run.state, run.state.read["drchrono"]
    source = state.object("drchrono")
    assert source is not None  # noqa: S101 - the plan saw it
    starts, doctor = shown.visit.starts, shown.visit.provider
    assert not isinstance(starts, Absent) and not isinstance(doctor, Absent)  # noqa: S101, PT018
    met = participant.patient_of(run, str(shown.visit.patient), doctor)
    twins.with_oncall_twin(run, met, doctor, starts)
    booked = begin.Booked(doctor, starts, met, appointment=source)
    row = begin.row_for(run, "oncall", _key(run), booked)
    (seat,) = run.seats
    _post(run, row, {seat.attended.id: met}, [row.id])
    made = state.object("oncall")
    if made is not None and made.remote_id is not None:
        markers.mark_appointment(run, source, shown.json, markers.marker_for(run, made.remote_id))
    who = state.people.get(met.key)
    if who is None or not contacts.stands_in(who.objects, run.mapping, doctor):
        participant.afterwards(run, met)


def make_with(run: VisitRun, people: Mapping[int, ResolvedPatient], rows: Iterable[int]) -> None:
    """Make the OnCall visit of several attendances with these people in it, by attendance.

    `rows` are their participants', written down before. A refusal takes them away again.
    """
    row = begin.row_for(run, "oncall", _key(run))
    _post(run, row, people, [row.id, *rows])


def _key(run: VisitRun) -> str:
    return f"visit:{run.state.key}:{run.state.generation}"


def _post(run: VisitRun, row: Obj, people: Mapping[int, ResolvedPatient], rows: list[int]) -> None:
    seats = [run.seat(one) for one in people]
    sent: list[Json] = list(bodies_of(people))
    body = _body(run, seats[0]) | {"participants": sent}
    pending = _pending(run, row, body, seats) | named(run, people)
    post(run, row, body, pending, rows)


def post(
    run: VisitRun,
    row: Obj,
    body: dict[str, Json],
    pending: dict[tuple[int, str], str],
    rows: list[int],
    *,
    doctor: str | None = None,
) -> None:
    """POST a visit whose row was written down, and keep what it made.

    A refusal takes `rows` away again. `doctor` is the visit's, where its state does not tell.
    """
    owner = {key: body[key] for key in ("provider", "division")}

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            # OnCall may not tell its provider: what was sent stands for what was not answered.
            record.oncall_visit(conn, run, row, {**owner, **answer.json}, answered=True)
            if not run.state.is_group:
                load.know_rows(conn, run)

    if doctor is None:
        doctor = run.slot.doctor if run.state.is_group else doctor_of(run.state)
    with attempts.attempt(run.sync, [row.id], lambda: begin.forget(run, rows)):
        run.sync.oncall.create_appointment(
            run.ticket.then(after, fact=True),
            body,
            object_id=row.id,
            fields=("starts", "minutes", "type", "provider", "participants"),
            effect="create",
            pending=pending,
            doctor=doctor,
        )


def _pending(
    run: VisitRun, row: Obj, body: dict[str, Json], seats: Iterable[Seat]
) -> dict[tuple[int, str], str]:
    """What the create sends, and each appointment that it is made from (`attempts.as_sent`)."""
    wires = {row.id: oncall.wire("appointment", body)}
    wires |= {seat.appointment.id: seat.shown.wire for seat in seats if seat.shown is not None}
    return attempts.sent(run.sync.digests, wires)


def named(run: VisitRun, people: Mapping[int, ResolvedPatient]) -> dict[tuple[int, str], str]:
    """Who is sent: by this a participant is known, whatever the chart says when it is found."""
    wires = {}
    for attendance, sent in zip(people, bodies_of(people), strict=True):
        row = run.seat(attendance).participant
        if row is not None:
            wires[row.id] = oncall.wire("participant", sent)
    return attempts.sent(run.sync.digests, wires)


def bodies_of(people: Mapping[int, ResolvedPatient]) -> list[dict[str, Json]]:
    """The participants as OnCall is sent them."""
    return [
        oncall_bodies.participant_body(
            {
                "first_name": met.person.first_name,
                "last_name": met.person.last_name,
                "email": met.person.email,
            }
        )
        for met in people.values()
    ]


def _body(run: VisitRun, seat: Seat) -> dict[str, Json]:
    """The visit as its first appointment says it; several stand at their slot."""
    shown, at = seat.shown, run.state.place
    assert shown is not None  # noqa: S101 - the plan saw it
    seen = shown.visit
    assert isinstance(seen.type, VisitType)  # noqa: S101 - the plan skipped others
    values = {
        "title": run.mapping.title(seen.type),
        "starts": at.starts if at else seen.starts,
        "minutes": at.minutes if at else plausible.length(seen),
        "type": seen.type,
        "provider": at.doctor if at else seen.provider,
    }
    body = oncall_bodies.appointment_body(
        values, base_url=run.sync.settings.oncall_base_url, mapping=run.mapping
    )
    marker = markers.marker_for(run, None if at else seat.appointment.remote_id)
    marker = sealing.seal(run.sync.digests, marker, "oncall", "appointment")
    return body | {"metadata": oncall_bodies.with_marker(None, marker)}
