"""Find or make a patient's OnCall contact: one for each patient, provider and division."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sync.core.errors import Refused
from sync.core.records import Absent, Marker, Person, present
from sync.core.rules.merge import Seen
from sync.drchrono import bodies as drchrono_bodies
from sync.mapping import Mapping
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.outbound.gate import Ticket
from sync.people import chartless, contact_search
from sync.people.contact_search import is_theirs
from sync.run import allowed, attempts, lost, markers, unreadable
from sync.run.changes import compare
from sync.run.evidence import proofs, sealing
from sync.run.lost import Look, Lost
from sync.run.outcomes import ParkedError
from sync.store import attention, calls
from sync.store.tables import baselines, claims, facts, links
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj
from sync.store.visits import moves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.core.wording import Json
    from sync.outbound.call import Answer
    from sync.runtime import Sync


# Why a person has no contact; each is closed when they have one.
TOLD = ("contact_refused", "contact_unsure")


def _place(mapping: Mapping, doctor: str) -> tuple[str, str]:
    entry = mapping.doctor(doctor)
    if entry is None:
        raise ParkedError("mapping", f"doctor:{doctor}", "doctor_unmapped")
    return entry.oncall_provider, entry.oncall_division


def of(conn: Connection, key: int, provider: str, division: str) -> Obj | None:
    """The person's contact with that provider and division, in whatever state."""
    return _with(links.objects_of(conn, key), provider, division)


def _with(objects: Iterable[Obj], provider: str, division: str) -> Obj | None:
    place = (provider, division)
    contacts = (obj for obj in objects if obj.kind == "contact" and obj.state != "gone")
    return next((obj for obj in contacts if (obj.provider, obj.division) == place), None)


def stands_in(objects: Iterable[Obj], mapping: Mapping, doctor: str) -> bool:
    """Whether these objects of a person say so without a question: see `is_settled`."""
    objects = tuple(objects)
    contact, patient = _with(objects, *_place(mapping, doctor)), links.patient_in(objects)
    return contact is not None and contact.known and patient is not None and patient.has_marker


def is_settled(conn: Connection, mapping: Mapping, key: int, doctor: str) -> bool:
    """Whether the contact for this doctor stands and the patient bears our marker."""
    provider, division = _place(mapping, doctor)
    objects = links.objects_of(conn, key)
    contact, patient = _with(objects, provider, division), links.patient_in(objects)
    if contact is None or not contact.known or patient is None:
        return False
    return patient.has_marker or facts.patient_field(conn, doctor) is None


def is_told(conn: Connection, key: int) -> bool:
    """Whether somebody was told already why this person has no contact."""
    return attention.is_any_open(conn, key, TOLD)


def ensure(sync: Sync, lease: Lease, person: Person, json: dict[str, Json], doctor: str) -> None:
    """See that the person has a contact with that doctor, and bears our marker.

    `json` is the patient as read verbosely. What OnCall refuses is told, once, and blocks nothing.
    Raises LaterError while a create's outcome is unknown, and the RemoteErrors of the calls.
    """
    ticket, contact = Ticket(lease.lane, lease), None
    try:
        contact = obtain(sync, ticket, lease, person, doctor)
    except Refused as refusal:
        with sync.store.write() as conn:
            attention.open_item(
                conn,
                lease.aggregate,
                "contact_refused",
                now=sync.clock(),
                candidates=list(refusal.fields),
            )
    mark_patient(sync, ticket, lease.aggregate, json, contact.remote_id if contact else None)


