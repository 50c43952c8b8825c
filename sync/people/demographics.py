"""Carry names, e-mails and phones from OnCall to the chart, where the mapping allows it.

A parent's e-mail put right on one visit must not rewrite the chart, so this is off by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.errors import Gone
from sync.core.rules import inviting
from sync.core.rules.merge import Seen
from sync.core.rules.people import NAMES
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.people import charts
from sync.run.changes import compare
from sync.run.evidence import staleness
from sync.store import attention
from sync.store.lanes import Hints
from sync.store.tables import attendances, baselines, links, work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.core.records import Attendee, Person
    from sync.core.wording import Json
    from sync.people.model import PersonRun
    from sync.run.context import Run
    from sync.store.tables.baselines import StoredFields
    from sync.store.tables.links import Obj

FIELDS = {"participant": NAMES, "contact": (*NAMES, "phone")}


def hear(run: Run, row: Obj, person: int, visit: dict[str, Json], stored: StoredFields) -> None:
    """Raise the person whose participant (`row`) was renamed in an OnCall visit that was read."""
    if not run.mapping.policy.demographics_back:
        return
    items = visit.get("participants")
    for item in items if isinstance(items, list) else []:
        if oncall.to_attendee(item).remote_id != row.remote_id:
            continue
        wire = oncall.wire("participant", item)
        seen = compare(run.sync.digests, row.id, wire, stored)
        staleness.believe(run.sync, run.lease, row, wire, seen)
        told = any(seen.get(name) is Seen.CHANGED for name in NAMES)
        if told:
            with run.sync.store.write() as conn:
                now = run.sync.clock()
                work.raise_(conn, person, now=now, hints=Hints.of("oncall"))


def bring_back(run: PersonRun, chart: dict[str, Seen]) -> bool:
    """Write into the chart what was changed in OnCall and not in the chart; whether anything was.

    `chart` says how the chart's fields stand. An emptied field empties nothing.
    """
    sync = run.sync
    policy = sync.mapping.policy
    if not policy.demographics_back or not sync.mapping.may_write_drchrono:
        return False
    values: dict[str, object] = {}
    carried: list[tuple[int, dict[str, Json]]] = []
    for target, wire, shown in _told(run):
        with sync.store.read() as conn:
            stored = baselines.stored_fields(conn, [target.id])
        seen = compare(sync.digests, target.id, wire, stored)
        staleness.believe(sync, run.lease, target, wire, seen)
        said = [
            name
            for name in FIELDS[target.kind]
            if seen.get(name) is Seen.CHANGED
            and chart.get(name) is Seen.SAME
            and wire[name]
            and getattr(shown, name)  # neither a placeholder nor a phone that holds no number
        ]
        news = [name for name in said if inviting.may_go_into_chart(name, getattr(shown, name))]
        _tell(run, target, [name for name in said if name not in news])
        values = {name: getattr(shown, name) for name in news} | values
        carried.append((target.id, {name: wire[name] for name in news}))
    if values:
        _write(run, values)
        with sync.store.write() as conn:
            for target_id, told in carried:
                digests = sync.digests.fields(target_id, told)
                baselines.settle(conn, target_id, digests, sync.digests.key_id)
    return bool(values)


def _tell(run: PersonRun, target: Obj, left: list[str]) -> None:
    """Tell of what can't go into the chart, until OnCall says another thing or is overwritten."""
    key, now = run.lease.aggregate, run.sync.clock()
    with run.sync.store.write() as conn:
        if left:
            attention.open_item(
                conn, key, attention.NOT_BROUGHT_BACK, now=now, object_id=target.id, candidates=left
            )
        else:
            attention.close_cause(conn, key, attention.NOT_BROUGHT_BACK, now, object_id=target.id)


def _told(run: PersonRun) -> Iterator[tuple[Obj, dict[str, Json], Person | Attendee]]:
    """The contacts and participants that something was said about, as they are now."""
    sync, key = run.sync, run.lease.aggregate
    table = sync.mapping.addresses
    hinted = {delivery.object for delivery in run.deliveries}
    with sync.store.read() as conn:
        contacts = [o for o in links.objects_of(conn, key) if o.kind == "contact" and o.known]
        open_ = attendances.open_attendances_of_person(conn, key, now=sync.clock())
        people = [links.get(conn, one.participant) for one in open_ if one.participant]
    try:
        for contact in contacts:
            if contact.id in hinted:
                json = sync.oncall.get_contact(run.ticket, str(contact.remote_id))
                yield contact, oncall.wire("contact", json), oncall.to_person(json, table)
        for one in people if run.lease.hints.oncall else []:
            json = sync.oncall.get_participant(run.ticket, str(one.remote_id))
            yield one, oncall.wire("participant", json), oncall.to_attendee(json, table)
    except Gone:
        return  # the run of that contact or visit finds that out for itself


def _write(run: PersonRun, values: dict[str, object]) -> None:
    """One PATCH of the chart; what it says then goes to every other contact and participant."""
    sync, patient = run.sync, run.patient
    body = drchrono_bodies.patient_body(values)
    json = {**run.json, **body}
    written = sync.digests.fields(patient.id, drchrono.wire("patient", json))
    sync.drchrono.patch_patient(
        run.ticket,
        str(patient.remote_id),
        body,
        object_id=patient.id,
        fields=tuple(values),
        effect="update",
        pending={(patient.id, name): written[name] for name in values if name in written},
    )
    run.json = json
    run.person = charts.read(sync, json)
