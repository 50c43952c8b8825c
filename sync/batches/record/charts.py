"""Bring charts to OnCall as contacts: each for its own doctor, by the steps of a person's own run.

A plan reads the list once and judges by what is stored, without a call for a chart. The work makes
a contact of the page that it has just read; nothing of it is kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from sync.batches.record import judging, lists, pages_again
from sync.batches.record.judging import LINK, Judged
from sync.batches.step import Done
from sync.core.batch.model import Fate, Outcome
from sync.core.errors import Gone, Refused
from sync.core.records import Absent, Person, present
from sync.core.rules import inviting, people
from sync.core.rules.people import normal_email
from sync.core.wire import MalformedError
from sync.outbound.gate import Ticket
from sync.people import charts, contact_search, contacts, sharing
from sync.run.evidence import staleness
from sync.run.hinted import lists as hinted
from sync.store import attention
from sync.store.batches import standing
from sync.store.lanes import Lane
from sync.store.people import persons
from sync.store.tables import links, person_index, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from sync.batches.step import Step
    from sync.core.wording import Json
    from sync.runtime import Sync
    from sync.store.batches.items import Stored
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj

# Charts that are indexed in one transaction: a door is kept waiting for no longer.
_AT_ONCE = 200


def filters(options: Mapping[str, Any]) -> dict[str, str]:
    """What the list is asked for."""
    asked = {"since": options.get("since"), "doctor": options.get("doctor")}
    return {name: str(value) for name, value in asked.items() if value}


# --- the plan -------------------------------------------------------------------------------------


class Contacts(Protocol):
    """OnCall's contacts as they were listed, in memory alone, by `normal_email`."""

    by_email: dict[str, list[Person]]


def plan(step: Step, contacts_of: Callable[[Step], Contacts]) -> None:
    """Judge every chart of the list; `contacts_of` reads OnCall's contacts, once, if need be."""
    began = step.sync.clock()
    for records, place in lists.here(step, "patients", filters(step.options)):
        size = max(int(step.cursor.get("size", 0)), len(records))
        found = _judged(step, records, contacts_of)
        with step.sync.store.write() as conn:
            shown = [str(row["source_id"]) for row in found]
            told.listed(conn, "drchrono", "patient", shown, hinted.shown_by(step.sync, began))
        lists.store(step, found, {**place, "size": size}, read=len(records))


def _judged(
    step: Step, records: tuple[dict[str, Json], ...], contacts_of: Callable[[Step], Contacts]
) -> list[dict[str, Any]]:
    sync, found, read = step.sync, list[dict[str, Any]](), dict[str, Person]()
    for json in records:
        try:
            chart = charts.read(sync, json)
        except MalformedError:
            number = str(json.get("id", ""))[:40]
            cause = {"fate": Fate.PROBLEM.value, "cause": "malformed"}
            found.append(lists.row(key=f"patient:{number}", source_id=number or None, **cause))
            continue
        doctor = step.options.get("doctor")
        if not doctor or present(chart.doctor, "") == doctor:
            read[chart.remote_id] = chart
    known = _index(sync, read)
    with sync.store.read() as conn:
        crowds = sharing.crowds_among(conn, sync, [present(c.email, "") for c in read.values()])
    for remote_id, chart in read.items():
        stands, email = known[remote_id], normal_email(present(chart.email, ""))
        judged = judging.of_chart(chart, stands, sync.mapping, crowd=email in crowds)
        if judged.fate is Fate.CREATE:
            judged = _among(step, chart, stands, contacts_of(step).by_email.get(email, []))
        found.append(
            lists.row(
                key=f"patient:{remote_id}",
                source_id=remote_id,
                doctor=present(chart.doctor, None),
                subject=stands.aggregate,
                **judged.columns(),
            )
        )
    return found


def _among(step: Step, chart: Person, stands: standing.Stands, same: list[Person]) -> Judged:
    """What becomes of a chart without a contact by those that OnCall has with its e-mail."""
    entry = step.sync.mapping.doctor(present(chart.doctor, ""))
    if not same or entry is None:
        return Judged(Fate.CREATE)
    place = (entry.oncall_provider, entry.oncall_division)
    here = [
        one for one in (_placed(step, one) for one in same) if contact_search.stands_in(one, place)
    ]
    theirs, unsure = contact_search.compared(step.sync, stands.aggregate, chart, here)
    if theirs is not None:
        return Judged(Fate.ALREADY_THERE, remote_id=theirs.remote_id, fields=LINK)
    if unsure:
        ids = tuple(one.remote_id for one in unsure)
        return Judged(Fate.QUESTION, "contact_unsure", candidates=ids)
    return Judged(Fate.CREATE)


def _placed(step: Step, shown: Person) -> Person:
    """A contact with its provider and division, which a line may lack (docs/api-facts.md, O30)."""
    if not isinstance(shown.provider, Absent) and not isinstance(shown.division, Absent):
        return shown
    return charts.contact(step.sync, step.sync.oncall.get_contact(step.ticket, shown.remote_id))


