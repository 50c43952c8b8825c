"""Making the missing side of a visit, once: a row under a unique key, then the POST, then the id.

Neither remote knows idempotency keys. So the row is written before the call, the marker goes with
the call, and a POST whose answer was not read *has happened* until two looks apart deny it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, update
from sqlalchemy.exc import IntegrityError

from sync.core.errors import Conflict
from sync.core.records import Absent, Attendee, VisitType
from sync.core.rules import place, plausible
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.people.resolve import participant as meeting
from sync.run import attempts, waiting
from sync.run.evidence import sealing
from sync.run.outcomes import LaterError, ParkedError
from sync.store.schema import visit
from sync.store.tables import attendances, baselines, facts, links, work
from sync.store.tables.links import Obj
from sync.store.tables.work import Hints
from sync.visits.creating import record, recover, search
from sync.visits.linking import twins
from sync.visits.state import load
from sync.visits.state.model import Shown
from sync.visits.writing import markers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.core.records import Marker
    from sync.core.wording import Json
    from sync.outbound.call import Answer
    from sync.visits.state.model import VisitRun


# --- DrChrono → OnCall ----------------------------------------------------------------------------


def make_oncall(run: VisitRun) -> None:
    """Make the OnCall visit of a DrChrono appointment, then mark the appointment.

    Raises ParkedError when the patient, the mapping or a refusal is in the way.
    """
    state, shown = run.state, run.state.read["drchrono"]
    source = state.object("drchrono")
    assert source is not None  # noqa: S101 - the plan saw it
    starts, doctor = shown.visit.starts, shown.visit.provider
    assert not isinstance(starts, Absent) and not isinstance(doctor, Absent)  # noqa: S101, PT018
    met = meeting.patient_of(run, str(shown.visit.patient), doctor)
    twins.with_oncall_twin(run, met, doctor, starts)
    row = _begin(run, "oncall", f"visit:{state.key}:{state.generation}", met.key, doctor, starts)
    _attend(run, source, met)
    marker = markers.marker_for(run, source.remote_id)
    body = _oncall_body(run, shown, marker) | {
        "participants": [
            oncall_bodies.participant_body(
                {
                    "first_name": met.person.first_name,
                    "last_name": met.person.last_name,
                    "email": met.person.email,
                }
            )
        ]
    }

    owner = {key: body[key] for key in ("provider", "division")}

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            # OnCall may not tell its provider: what was sent stands for what was not answered.
            record.oncall_visit(conn, run, row, {**owner, **answer.json}, met)

    _post(
        run,
        row,
        lambda: run.sync.oncall.create_appointment(
            run.ticket.then(after, fact=True),
            body,
            object_id=row.id,
            fields=("starts", "minutes", "type", "provider", "participants"),
            effect="create",
            pending=pending(run, row, oncall.wire("appointment", body), "drchrono"),
            doctor=doctor,
        ),
    )
    load.reload(run)
    made = state.object("oncall")
    if made is not None and made.remote_id is not None:
        markers.mark_appointment(run, source, shown.json, markers.marker_for(run, made.remote_id))
    meeting.afterwards(run, met)


def _oncall_body(run: VisitRun, shown: Shown, marker: Marker) -> dict[str, Json]:
    seen = shown.visit
    assert isinstance(seen.type, VisitType)  # noqa: S101 - the plan skipped others
    values = {
        "title": run.mapping.title(seen.type),
        "starts": seen.starts,
        "minutes": plausible.length(seen),
        "type": seen.type,
        "provider": seen.provider,
    }
    body = oncall_bodies.appointment_body(
        values, base_url=run.sync.settings.oncall_base_url, mapping=run.mapping
    )
    marker = sealing.seal(run.sync.digests, marker, "oncall", "appointment")
    return body | {"metadata": oncall_bodies.with_marker(None, marker)}


# --- OnCall → DrChrono ----------------------------------------------------------------------------


def make_appointment(run: VisitRun) -> None:
    """Make the DrChrono appointment of an OnCall visit's patient, then mark the visit."""
    state, shown = run.state, run.state.read["oncall"]
    source = state.object("oncall")
    assert source is not None  # noqa: S101 - the plan saw it
    attendee = _only_patient(shown)
    doctor = meeting.doctor_for(run, shown.visit, attendee)
    met = meeting.person_of(run, attendee, doctor)
    starts = shown.visit.starts
    assert not isinstance(starts, Absent)  # noqa: S101 - the plan saw it
    twins.with_drchrono_twin(run, met, doctor, starts, attendee)
    life = state.attendance.life if state.attendance else 1
    row = _begin(run, "drchrono", f"appointment:{state.key}:{life}", met.key, doctor, starts)
    _attend(run, row, met, attendee)
    with run.sync.store.read() as conn:
        field_id = facts.appointment_field(conn, doctor)
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
    if field_id is not None:
        marker = markers.marker_for(run, source.remote_id)
        marker = sealing.seal(run.sync.digests, marker, "drchrono", "appointment")
        link = run.mapping.visit_link(str(source.remote_id))
        body["custom_fields"] = drchrono_bodies.with_marker(
            "appointment", [], field_id, marker, link=link
        )
    _post(run, row, lambda: _book(run, row, met, doctor, body, marked=field_id is not None))
    load.reload(run)
    made = state.object("drchrono")
    if made is not None and made.remote_id is not None:
        markers.mark_oncall(run, source, shown.json, markers.marker_for(run, made.remote_id))
    meeting.afterwards(run, met)


