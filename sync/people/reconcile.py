"""Run one person: carry the patient's names and addresses to their contacts and open visits.

A person is a hub. Demographics flow from the system of record; what differs on the other side is
written once, only where its baseline is not what it should be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.errors import Gone
from sync.core.records import present
from sync.core.rules import inviting, people
from sync.core.rules.merge import Seen
from sync.drchrono import translate as drchrono
from sync.outbound.gate import Ticket
from sync.people import charts, contacts, demographics, mirror, sharing, unreadable, write
from sync.people.model import PersonRun
from sync.run.changes import compare, matches
from sync.run.evidence import staleness
from sync.run.evidence.staleness import look_again_for
from sync.run.hinted import fruitless, reads
from sync.run.outcomes import ParkedError
from sync.store import attention
from sync.store.lanes import Hints
from sync.store.people import persons
from sync.store.tables import (
    attendances,
    baselines,
    blockers,
    claims,
    journal,
    links,
    person_index,
    told,
    work,
)
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj
from sync.store.visits import visits

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.runtime import Sync

INACTIVE = "patient_inactive"


def run(sync: Sync, lease: Lease) -> None:
    """Bring one leased person's contacts and open visits to what their chart says.

    Raises LaterError, ParkedError and the RemoteErrors of the calls; the caller gives back then.
    """
    with sync.store.read() as conn:
        patient = _patient(conn, lease.aggregate)
        deliveries = journal.unexplained(conn, lease.aggregate)
        stored = baselines.stored_fields(conn, [patient.id]) if patient else {}
        behind = persons.is_behind(conn, lease.aggregate) or _lacks_contact(
            conn, sync, lease.aggregate
        )
        excluded = persons.get(conn, lease.aggregate).excluded
    if excluded and patient is not None:
        raise ParkedError("operator", f"excluded:{patient.remote_id}", None)
    if patient is None or (not behind and _explained(deliveries, stored, lease)):
        _finish(sync, lease, deliveries)
        return
    ticket = Ticket(lease.lane, lease)
    sync.gate.begin(ticket)
    try:
        json = sync.drchrono.get_patient(
            ticket, str(patient.remote_id), verbose=not patient.has_marker
        )
    except Gone:
        if patient.told:
            raise reads.denied(sync, lease, patient) from None
        if patient.state == "gone":
            reads.still_gone(sync, lease, patient)
            _finish(sync, lease, deliveries)
            return
        staleness.believe_gone(sync, lease, patient, deliveries)
        with sync.store.write() as conn:
            links.change(conn, patient.id, state="gone")
        _finish(sync, lease, deliveries)
        return
    chart = charts.read(sync, json)
    patient = reads.shown(
        sync, lease, patient, chart.remote_id, wire=drchrono.wire("patient", json)
    )
    _not_stale(sync, lease, patient, deliveries, chart.revision)
    with sync.store.write() as conn:
        charts.tell(conn, sync, lease.aggregate, chart)
    wire = drchrono.wire("patient", json)
    seen = compare(sync.digests, patient.id, wire, stored)
    run = PersonRun(sync, lease, ticket, patient, deliveries, chart, json, seen)
    staleness.believe(sync, lease, patient, wire, seen, revision=run.person.revision)
    unreadable.of_person(run, stored)
    changed = any(one not in {Seen.SAME, Seen.UNKNOWN} for one in seen.values())
    if changed:
        _new_version(run)
    elif not behind:
        fruitless.note(sync, lease, patient, deliveries)
    if sync.live and demographics.bring_back(run, seen):
        _new_version(run)
    held = _held(sync)
    if held is None:
        _settle(run, _carry(run))
    _finish(sync, lease, deliveries, waits_for=held if changed else None)


def _patient(conn: Connection, key: int) -> Obj | None:
    """The person's patient; one that is gone only when it was said to be there again."""
    again = [
        one
        for one in links.objects_of(conn, key)
        if one.kind == "patient" and not reads.is_closed(one) and one.shown_at is not None
    ]
    return links.patient_row(conn, key) or next(iter(again), None)


def _held(sync: Sync) -> tuple[str, str] | None:
    """What nothing may be written to OnCall for just now: the mode, the direction, or nothing."""
    if not sync.live:
        return "mode", "live"
    return None if sync.mapping.may_write_oncall else ("mapping", "direction")


def _not_stale(
    sync: Sync,
    lease: Lease,
    patient: Obj,
    deliveries: list[journal.Delivery],
    revision: str | None,
) -> None:
    """Raise LaterError when what was read is older than what a delivery told or was read before."""
    revisions = [d.revision for d in deliveries if d.object == patient.id and d.revision]
    newest = max([*revisions, patient.revision or ""])
    if revision and revision < newest:
        look_again_for(lease, Hints.of("drchrono"), sync.clock())


def tell_if_behind(conn: Connection, key: int | None, now: datetime) -> None:
    """Raise the person of a participant known only now, that missed a change of the chart."""
    if key is not None and persons.is_behind(conn, key):
        work.raise_(conn, key, now=now, hints=Hints.of("drchrono"))