def obtain(
    sync: Sync, ticket: Ticket, lease: Lease, person: Person, doctor: str, *, make: bool = True
) -> Obj | None:
    """The person's contact with that doctor: theirs, one that is there for them, else a new one.

    `person` is who the patient is, by the chart or by whoever surely speaks of it. None: somebody
    there may be them, which is told, or nothing may be made; without `make` nothing is. Raises
    Refused, LaterError while a create's outcome is unknown, and the RemoteErrors of the calls.
    """
    place = _place(sync.mapping, doctor)
    contact = _theirs(sync, ticket, lease, person, place)
    if contact is not None:
        return contact
    contact, free = contact_search.find(sync, ticket, lease, person, place)
    if contact is None and free and make and sync.live:
        allowed.until_accepted(sync)
        contact = _make(sync, ticket, lease, person, doctor, place)
        if contact is None:  # whom a file named is the patient's now, whatever became of it
            contact = _theirs(sync, ticket, lease, person, place)
    if contact is not None:
        with sync.store.write() as conn:
            for cause in TOLD:
                attention.close_cause(conn, lease.aggregate, cause, sync.clock())
    return contact


def _theirs(
    sync: Sync, ticket: Ticket, lease: Lease, person: Person, place: tuple[str, str]
) -> Obj | None:
    """The contact that the person has by our rows; one whose making is open is looked for."""
    with sync.store.read() as conn:
        contact = of(conn, lease.aggregate, *place)
    if contact is None or contact.remote_id is not None:
        return contact
    resolve(sync, ticket, contact, person)
    with sync.store.read() as conn:
        return of(conn, lease.aggregate, *place)


# --- making ---------------------------------------------------------------------------------------


