"""What is the same in both systems: people by their e-mail, names and birth date, visits by theirs.

Visits are the same by provider, start, length and the participant's e-mail. Records are compared in
memory and forgotten; the matching stores what follows, the preview of going live counts it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync.core import people
from sync.core.lifecycle import terminal
from sync.core.people import normal_email
from sync.core.records import Absent, Marker, Person, State, Visit, present
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.engine import never
from sync.engine.context import Sync
from sync.engine.newest import record_id
from sync.mapping import Mapping
from sync.oncall import translate as oncall
from sync.outbound.gate import Ticket
from sync.store import links


@dataclass
class Met:
    """A visit of one system as the scan met it."""

    json: dict[str, Json]
    visit: Visit


@dataclass
class Scan:
    """One scan of both systems; what it read of people is in memory only."""

    sync: Sync
    mapping: Mapping
    ticket: Ticket
    now: datetime
    people: dict[str, Person] = field(default_factory=dict)  # by patient id
    person_keys: dict[str, int] = field(default_factory=dict)  # patient id → aggregate
    by_email: dict[str, list[Person]] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """What is the same visit in both systems, what may be one of several, what has no other side.

    Those of OnCall that an appointment may be are in `only_oncall` too, until a person decides.
    """

    same: list[tuple[Met, Met]]
    unsure: list[tuple[Met, list[str]]]
    only_drchrono: list[Met]
    only_oncall: list[Met]


def new_scan(sync: Sync) -> Scan:
    """A scan that begins now; makes no call yet. Raises MappingError."""
    return Scan(sync, sync.mapping, sync.task_ticket(), sync.clock())


# --- people ---------------------------------------------------------------------------------------


def read_patients(started: Scan) -> Iterator[list[Person]]:
    """Every patient, page by page; the scan knows them afterwards."""
    for page in started.sync.drchrono.list_patients(started.ticket):
        listed = [drchrono.to_person(json) for json in page.results]
        for shown in listed:
            started.people[shown.remote_id] = shown
            email = normal_email(present(shown.email, ""))
            if email:
                started.by_email.setdefault(email, []).append(shown)
        yield listed


def read_contacts(started: Scan) -> Iterator[dict[str, Json]]:
    """Every contact as OnCall lists it."""
    page = started.sync.oncall.contacts(started.ticket)
    while True:
        yield from page.results
        if page.next is None:
            return
        page = started.sync.oncall.contacts(started.ticket, page=page.next)


def patients_like(started: Scan, shown: Person) -> people.Match[Person]:
    """Which patient a contact is. Who was told apart by hand is none of its candidates."""
    same = started.by_email.get(normal_email(present(shown.email, "")), [])
    with started.sync.store.read() as conn:
        ids = [one.remote_id for one in same]
        apart = never.apart(conn, "contact", shown.remote_id, "patient", ids)
    return people.match(shown, [one for one in same if one.remote_id not in apart])


# --- visits ---------------------------------------------------------------------------------------


def compare(started: Scan) -> Compared:
    """Read the visits of both systems that have no counterpart yet, and compare them."""
    there = _oncall_visits(started)
    here = _appointments(started)
    found = Compared([], [], [], [])
    taken: set[str] = set()
    for met in here:
        free = [one for one in there if one.visit.remote_id not in taken]
        hits = [one for one in free if _same(started, met, one)]
        if len(hits) == 1 and _only_claim(started, here, hits[0]):
            taken.add(hits[0].visit.remote_id)
            found.same.append((met, hits[0]))
        elif hits:
            found.unsure.append((met, [one.visit.remote_id for one in hits]))
        else:
            found.only_drchrono.append(met)
    found.only_oncall.extend(one for one in there if one.visit.remote_id not in taken)
    return found


def _oncall_visits(started: Scan) -> list[Met]:
    """Every open OnCall visit to come."""
    found = []
    page = started.sync.oncall.list_appointments(started.ticket)
    while True:
        for json in page.results:
            shown = oncall.to_visit(json, started.mapping)
            if _to_come(started, shown) and _is_unlinked(started, shown):
                found.append(Met(json, shown))
        if page.next is None:
            return sorted(found, key=lambda met: record_id(met.json))
        page = started.sync.oncall.list_appointments(started.ticket, page.next)


def _appointments(started: Scan) -> list[Met]:
    """Every appointment in scope from today to the end of the window."""
    days = min(started.mapping.policy.window_days, started.sync.settings.window_days)
    first = (started.now - timedelta(days=1)).date()
    last = (started.now + timedelta(days=days)).date()
    found = []
    pages = started.sync.drchrono.list_appointments(
        started.ticket, verbose=True, date_range=f"{first.isoformat()}/{last.isoformat()}"
    )
    for page in pages:
        for json in page.results:
            shown = drchrono.to_visit(json, started.mapping)
            if not _to_come(started, shown) or not in_scope(started.mapping, shown):
                continue
            if _is_unlinked(started, shown):
                found.append(Met(json, shown))
    return found


def _to_come(started: Scan, shown: Visit) -> bool:
    if isinstance(shown.starts, Absent) or shown.starts < started.now:
        return False
    return not isinstance(shown.state, State) or not terminal(shown.state)


def _is_unlinked(started: Scan, shown: Visit) -> bool:
    """Whether a visit has no counterpart yet, made or being made."""
    with started.sync.store.read() as conn:
        obj = links.find(conn, shown.system, "appointment", shown.remote_id)
        return obj is None or not any(
            one.kind == "appointment" and one.id != obj.id and one.state != "gone"
            for one in links.objects_of(conn, obj.aggregate)
        )


def in_scope(mapping: Mapping, shown: Visit) -> bool:
    """Whether an appointment is one that the mapping has synced."""
    if shown.is_break or shown.virtual_base or shown.type is None or not shown.patient:
        return False
    if isinstance(shown.provider, Absent) or mapping.doctor(shown.provider) is None:
        return False
    return isinstance(shown.office, Absent) or mapping.works_in(shown.provider, shown.office)


def _same(started: Scan, met: Met, one: Met) -> bool:
    """Provider (where OnCall tells it), start, length and the participant's e-mail."""
    left, right = met.visit, one.visit
    if _told_apart(started, left, right):
        return False
    marker = right.marker
    if isinstance(marker, Marker):
        return marker.other == left.remote_id
    if left.starts != right.starts or left.minutes != right.minutes:
        return False
    if not isinstance(right.provider, Absent) and right.provider != left.provider:
        return False
    patient = started.people.get(str(left.patient))
    email = normal_email(present(patient.email, "")) if patient else ""
    return bool(email) and any(
        normal_email(present(who.email, "")) == email
        for who in right.attendees
        if who.cancelled is not True
    )


def _told_apart(started: Scan, left: Visit, right: Visit) -> bool:
    with started.sync.store.read() as conn:
        return never.is_said(conn, ("appointment", left.remote_id), ("visit", right.remote_id))


def _only_claim(started: Scan, here: list[Met], one: Met) -> bool:
    return sum(_same(started, met, one) for met in here) == 1