def _lacks_contact(conn: Connection, sync: Sync, key: int) -> bool:
    """Whether a doctor of their open visits has no contact of theirs, and nobody was told."""
    mapped = [d for d in _doctors(conn, sync, key) if sync.mapping.doctor(d) is not None]
    unsettled = any(not contacts.is_settled(conn, sync.mapping, key, d) for d in mapped)
    return unsettled and not contacts.is_told(conn, key)


def _doctors(conn: Connection, sync: Sync, key: int) -> list[str]:
    """The doctors of the person's open visits to come."""
    attended = attendances.open_attendances_of_person(conn, key, now=sync.clock())
    return visits.doctors_of(conn, [one.visit for one in attended])


def _explained(
    deliveries: list[journal.Delivery],
    stored: dict[tuple[int, str], baselines.Stored],
    lease: Lease,
) -> bool:
    if not deliveries or lease.hints.oncall:
        return False
    return all(matches(d.digests or {}, d.key_id, d.object, stored) for d in deliveries)


def _new_version(run: PersonRun) -> None:
    """The chart changed: participants made with the older version are due."""
    sync = run.sync
    with sync.store.write() as conn:
        claims.hold(conn, run.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        persons.new_version(conn, run.lease.aggregate)
        told.settled(conn, "drchrono", "patient", str(run.patient.remote_id))
        keys = people.known_by(run.person)
        person_index.remember(conn, sync.digests, run.lease.aggregate, keys, now=sync.clock())


def _carry(run: PersonRun) -> str:
    """Write what is due; returns the cause for which nothing may be, else nothing."""
    sync, key = run.sync, run.lease.aggregate
    with sync.store.read() as conn:
        objects = links.objects_of(conn, key)
        attended = attendances.open_attendances_of_person(conn, key, now=sync.clock())
        doctors = _with_own_doctor(run, _doctors(conn, sync, key))
    known = _known_contacts(objects)
    cause = inviting.unreachable(run.person)
    reached = attended or any(one.kind == "contact" for one in objects)
    if not cause and run.person.active is False:
        # Inactive and deceased patients get no mail; their open visits are for staff to decide.
        cause, reached = INACTIVE, attended
    if cause:
        if reached:  # nobody is told of patients whom nobody tries to reach
            with sync.store.write() as conn:
                attention.open_item(conn, key, cause, now=sync.clock())
        return cause
    if (reached or doctors) and sharing.is_told(sync, present(run.person.email, "")):
        return sharing.CAUSE
    for contact in known.values():
        write.write_contact(run, contact)
    for one in attended:
        write.write_participant(run, one)
    for doctor in doctors:
        contacts.ensure(sync, run.lease, run.person, run.json, doctor)
    with sync.store.read() as conn:
        found = _known_contacts(links.objects_of(conn, key))
    for row, contact in found.items():
        # One whose answer was lost was made of an older chart.
        if row not in known:
            write.write_contact(run, contact)
    return ""


def _known_contacts(objects: list[Obj]) -> dict[int, Obj]:
    return {one.id: one for one in objects if one.kind == "contact" and one.known}


def _with_own_doctor(run: PersonRun, doctors: list[str]) -> list[str]:
    """The mapped doctors of a person's visits, and their own where everyone has a contact."""
    mapping, own = run.sync.mapping, present(run.person.doctor, "")
    if mirror.is_mirrored(mapping) and own not in doctors:
        doctors = [*doctors, own]
    return [doctor for doctor in doctors if mapping.doctor(doctor) is not None]


# --- the end of a run -----------------------------------------------------------------------------


def _settle(run: PersonRun, cause: str) -> None:
    """The chart's change was carried: its baselines move, and who waited for it is woken.

    `cause`: why nothing could be written, which stays told.
    """
    sync, patient = run.sync, run.patient
    wire = drchrono.wire("patient", run.json)
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, run.lease, now=now, seconds=sync.settings.lease_seconds)
        baselines.settle(
            conn, patient.id, sync.digests.fields(patient.id, wire), sync.digests.key_id
        )
        links.change(conn, patient.id, seen_at=now, revision=run.person.revision)
        persons.told(conn, run.lease.aggregate)
        blockers.wake(conn, blockers.PATIENT, str(patient.remote_id), now=now)
        if cause != inviting.NO_EMAIL:
            keep = [*contacts.TOLD, "contact_differs", "participant_refused"]
            keep += [charts.ODD_BIRTH_DATE, sharing.CAUSE, cause]
            if sync.mapping.policy.demographics_back:
                keep.append(attention.NOT_BROUGHT_BACK)
            attention.close_rest(conn, run.lease.aggregate, now, keep=keep)


def _finish(
    sync: Sync,
    lease: Lease,
    deliveries: list[journal.Delivery],
    *,
    waits_for: tuple[str, str] | None = None,
) -> None:
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        links.unblock(conn, lease.aggregate)
        if waits_for is not None:
            links.block(
                conn, lease.aggregate, kind=waits_for[0], ref=waits_for[1], since=lease.begun
            )
        journal.explain(conn, deliveries, now)
        claims.complete(conn, lease, ended=sync.clock())
