"""Bring one line of a file of appointments to its outcome: an OnCall visit, once.

The visit's row and the line that asked for it are stored together before anything is sent, and the
create under a key that no two visits have. Begun again after any kill it finds what it made.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import IntegrityError

from sync.batches.kinds import reading
from sync.batches.kinds.import_appointments_judge import (
    chart_person,
    create_key,
    judged,
    key_of,
    length_of,
    whose,
)
from sync.batches.record import raised
from sync.batches.step import Done
from sync.core.batch.model import Fate, Outcome
from sync.core.records import VisitType, present
from sync.core.rules import inviting
from sync.core.rules.place import slot_key
from sync.run import allowed
from sync.run.outcomes import BUSY, LaterError
from sync.store import objects
from sync.store.batches import items
from sync.store.lanes import Hints, Lane
from sync.store.tables import links, work
from sync.store.visits import visits
from sync.visits.creating import of_file

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.batches.kinds.import_appointments_judge import Judged
    from sync.batches.step import Step
    from sync.core.records import Person
    from sync.sheets.appointments import AppointmentRead
    from sync.store.batches.items import Stored
    from sync.store.tables.links import Obj

_LEFT: Final = Done(Outcome.LEFT_OUT)
_NOT_MATCHED: Final = timedelta(minutes=10)
# What the health record calls them, in the visit's metadata (docs/api-facts.md, O21).
PATIENT_KEY: Final = "emr_patient_id"
VISIT_KEY: Final = "emr_appointment_id"


def do(step: Step, item: Stored) -> Done:
    """Make the visit of a line, or say what stands. Raises LaterError and what its calls raise."""
    if item.source_id is not None:
        return raised.do(step, item, "drchrono")
    read = reading.appointment(step, item)
    if item.subject is None:
        # Somebody may have booked it since it was planned.
        found = judged(step, read)
        if found.fate is not Fate.CREATE:
            return _as_found(found)
        if step.ending:
            return _LEFT
        if found.source_id is not None:
            with step.writing() as conn:
                items.change(conn, step.row.id, item.number, source_id=found.source_id)
            return raised.do(step, replace(item, source_id=found.source_id), "drchrono")
        subject = _begun(step, item, read, found.chart)
    else:
        with step.sync.store.read() as conn:
            subject = links.survivor(conn, item.subject)
    return _made(step, read, subject)


def _as_found(found: Judged) -> Done:
    return Done(
        Outcome(found.fate.value),
        found.cause,
        column=found.column,
        candidates=found.candidates,
        remote_id=found.remote_id,
    )


def _begun(step: Step, item: Stored, read: AppointmentRead, chart: int | None) -> int:
    """A visit of its own for a line, stored with the line; it holds its person's slot from now on.

    Raises LaterError where another visit has taken that slot just now.
    """
    sync, starts, doctor = step.sync, read.starts, str(read.doctor)
    assert starts is not None  # noqa: S101 - a line without a time is a problem
    with step.writing() as conn:
        slot = None if chart is None else slot_key(doctor, starts, chart)
        if slot is not None and visits.holder(conn, slot) is not None:
            raise LaterError(sync.clock() + BUSY)
        key = links.new_aggregate(conn, "visit", sync.clock())
        visits.change(conn, key, doctor=doctor, starts_at=starts, slot_key=slot)
        items.change(conn, step.row.id, item.number, subject=key)
    return key


def _made(step: Step, read: AppointmentRead, subject: int) -> Done:
    """The visit as it stands, or made now."""
    sync = step.sync
    done = _standing(step, subject)
    if done is not None:
        return done
    if not step.ending and not allowed.may_create(sync, read.doctor):
        raise LaterError(sync.clock() + _NOT_MATCHED)
    with step.held(subject) as lease:
        run = of_file.run_of(sync, lease)
        of_file.resolve(run)
        if run.state.object("oncall") is None:
            if step.ending:
                return _given_up(step, subject, _LEFT)
            key, told = _key(step, read, subject), _told(step, read)
            if isinstance(key, Done):
                return _given_up(step, subject, key)
            if isinstance(told, Done):
                return _given_up(step, subject, told)
            try:
                of_file.make(run, told, key)
            except IntegrityError:
                raise LaterError(sync.clock() + BUSY) from None  # another line has just taken it
    done = _standing(step, subject)
    if done is None:
        raise LaterError(sync.clock() + BUSY)
    return done


def _standing(step: Step, subject: int) -> Done | None:
    """The OnCall visit that is there by now; its own run goes on with it, in bulk."""
    sync = step.sync
    with step.writing() as conn:
        there = _oncall(conn, subject)
        if there is None:
            return None
        hints = Hints.of("oncall")
        work.raise_(conn, there.aggregate, now=sync.clock(), hints=hints, lane=Lane.BULK)
    step.raised.append(there.aggregate)
    outcome = Outcome.CREATED if there.made_by_us else Outcome.ALREADY_THERE
    return Done(outcome, remote_id=there.remote_id, subject=there.aggregate)


def _oncall(conn: Connection, subject: int) -> Obj | None:
    rows = links.objects_of(conn, links.survivor(conn, subject))
    known = [one for one in rows if one.kind == "appointment" and one.system == "oncall"]
    return next((one for one in reversed(known) if one.known), None)


def _given_up(step: Step, subject: int, done: Done) -> Done:
    """Nothing was made for a line: its visit is over, and its slot another's."""
    with step.writing() as conn:
        visits.change(conn, subject, state="closed", slot_key=None)
    return done


def _key(step: Step, read: AppointmentRead, subject: int) -> str | Done:
    """The create's key, or the visit of another line that has it.

    A visit that is over has its key still: then it is another one. Raises LaterError while it is
    not known what the other line made.
    """
    with step.sync.store.read() as conn:
        own = create_key(key_of(step, read, whose(conn, step, read).person))
        key, row = own, objects.creating(conn, own)
        while row is not None and visits.get(conn, row.aggregate).state != "open":
            key = f"{own}:{row.id}"
            row = objects.creating(conn, key)
    if row is None or row.aggregate == subject:
        return key
    if row.known:
        return Done(Outcome.ALREADY_THERE, remote_id=row.remote_id)
    raise LaterError(step.sync.clock() + BUSY)


def _told(step: Step, read: AppointmentRead) -> of_file.Told | Done:
    """The visit as it is sent, or why nobody can be invited to it."""
    sync, doctor, starts = step.sync, str(read.doctor), read.starts
    person = _person(step, read)
    minutes = length_of(sync, read)
    if person is None or starts is None or minutes is None:
        return Done(Outcome.PROBLEM, "patient_unknown")
    cause = inviting.unreachable(person)
    if cause:
        return Done(Outcome.PROBLEM, cause)
    said = {PATIENT_KEY: read.record or read.patient, VISIT_KEY: read.reference}
    references = {name: value for name, value in said.items() if value}
    kind = read.type or VisitType.ONLINE
    return of_file.Told(person, doctor, starts, minutes, kind, references)


def _person(step: Step, read: AppointmentRead) -> Person | None:
    """Who is invited: as the file says, or as the chart does where the file names its id alone."""
    if present(read.person.email, ""):
        return read.person
    with step.sync.store.read() as conn:
        chart = whose(conn, step, read).person
    return None if chart is None else chart_person(step, chart)
