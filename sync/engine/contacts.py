"""A patient's OnCall contact: found before it is made, once per patient, provider and division."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select, update

from sync.core import people
from sync.core.errors import FencedOff, Refused, RemoteError, Unresolved
from sync.core.merge import Action, Seen, Side, merge
from sync.core.people import normal_email
from sync.core.records import Absent, Marker, Person, present
from sync.drchrono import bodies as drchrono_bodies
from sync.engine import facts, index, never, undecided
from sync.engine.outcomes import LaterError, ParkedError
from sync.mapping import Mapping
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.outbound.gate import Ticket
from sync.outbound.pages import Page
from sync.store import baselines, journal, links, work
from sync.store.links import Obj
from sync.store.schema import attention, call
from sync.store.work import Hints, Lane, Lease

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.engine.context import Sync
    from sync.outbound.call import Answer

FIELDS = ("first_name", "last_name", "email", "phone", "birth_date", "sex")
LOOKS = 2
FILTERS = "contacts_email_filter"


def _place(mapping: Mapping, doctor: str) -> tuple[str, str]:
    entry = mapping.doctor(doctor)
    if entry is None:
        raise ParkedError("mapping", f"doctor:{doctor}", "doctor_unmapped")
    return entry.oncall_provider, entry.oncall_division


def of(conn: Connection, key: int, provider: str, division: str) -> Obj | None:
    """The person's contact with that provider and division, in whatever state."""
    found = [
        obj
        for obj in links.objects_of(conn, key)
        if obj.kind == "contact" and (obj.provider, obj.division) == (provider, division)
        if obj.state != "gone"
    ]
    return found[0] if found else None


def patient_row(conn: Connection, key: int) -> Obj | None:
    """The person's patient."""
    found = [o for o in links.objects_of(conn, key) if o.kind == "patient" and o.known]
    return found[0] if found else None


def is_settled(conn: Connection, mapping: Mapping, key: int, doctor: str) -> bool:
    """Whether the contact for this doctor stands and the patient bears our marker."""
    provider, division = _place(mapping, doctor)
    contact, patient = of(conn, key, provider, division), patient_row(conn, key)
    if contact is None or not contact.known or patient is None:
        return False
    return patient.marked or facts.patient_field(conn, doctor) is None


def is_told(conn: Connection, key: int) -> bool:
    """Whether somebody was told already why this person has no contact."""
    told = conn.execute(
        select(attention.c.id).where(
            attention.c.aggregate == key,
            attention.c.cause.in_(("contact_refused", "contact_unsure")),
            attention.c.closed_at.is_(None),
        )
    ).first()
    return told is not None


def ensure(sync: Sync, lease: Lease, person: Person, json: dict[str, Json], doctor: str) -> None:
    """See that the person has a contact with that doctor, and bears our marker.

    `json` is the patient as read verbosely. What OnCall refuses is told, once, and blocks nothing.
    Raises LaterError while a create's outcome is unknown, and the RemoteErrors of the calls.
    """
    mapping = sync.mapping
    provider, division = _place(mapping, doctor)
    ticket = Ticket(lease.lane, lease)
    with sync.store.read() as conn:
        contact = of(conn, lease.aggregate, provider, division)
    if contact is not None and contact.remote_id is None:
        _resolve(sync, ticket, contact, person)
        with sync.store.read() as conn:
            contact = of(conn, lease.aggregate, provider, division)
    if contact is None:
        try:
            contact, free = _find(sync, ticket, lease, person, (provider, division))
            if contact is None and free and sync.live:
                undecided.until_accepted(sync)
                contact = _make(sync, ticket, lease, person, doctor, (provider, division))
        except Refused as refusal:
            with sync.store.write() as conn:
                journal.open_attention(
                    conn,
                    lease.aggregate,
                    "contact_refused",
                    now=sync.clock(),
                    candidates=list(refusal.fields),
                )
    mark_patient(sync, ticket, lease.aggregate, json, contact.remote_id if contact else None)


# --- finding --------------------------------------------------------------------------------------


def _find(
    sync: Sync, ticket: Ticket, lease: Lease, person: Person, place: tuple[str, str]
) -> tuple[Obj | None, bool]:
    """Link the contact that is there already, if it is surely theirs.

    Also returns whether one may be made: not while somebody there may be them.
    """
    email = present(person.email, "")
    if not email:
        return None, False
    hits = by_email(sync, ticket, email)
    full = [(r, s) for r, s in (_whole(sync, ticket, r, s) for r, s in hits) if _in(s, place)]
    apart = _told_apart(sync, lease.aggregate, [shown.remote_id for _r, shown in full])
    free = [
        (r, shown)
        for r, shown in full
        if _taken(sync, shown) is None and shown.remote_id not in apart
    ]
    theirs = [(r, shown) for r, shown in free if is_theirs(sync, shown, person)]
    if len(theirs) == 1:
        record, shown = theirs[0]
        return _link(sync, lease, person, shown, record, place), True
    unsure = theirs or [(r, s) for r, s in free if not people.match(s, [person]).nobody]
    if unsure:
        ids = [shown.remote_id for _record, shown in unsure]
        with sync.store.write() as conn:
            journal.open_attention(
                conn, lease.aggregate, "contact_unsure", now=sync.clock(), candidates=ids
            )
    return None, not unsure