def _only_patient(shown: Shown) -> Attendee:
    present = [one for one in shown.visit.attendees if one.cancelled is not True]
    if not present:
        raise ParkedError("operator", "no_participants", "no_participants")
    return present[0]  # several are a group's: `groups.entry` took them


def _book(
    run: VisitRun,
    row: Obj,
    met: meeting.Met,
    doctor: str,
    body: dict[str, Json],
    *,
    marked: bool,
) -> None:
    """POST into the first room the mapping allows that is free; a 409 may be about ourselves."""

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            record.appointment(conn, run, row, answer.json, marked=marked)

    taken: str | None = None
    for room in run.mapping.exam_rooms(doctor):
        tried: dict[str, Json] = {**body, "exam_room": int(room)}
        try:
            run.sync.drchrono.create_appointment(
                run.ticket.then(after, fact=True),
                tried,
                object_id=row.id,
                fields=("starts", "minutes", "type", "provider", "patient"),
                effect="create",
                pending=pending(run, row, drchrono.wire("appointment", tried), "oncall"),
                doctor=doctor,
            )
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


def pending(
    run: VisitRun, row: Obj, wire: dict[str, Json], source: str
) -> dict[tuple[int, str], str]:
    """What a create sends, and what it is made from: should its answer be lost, these tell later
    who edited either since (`attempts.as_sent`)."""
    digests, obj = run.sync.digests, run.state.object(source)
    assert obj is not None  # noqa: S101 - the plan saw it
    return attempts.sent(digests, {row.id: wire, obj.id: run.state.read[source].wire})


# --- both ways ------------------------------------------------------------------------------------


def _begin(run: VisitRun, system: str, key: str, person: int, doctor: str, starts: datetime) -> Obj:
    """Write the create down before it is made, and take the slot, in one transaction.

    A slot is one person with one doctor at one time. When another open visit has it already, this
    one was entered twice by hand: told, not doubled.
    """
    sync, state = run.sync, run.state
    slot = place.slot_key(doctor, starts, person)
    try:
        with sync.store.write() as conn:
            work.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
            conn.execute(
                update(visit)
                .where(visit.c.aggregate == state.key)
                .values(slot_key=slot, doctor=doctor, starts_at=starts)
            )
            row = attempts.begin(
                conn,
                state.key,
                system,
                "appointment",
                key,
                now=sync.clock(),
                generation=state.generation,
                highest_before=links.highest_known(conn, system),
            )
    except IntegrityError:
        with sync.store.read() as conn:
            raise waiting.slot_taken(conn, slot) from None
    state.objects.append(row)
    return row


def _attend(
    run: VisitRun,
    appointment: Obj,
    met: meeting.Met,
    attendee: Attendee | None = None,
) -> None:
    """Note who attends, before the create: what is made belongs to this attendance."""
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        work.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        participant = None
        if attendee is not None:
            known = links.find(conn, "oncall", "participant", attendee.remote_id) or links.add(
                conn, state.key, "oncall", "participant", attendee.remote_id, now=sync.clock()
            )
            participant = known.id
            wire = participants_wire(state.read["oncall"].json)[attendee.remote_id]
            baselines.settle(
                conn, known.id, sync.digests.fields(known.id, wire), sync.digests.key_id
            )
        values = {"appointment": appointment.id, "person": met.key, "person_version": met.version}
        if participant is not None:
            values["participant"] = participant
        if state.attendance is None:
            attendances.attend(conn, state.key, **values)
        else:
            attendances.change_attendance(conn, state.attendance.id, **values)
        current = [a for a in attendances.attendances(conn, state.key) if a.current]
    state.attendance = current[0]


def _post(run: VisitRun, row: Obj, send: Callable[[], object]) -> None:
    """Make the call. A refusal leaves nothing behind, and the slot free."""
    sync, state = run.sync, run.state

    def forget() -> None:
        with sync.store.write() as conn:
            work.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
            links.forget_create(conn, row.id)
            conn.execute(update(visit).where(visit.c.aggregate == state.key).values(slot_key=None))

    with attempts.attempt(sync, [row.id], forget):
        send()
