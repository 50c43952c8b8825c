"""Find a patient's contact among those that OnCall has, and settle what both say alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import NotTheApi, Refused
from sync.core.records import Absent, Person, present
from sync.core.rules import people
from sync.core.rules.merge import Action, FieldSide, Seen, merge
from sync.core.rules.people import normal_email
from sync.oncall import translate as oncall
from sync.outbound.gate import Ticket
from sync.outbound.pages import Page
from sync.people import by_index, chartless, charts
from sync.run import transfer
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.tables import baselines, claims, decisions, facts, links, work
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sync.core.wording import Json
    from sync.runtime import Sync

FIELDS = ("first_name", "last_name", "email", "phone", "birth_date", "sex")
FILTERS = "contacts_email_filter"


def find(
    sync: Sync, ticket: Ticket, lease: Lease, person: Person, place: tuple[str, str]
) -> tuple[Obj | None, bool]:
    """Link the contact that is there already, if it is surely theirs.

    Also returns whether one may be made: not while somebody there may be them.
    """
    email = present(person.email, "")
    if not email:
        return None, False
    hits = by_email(sync, ticket, email)
    full = [(r, s) for r, s in (whole(sync, ticket, r, s) for r, s in hits) if stands_in(s, place)]
    records = {shown.remote_id: record for record, shown in full}
    theirs, unsure = compared(sync, lease.aggregate, person, [shown for _record, shown in full])
    if theirs is not None:
        record = records[theirs.remote_id]
        return _linked(sync, lease, person, theirs, record, place), True
    if unsure:
        ids = [shown.remote_id for shown in unsure]
        with sync.store.write() as conn:
            attention.open_item(
                conn, lease.aggregate, "contact_unsure", now=sync.clock(), candidates=ids
            )
    return None, not unsure


def compared(
    sync: Sync, key: int, person: Person, listed: Collection[Person]
) -> tuple[Person | None, list[Person]]:
    """Of the contacts with a patient's e-mail, in one place, theirs; else those that may be theirs.

    Nobody's who was told apart from them, or who is another patient's. `key` is their aggregate.
    """
    apart = _told_apart(sync, key, [shown.remote_id for shown in listed])
    free = [one for one in listed if one.remote_id not in apart and _free(sync, one)]
    theirs = [shown for shown in free if is_theirs(sync, shown, person)]
    if len(theirs) == 1:
        return theirs[0], []
    return None, theirs or [one for one in free if not people.match(one, [person]).nobody]


def _free(sync: Sync, shown: Person) -> bool:
    with sync.store.read() as conn:
        return chartless.is_free(conn, links.find(conn, "oncall", "contact", shown.remote_id))


def _linked(
    sync: Sync,
    lease: Lease,
    person: Person,
    shown: Person,
    record: dict[str, Json],
    place: tuple[str, str],
) -> Obj:
    """Link a contact that was there; one that has a person without a patient comes over from it."""
    with sync.store.write() as conn:
        known = links.find(conn, "oncall", "contact", shown.remote_id)
        if known is None:
            claims.hold(conn, lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
            return link(conn, sync, lease.aggregate, person, shown, record, place)
        hints = Hints.of("drchrono")
        held = transfer.hold(conn, sync, known.aggregate, lease=lease, hints=hints)
        return hand_over(held, sync, known, lease.aggregate, person, shown, record)


def hand_over(
    held: transfer.Held,
    sync: Sync,
    known: Obj,
    key: int,
    person: Person,
    shown: Person,
    record: dict[str, Json],
) -> Obj:
    """Give a patient the contact that was made without a chart; its person is theirs from now on.

    What it says counts as what any contact says that was there before us: the chart is the record.
    """
    conn = held.conn
    transfer.absorb(held, known.aggregate, key, hints=Hints.of("drchrono"))
    baselines.forget(conn, known.id)
    links.change(conn, known.id, seen_at=held.now)
    obj = links.get(conn, known.id)
    adopt(conn, sync, obj, person, shown, record)
    return obj


def _told_apart(sync: Sync, key: int, ids: list[str]) -> set[str]:
    with sync.store.read() as conn:
        patient = links.patient_row(conn, key)
        who = str(patient.remote_id) if patient else ""
        return decisions.apart(conn, "patient", who, "contact", ids)


def is_theirs(sync: Sync, contact: Person, person: Person) -> bool:
    """Whether a contact is surely this patient's.

    One without a birth date is, if no other patient has that e-mail.
    """
    if people.match(contact, [person]).one is None:
        return False
    if present(contact.birth_date, None) is not None:
        return True
    with sync.store.read() as conn:
        return by_index.nobody_else_has(conn, sync.digests, present(person.email, ""))


def by_email(sync: Sync, ticket: Ticket, email: str) -> list[tuple[dict[str, Json], Person]]:
    """Every contact with that e-mail.

    The search parameter's name is not documented (docs/api-facts.md, O29): a server that refuses
    it, or answers with others, is read page by page instead, and that is remembered.
    """
    with sync.store.read() as conn:
        filters = facts.get(conn, FILTERS) != "no"
    pages = sync.oncall.contact_pages(ticket, email=email if filters else None)
    try:
        page = next(pages)
    except (Refused, NotTheApi):
        # Whoever refused it: a list read whole answers the same question.
        filters = False
        pages = sync.oncall.contact_pages(ticket)
        page = next(pages)
    found, others = _with_email(sync, page, email)
    if others:
        filters = False
    while page.next is not None and (not filters or found):
        page = next(pages)
        found += _with_email(sync, page, email)[0]
    if not filters:
        with sync.store.write() as conn:
            facts.put(conn, FILTERS, "no", sync.clock())
    return found


def everybody(sync: Sync, ticket: Ticket) -> Iterator[tuple[dict[str, Json], Person]]:
    """Every contact there is, page by page."""
    for page in sync.oncall.contact_pages(ticket):
        yield from ((record, charts.contact(sync, record)) for record in page.results)


def _with_email(
    sync: Sync, page: Page, email: str
) -> tuple[list[tuple[dict[str, Json], Person]], bool]:
    """The contacts of a page with that e-mail, and whether there are any others."""
    shown = [(record, charts.contact(sync, record)) for record in page.results]
    wanted = normal_email(email)
    found = [pair for pair in shown if normal_email(present(pair[1].email, "")) == wanted]
    return found, len(found) < len(shown)


def stands_in(shown: Person, place: tuple[str, str]) -> bool:
    """Whether a contact is of this provider and division."""
    return (present(shown.provider, ""), present(shown.division, "")) == place


def whole(
    sync: Sync, ticket: Ticket, record: dict[str, Json], shown: Person
) -> tuple[dict[str, Json], Person]:
    """Read the contact itself where the list item lacks provider or division (O30)."""
    if not isinstance(shown.provider, Absent) and not isinstance(shown.division, Absent):
        return record, shown
    read = sync.oncall.get_contact(ticket, shown.remote_id)
    return read, charts.contact(sync, read)


def row_of(sync: Sync, shown: Person) -> Obj | None:
    """Give the row of a contact that was read, None where there is none yet."""
    with sync.store.read() as conn:
        return links.find(conn, "oncall", "contact", shown.remote_id)


def link(
    conn: Connection,
    sync: Sync,
    key: int,
    person: Person,
    shown: Person,
    record: dict[str, Json],
    place: tuple[str, str],
) -> Obj:
    """Link a contact that was there before us: what is equal is settled, the rest by policy.

    `key` is the person's aggregate, `place` provider and division.
    """
    now = sync.clock()
    obj = links.add(
        conn,
        key,
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
        left, right = (FieldSide(Seen.NEW, charts.said(one, name)) for one in (person, shown))
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
        attention.open_item(
            conn, obj.aggregate, "contact_differs", now=sync.clock(), object_id=obj.id,
            candidates=differs,
        )  # fmt: skip