def _index(sync: Sync, read: Mapping[str, Person]) -> dict[str, standing.Stands]:
    """Index who was read, as any list's reader does; how each of them stands by what is stored."""
    found: dict[str, standing.Stands] = {}
    ids = list(read)
    for first in range(0, len(ids), _AT_ONCE):
        some, now = ids[first : first + _AT_ONCE], sync.clock()
        with sync.store.write() as conn:
            known = standing.charts(conn, some)
            new = [one for one in some if one not in known or known[one].told_of]
            for one in new:
                links.first_sight(conn, "drchrono", "patient", one, now=now)
            if new:
                known |= standing.charts(conn, new)
            keys = {known[one].aggregate: people.known_by(read[one]) for one in some}
            person_index.remember_all(conn, sync.digests, keys)
        found |= known
    return found


# --- the work -------------------------------------------------------------------------------------


def do(step: Step, item: Stored) -> Done:
    """See that the patient of a chart has the contact of their own doctor.

    Raises LaterError, ParkedError and the RemoteErrors of the calls.
    """
    sync, remote_id = step.sync, str(item.source_id)
    with sync.store.write() as conn:
        obj = links.first_sight(conn, "drchrono", "patient", remote_id, now=sync.clock())
    with step.held(obj.aggregate) as own:
        lease = replace(own, lane=Lane.BULK)
        with sync.store.read() as conn:
            obj = links.get(conn, obj.id)
            made = _made(conn, step, item, obj.aggregate)
            excluded = persons.get(conn, obj.aggregate).excluded
        if made is not None:
            return made
        if excluded:
            return _problem("patient_excluded")
        if step.ending and not _is_begun(sync, obj.aggregate):
            return Done(Outcome.LEFT_OUT)
        try:
            json = _chart(step, item, obj)
        except Gone:
            staleness.believe_gone(sync, lease, obj)
            return _problem("patient_gone")
        return _ensured(step, lease, obj, json)


def _chart(step: Step, item: Stored, obj: Obj) -> dict[str, Json]:
    """The chart as it is now: of the list's page, else read by its id. Raises Gone.

    By its id where something was said of it since, and where the page is older than what is known.
    """
    sync, remote_id = step.sync, str(item.source_id)
    listed = pages_again.record(step, item, filters(step.options))
    if listed is not None:
        with sync.store.read() as conn:
            doubted = told.of_patients(conn, [remote_id])
        older = obj.revision and str(listed.get("updated_at") or "") < obj.revision
        if not doubted and not older:
            return listed
    # Not verbose: with its list at hand, the contact's step would mark the chart, one write each.
    return sync.drchrono.get_patient(step.ticket, remote_id)


def _ensured(step: Step, lease: Lease, obj: Obj, json: dict[str, Json]) -> Done:
    sync, chart = step.sync, charts.read(step.sync, json)
    if obj.revision and chart.revision and chart.revision < obj.revision:
        staleness.look_again_for(lease, lease.hints, sync.clock())
    doctor = present(chart.doctor, "")
    if sync.mapping.doctor(doctor) is None:
        return _problem("doctor_unmapped")
    with sync.store.write() as conn:
        charts.note(conn, sync, links.get(conn, obj.id), json, chart)
        crowd = sharing.crowd(conn, sync, present(chart.email, ""))
    cause = inviting.refusal(chart) or (sharing.CAUSE if crowd is not None else "")
    if cause:
        return _problem(cause)
    try:
        ticket = Ticket(Lane.BULK, lease)
        there = contacts.obtain(sync, ticket, lease, chart, doctor, make=not step.ending)
    except Refused as refusal:
        return Done(Outcome.PROBLEM, "contact_refused", fields=tuple(refusal.fields))
    with sync.store.read() as conn:
        asked = attention.named_in(conn, obj.aggregate, "contact_unsure")
    if there is not None and there.known:
        fresh = there.made_by_us and is_of(step, there)
        outcome = Outcome.CREATED if fresh else Outcome.ALREADY_THERE
        return Done(outcome, remote_id=there.remote_id, subject=obj.aggregate)
    if step.ending:
        return Done(Outcome.LEFT_OUT)
    if asked:
        named = tuple(sorted(asked))
        return Done(Outcome.QUESTION, "contact_unsure", candidates=named, subject=obj.aggregate)
    return _problem("contact_refused")


def _made(conn: Connection, step: Step, item: Stored, key: int) -> Done | None:
    """What there is already of the contact that an item is to have."""
    entry = step.sync.mapping.doctor(item.doctor or "")
    if entry is None:
        return None
    there = contacts.of(conn, key, entry.oncall_provider, entry.oncall_division)
    if there is None or not there.known:
        return None
    outcome = Outcome.ALREADY_THERE
    if item.tries and there.made_by_us and is_of(step, there):
        outcome = Outcome.CREATED  # its answer came, and this process's end before it was noted
    return Done(outcome, remote_id=there.remote_id, subject=key)


def is_of(step: Step, there: Obj) -> bool:
    """Whether something was made while this batch has been at work."""
    return step.row.started_at is not None and there.created_at >= step.row.started_at


def _is_begun(sync: Sync, key: int) -> bool:
    with sync.store.read() as conn:
        objects = links.objects_of(conn, key)
    return any(one.kind == "contact" and one.remote_id is None for one in objects)


def _problem(cause: str) -> Done:
    return Done(Outcome.PROBLEM, cause)