def _told_apart(sync: Sync, key: int, ids: list[str]) -> set[str]:
    with sync.store.read() as conn:
        patient = patient_row(conn, key)
        who = str(patient.remote_id) if patient else ""
        return never.apart(conn, "patient", who, "contact", ids)


def is_theirs(sync: Sync, contact: Person, person: Person) -> bool:
    """Whether a contact is surely this patient's.

    One without a birth date is, if no other patient has that e-mail.
    """
    if people.match(contact, [person]).one is None:
        return False
    if present(contact.birth_date, None) is not None:
        return True
    email = dict(people.keys(person)).get("email")
    with sync.store.read() as conn:
        return email is not None and len(index.find(conn, sync.digests, "email", email)) == 1


def by_email(sync: Sync, ticket: Ticket, email: str) -> list[tuple[dict[str, Json], Person]]:
    """Every contact with that e-mail.

    The search parameter's name is not documented (facts: U): a server that refuses it, or answers
    with others, is read page by page instead, and that is remembered.
    """
    with sync.store.read() as conn:
        filters = facts.get(conn, FILTERS) != "no"
    try:
        page = sync.oncall.contacts(ticket, email=email if filters else None)
    except Refused:
        filters = False
        page = sync.oncall.contacts(ticket)
    found, others = _with_email(page, email)
    if others:
        filters = False
    while page.next is not None and (not filters or found):
        page = sync.oncall.contacts(ticket, page=page.next)
        found += _with_email(page, email)[0]
    if not filters:
        with sync.store.write() as conn:
            facts.put(conn, FILTERS, "no", sync.clock())
    return found


def _with_email(page: Page, email: str) -> tuple[list[tuple[dict[str, Json], Person]], bool]:
    """The contacts of a page with that e-mail, and whether there are any others."""
    shown = [(record, oncall.to_person(record)) for record in page.results]
    wanted = normal_email(email)
    found = [pair for pair in shown if normal_email(present(pair[1].email, "")) == wanted]
    return found, len(found) < len(shown)


def _in(shown: Person, place: tuple[str, str]) -> bool:
    return (present(shown.provider, ""), present(shown.division, "")) == place


def _whole(
    sync: Sync, ticket: Ticket, record: dict[str, Json], shown: Person
) -> tuple[dict[str, Json], Person]:
    """List items lack provider and division (guide): read the contact itself then."""
    if not isinstance(shown.provider, Absent) and not isinstance(shown.division, Absent):
        return record, shown
    read = sync.oncall.get_contact(ticket, shown.remote_id)
    return read, oncall.to_person(read)


def _taken(sync: Sync, shown: Person) -> Obj | None:
    with sync.store.read() as conn:
        return links.find(conn, "oncall", "contact", shown.remote_id)


def _link(
    sync: Sync,
    lease: Lease,
    person: Person,
    shown: Person,
    record: dict[str, Json],
    place: tuple[str, str],
) -> Obj:
    """Link a contact that was there before us: what is equal is settled, the rest by policy."""
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        obj = links.add(
            conn,
            lease.aggregate,
            "oncall",
            "contact",
            shown.remote_id,
            now=now,
            provider=place[0],
            division=place[1],
            seen_at=now,
        )
        adopt(conn, sync, obj, person, shown, record)
    return obj


def adopt(
    conn: Connection,
    sync: Sync,
    obj: Obj,
    person: Person,
    shown: Person,
    record: dict[str, Json],
) -> None:
    """Settle the fields of a contact that say what the patient's say; tell when others differ."""
    wire = oncall.wire("contact", record)
    known: dict[str, Json] = {}
    differs: list[str] = []
    due = False
    for name in FIELDS:
        left, right = Side(Seen.NEW, getattr(person, name)), Side(Seen.NEW, getattr(shown, name))
        if isinstance(left.value, Absent) or isinstance(right.value, Absent) or name not in wire:
            continue
        action = merge(left, right, new=sync.mapping.policy.on_first_difference).action
        if action is Action.ASK:
            differs.append(name)
            continue
        # What the chart is to fill or to overwrite is settled as it stands: the hub then finds it
        # other than it should be.
        known[name] = wire[name]
        due = due or action is Action.TO_RIGHT
    baselines.settle(conn, obj.id, sync.digests.fields(obj.id, known), sync.digests.key_id)
    if due:
        now = sync.clock()
        work.raise_(conn, obj.aggregate, now=now, hints=Hints.of("drchrono"), lane=Lane.BULK)
    if differs:
        journal.open_attention(
            conn, obj.aggregate, "contact_differs", now=sync.clock(), object_id=obj.id,
            candidates=differs,
        )  # fmt: skip


