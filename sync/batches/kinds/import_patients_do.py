"""Bring one line of a file of patients to its outcome: a contact, found or made, once.

Begun again after any kill it finds what it made: by the row that was written down before the call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.batches.kinds import reading
from sync.batches.kinds.import_patients_judge import chart_of, compared, differing
from sync.batches.step import Done
from sync.core.batch.model import Fate, Outcome
from sync.core.records import present
from sync.outbound.gate import Ticket
from sync.people import chartless, charts, contact_search, contacts, roster, sharing, write
from sync.run.outcomes import BUSY, LaterError
from sync.store.lanes import Lane
from sync.store.tables import claims, links

if TYPE_CHECKING:
    from sync.batches.step import Step
    from sync.sheets.patients import PatientRead
    from sync.store.batches.items import Stored
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj

_LEFT = Done(Outcome.LEFT_OUT)


def do(step: Step, item: Stored) -> Done:
    """Find or make the contact of a line. Raises LaterError and what its calls raise."""
    sync = step.sync
    read = reading.patient(step, item)
    doctor = str(item.doctor)
    entry = sync.mapping.doctor(doctor)
    if entry is None:
        return Done(Outcome.PROBLEM, "unmapped")
    place = (entry.oncall_provider, entry.oncall_division)
    with sync.store.read() as conn:
        crowd = sharing.crowd(conn, sync, present(read.person.email, ""))
        chart = chart_of(conn, step, read)
    if crowd is not None and not step.ending:
        return Done(Outcome.PROBLEM, "email_shared")
    if chart.why in {"patient_unknown", "patient_excluded"}:
        return Done(Outcome.PROBLEM, chart.why)
    if chart.why is not None:
        return Done(Outcome.QUESTION, chart.why, candidates=chart.candidates)
    if chart.person is not None:
        return _of_chart(step, item, read, chart.person, place)
    if item.fate is Fate.UPDATE:
        return _update(step, item, read, place)
    return _without_chart(step, item, read, place)


# --- whose chart is known -------------------------------------------------------------------------


def _of_chart(
    step: Step, item: Stored, read: PatientRead, person: int, place: tuple[str, str]
) -> Done:
    """The contact as the chart's own run would make it, under the same key, without a look at it.

    The chart's first visit writes the marker there.
    """
    sync, doctor = step.sync, str(item.doctor)
    with step.held(person) as lease:
        with sync.store.read() as conn:
            patient = links.patient_row(conn, person)
            was_there = contacts.of(conn, person, *place) is not None
        if patient is None or patient.remote_id is None:
            raise LaterError(sync.clock() + BUSY)
        who = replace(
            read.person,
            system="drchrono",
            kind="patient",
            remote_id=patient.remote_id,
            doctor=doctor,
        )
        ticket = Ticket(Lane.BULK, lease)
        found = contacts.obtain(sync, ticket, lease, who, doctor, make=not step.ending)
    if found is None or found.remote_id is None:
        return _LEFT if step.ending else Done(Outcome.QUESTION, "contact_unsure", subject=person)
    outcome = _outcome(step, item, found, was_there=was_there)
    return Done(outcome, remote_id=found.remote_id, subject=person)


def _outcome(step: Step, item: Stored, found: Obj, *, was_there: bool = True) -> Outcome:
    """Created, where this item has: by a call of this run, or of one that was killed."""
    since = step.row.started_at
    ours = found.made_by_us and since is not None and found.created_at >= since
    begun = item.tries > 0 or not was_there
    return Outcome.CREATED if ours and begun else Outcome.ALREADY_THERE


# --- without a chart ------------------------------------------------------------------------------


def _without_chart(step: Step, item: Stored, read: PatientRead, place: tuple[str, str]) -> Done:
    sync, who = step.sync, read.person
    with sync.store.read() as conn:
        row = chartless.row_of(conn, sync.digests, who, place)
    if row is not None:
        return _resumed(step, item, read, row, place)
    if step.ending:
        return _LEFT
    known = _search(step, read, place)
    if known is not None:
        return known
    row, lease = roster.begin(sync, who, place)
    try:
        made = roster.make(
            sync, Ticket(Lane.BULK, lease), row, who, str(item.doctor), read.record or None
        )
    finally:
        _give_back(step, lease)
    if made is None or made.remote_id is None:
        raise LaterError(sync.clock() + BUSY)
    return Done(Outcome.CREATED, remote_id=made.remote_id, subject=made.aggregate)


def _resumed(step: Step, item: Stored, read: PatientRead, row: Obj, place: tuple[str, str]) -> Done:
    """What became of a create that was begun before: its row tells, or the ladder does."""
    sync = step.sync
    if row.remote_id is None:
        with step.held(row.aggregate) as lease:
            contacts.resolve(sync, Ticket(Lane.BULK, lease), row, read.person)
        with sync.store.read() as conn:
            found = chartless.row_of(conn, sync.digests, read.person, place)
        if found is None:  # it made nothing
            return _without_chart(step, item, read, place)
        row = found
    if row.remote_id is None:
        raise LaterError(sync.clock() + BUSY)
    return Done(_outcome(step, item, row), remote_id=row.remote_id, subject=row.aggregate)


def _search(step: Step, read: PatientRead, place: tuple[str, str]) -> Done | None:
    """The contact that is there for somebody by now, or a question; None: one may be made."""
    sync, who = step.sync, read.person
    hits = contact_search.by_email(sync, step.ticket, present(who.email, ""))
    whole = [contact_search.whole(sync, step.ticket, *hit)[1] for hit in hits]
    same = [shown for shown in whole if contact_search.stands_in(shown, place)]
    sure, unsure = compared(step, who, same)
    if sure is not None:
        row = roster.keep(sync, who, place, sure.remote_id)
        return Done(Outcome.ALREADY_THERE, remote_id=sure.remote_id, subject=row.aggregate)
    if not unsure:
        return None
    with sync.store.read() as conn:
        if chartless.is_any_open(conn, sync.digests, who):
            # What is shown may be what another line makes at this moment.
            raise LaterError(sync.clock() + sync.settings.apart)
    ids = tuple(shown.remote_id for shown in unsure)
    return Done(Outcome.QUESTION, "contact_unsure", candidates=ids)


def _give_back(step: Step, lease: Lease) -> None:
    with step.sync.store.write() as conn:
        claims.give_back(conn, lease)


# --- what is there, and says something else -------------------------------------------------------


def _update(step: Step, item: Stored, read: PatientRead, place: tuple[str, str]) -> Done:
    """Write what the line says into a contact that has no chart; read first, as it may have it."""
    sync, who, remote_id = step.sync, read.person, str(item.remote_id)
    row = roster.keep(sync, who, place, remote_id)
    done = Done(Outcome.ALREADY_THERE, remote_id=remote_id, subject=row.aggregate)
    with step.held(row.aggregate) as lease:
        with sync.store.read() as conn:
            if not chartless.is_free(conn, links.get(conn, row.id)):
                return done
        ticket = Ticket(Lane.BULK, lease)
        shown = charts.contact(sync, sync.oncall.get_contact(ticket, remote_id))
        if not roster.is_named(shown, who):
            return Done(Outcome.QUESTION, "contact_unsure", candidates=(remote_id,))
        due = {name: getattr(who, name) for name in differing(who, shown) if name in item.fields}
        if not due:
            was_ours = item.tries > 0
            return replace(done, outcome=Outcome.UPDATED) if was_ours else done
        if step.ending:
            return _LEFT
        write.patch_contact(sync, ticket, row, due)
    return replace(done, outcome=Outcome.UPDATED, fields=tuple(due))