def _make(
    sync: Sync,
    ticket: Ticket,
    lease: Lease,
    person: Person,
    doctor: str,
    place: tuple[str, str],
) -> Obj | None:
    """Make the patient's contact; None where a create that a file asked for is theirs instead."""
    with sync.store.write() as conn:
        claims.hold(conn, lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        if chartless.absorb(conn, sync, lease, person, place):
            return None
        row = attempts.begin(
            conn,
            lease.aggregate,
            "oncall",
            "contact",
            f"contact:{person.remote_id}:{place[0]}:{place[1]}",
            now=sync.clock(),
            provider=place[0],
            division=place[1],
        )
    return post(sync, ticket, row, person, doctor)


def post(
    sync: Sync,
    ticket: Ticket,
    row: Obj,
    person: Person,
    doctor: str,
    record: str | None = None,
) -> Obj | None:
    """Make the contact that a row was written down for; None where its row went meanwhile.

    Our marker goes with it, where the account has the field; it names the patient, if `person` has
    one, and `record`, by which another health record names them.
    """
    mapping = sync.mapping
    values: dict[str, object] = {"provider": doctor}
    for name in contact_search.FIELDS:
        value = getattr(person, name)
        if not isinstance(value, Absent) and value not in {"", None}:
            values[name] = value
    body = oncall_bodies.contact_body(
        values, base_url=sync.settings.oncall_base_url, mapping=mapping
    )
    field_id = mapping.file.markers.contact_field
    installation = sync.installation()
    if field_id is not None and installation is not None:
        marker = Marker(installation, row.aggregate, 1, 1, person.remote_id or None, record=record)
        marker = sealing.seal(sync.digests, marker, "oncall", "contact")
        body["custom_field_values"] = oncall_bodies.with_contact_marker(None, field_id, marker)

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            _store(conn, sync, row, answer.json)

    with attempts.attempt(sync, [row.id], lambda: _forget(sync, row)):
        sync.oncall.create_contact(
            ticket.then(after, fact=True),
            body,
            object_id=row.id,
            fields=tuple(values),
            effect="create",
            pending=attempts.sent(sync.digests, {row.id: oncall.wire("contact", body)}),
            doctor=doctor,
        )
    with sync.store.read() as conn:
        return of(conn, row.aggregate, row.provider or "", row.division or "")


def _store(conn: Connection, sync: Sync, row: Obj, json: dict[str, Json]) -> None:
    shown = oncall.to_person(json)
    made = moves.created(conn, row, shown.remote_id, now=sync.clock(), has_marker=True)
    if made is not None:
        calls.forget_sent(conn, row.id)
        digests = sync.digests.fields(made.id, oncall.wire("contact", json))
        baselines.settle(conn, made.id, digests, sync.digests.key_id)


def resolve(sync: Sync, ticket: Ticket, row: Obj, person: Person) -> None:
    """Find out what became of a contact whose making has no known outcome."""
    with sync.store.read() as conn:
        sent = attempts.last_sent(conn, row)
    look = partial(_look, sync, ticket, row, person)
    found = None if sent is None else lost.climb(sync, Lost(row, sent), look)
    if found is None:
        _forget(sync, row)
        return
    with sync.store.write() as conn:
        _store(conn, sync, row, found)


def _look(sync: Sync, ticket: Ticket, row: Obj, person: Person) -> Look[dict[str, Json]]:
    found = _made(sync, ticket, row, person)
    with sync.store.read() as conn:
        return Look(found, proofs.of_list(conn, proofs.ONCALL_CONTACTS))


def _made(sync: Sync, ticket: Ticket, row: Obj, person: Person) -> dict[str, Json] | None:
    """The contact that is as the create sent it, or surely the patient's; None: there is none.

    The chart may have changed since: then it is not found by what the chart says now.
    """
    place = (row.provider or "", row.division or "")
    with sync.store.read() as conn:
        sent = baselines.stored_fields(conn, [row.id])
    if unreadable.is_in(sync.digests, sent):
        # Neither that it stands nor that it doesn't could be told from what is shown.
        raise ParkedError("operator", unreadable.CAUSE, unreadable.CAUSE, row.id)
    email = present(person.email, "")
    seen = compare(sync.digests, row.id, {"email": email}, sent)
    if (row.id, "email") in sent and seen["email"] is not Seen.OURS:
        listed = contact_search.everybody(sync, ticket)
    else:
        listed = iter(contact_search.by_email(sync, ticket, email))

    def is_it(record: dict[str, Json], shown: Person) -> bool:
        wire = oncall.wire("contact", record)
        return attempts.is_as_sent(sync.digests, row, wire, sent) or is_theirs(sync, shown, person)

    for record, shown in listed:
        if not is_it(record, shown):
            continue
        record, shown = contact_search.whole(sync, ticket, record, shown)
        free = contact_search.row_of(sync, shown) is None
        if free and contact_search.stands_in(shown, place) and is_it(record, shown):
            return record
    return None


def _forget(sync: Sync, row: Obj) -> None:
    with sync.store.write() as conn:
        attempts.forget(conn, row.id)


# --- the patient's marker -------------------------------------------------------------------------


def mark_patient(
    sync: Sync, ticket: Ticket, key: int, json: dict[str, Json], other: str | None
) -> None:
    """Write our marker into the patient's custom demographic, if the list was returned, whole."""
    existing, installation = json.get("custom_demographics"), sync.installation()
    with sync.store.read() as conn:
        patient = links.patient_row(conn, key)
        field_id = facts.patient_field(conn, str(json.get("doctor")))
    if (
        patient is None
        or patient.has_marker
        or field_id is None
        or installation is None
        or other is None
        or not isinstance(existing, list)
        or not sync.live
    ):
        return
    marker = Marker(installation, key, 1, 1, other)
    marker = sealing.seal(sync.digests, marker, "drchrono", "patient", patient.remote_id)
    fields = drchrono_bodies.with_marker("patient", existing, field_id, marker)

    def after(conn: Connection, _answer: Answer) -> None:
        links.change(conn, patient.id, has_marker=True, marker_key=sync.digests.key_id)

    try:
        sync.drchrono.patch_patient(
            ticket.then(after),
            str(patient.remote_id),
            {"custom_demographics": fields},
            object_id=patient.id,
            fields=("marker",),
            effect="marker",
        )
    except Refused as refusal:
        markers.do_without(sync, patient, refusal)