# --- making ---------------------------------------------------------------------------------------


def _make(
    sync: Sync,
    ticket: Ticket,
    lease: Lease,
    person: Person,
    doctor: str,
    place: tuple[str, str],
) -> Obj | None:
    mapping = sync.mapping
    values: dict[str, object] = {"provider": doctor}
    for name in FIELDS:
        value = getattr(person, name)
        if not isinstance(value, Absent) and value not in {"", None}:
            values[name] = value
    body = oncall_bodies.contact_body(
        values, base_url=sync.settings.oncall_base_url, mapping=mapping
    )
    field_id = mapping.file.markers.contact_field
    installation = sync.installation()
    if field_id is not None and installation is not None:
        marker = Marker(installation, lease.aggregate, 1, 1, person.remote_id)
        body["custom_field_values"] = oncall_bodies.with_contact_marker(None, field_id, marker)
    key = f"contact:{person.remote_id}:{place[0]}:{place[1]}"
    with sync.store.write() as conn:
        work.hold(conn, lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        row = links.add(
            conn,
            lease.aggregate,
            "oncall",
            "contact",
            None,
            now=sync.clock(),
            state="creating",
            create_key=key,
            provider=place[0],
            division=place[1],
        )

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            _store(conn, sync, row, answer.json)

    try:
        sync.oncall.create_contact(
            ticket.then(after, fact=True),
            body,
            object_id=row.id,
            fields=tuple(values),
            effect="create",
            doctor=doctor,
        )
    except Unresolved:
        with sync.store.write() as conn:
            links.change(conn, row.id, state="ambiguous")
        raise
    except FencedOff:
        raise
    except RemoteError:
        with sync.store.write() as conn:
            links.forget_create(conn, row.id)
        raise
    with sync.store.read() as conn:
        return of(conn, lease.aggregate, *place)


def _store(conn: Connection, sync: Sync, row: Obj, json: dict[str, Json]) -> None:
    shown = oncall.to_person(json)
    made = links.created(conn, row, shown.remote_id, now=sync.clock(), marked=True)
    if made is not None:
        digests = sync.digests.fields(made.id, oncall.wire("contact", json))
        baselines.settle(conn, made.id, digests, sync.digests.key_id)


def _resolve(sync: Sync, ticket: Ticket, row: Obj, person: Person) -> None:
    """Find out what became of a contact whose making has no known outcome."""
    now = sync.clock()
    with sync.store.read() as conn:
        sent = conn.execute(
            select(func.max(call.c.at)).where(
                call.c.object == row.id, call.c.state.in_(("open", "unresolved", "done"))
            )
        ).scalar_one()
    if sent is None:
        _forget(sync, row)
        return
    settings = sync.settings
    ready = sent + timedelta(seconds=settings.late_seconds)
    if row.looked_at is not None:
        ready = row.looked_at + timedelta(seconds=settings.apart_seconds)
    if now < ready:
        raise LaterError(ready)
    place = (row.provider or "", row.division or "")
    for record, listed in by_email(sync, ticket, present(person.email, "")):
        whole, shown = _whole(sync, ticket, record, listed)
        same = _in(shown, place) and is_theirs(sync, shown, person)
        if same and _taken(sync, shown) is None:
            with sync.store.write() as conn:
                _store(conn, sync, row, whole)
            return
    if row.looks + 1 >= LOOKS:
        _forget(sync, row)
        return
    with sync.store.write() as conn:
        links.change(conn, row.id, state="ambiguous", looks=row.looks + 1, looked_at=now)
    raise LaterError(now + timedelta(seconds=settings.apart_seconds))


def _forget(sync: Sync, row: Obj) -> None:
    with sync.store.write() as conn:
        links.forget_create(conn, row.id)
        conn.execute(update(call).where(call.c.object == row.id).values(state="looked"))


# --- the patient's marker -------------------------------------------------------------------------


def mark_patient(
    sync: Sync, ticket: Ticket, key: int, json: dict[str, Json], other: str | None
) -> None:
    """Write our marker into the patient's custom demographic, if the list was returned, whole."""
    existing, installation = json.get("custom_demographics"), sync.installation()
    with sync.store.read() as conn:
        patient = patient_row(conn, key)
        field_id = facts.patient_field(conn, str(json.get("doctor")))
    if (
        patient is None
        or patient.marked
        or field_id is None
        or installation is None
        or other is None
        or not isinstance(existing, list)
        or not sync.live
    ):
        return
    marker = Marker(installation, key, 1, 1, other)
    fields = drchrono_bodies.with_marker("patient", existing, field_id, marker)

    def after(conn: Connection, _answer: Answer) -> None:
        links.change(conn, patient.id, marked=True)

    sync.drchrono.patch_patient(
        ticket.then(after),
        str(patient.remote_id),
        {"custom_demographics": fields},
        object_id=patient.id,
        fields=("marker",),
        effect="marker",
    )
