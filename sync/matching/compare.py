"""Compare both systems: people by e-mail, names and birth date, visits by what they say.

Visits are the same by provider, start, length and the participant's e-mail. Records are compared in
memory and forgotten; the matching stores what follows, the preview of going live counts it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sync.core.errors import NotBefore
from sync.core.records import Absent, Marker, Person, State, Visit, present
from sync.core.rules import people
from sync.core.rules.lifecycle import terminal
from sync.core.rules.people import normal_email
from sync.core.rules.place import slot_of
from sync.core.rules.same import participants_of, who_comes
from sync.core.wording import Json
from sync.mapping import in_scope
from sync.matching import alike
from sync.matching.marked import here, patient, there
from sync.matching.scan import ListedVisit, Scan, Sides, Together
from sync.oncall.newest import record_id
from sync.outbound.pages import Page
from sync.store.tables import decisions, links


@dataclass(frozen=True)
class Compared:
    """What is the same visit in both systems, what may be one of several, what has no other side.

    Those of OnCall that an appointment may be are in `only_oncall` too, until a person decides.
    """

    groups: list[Together]
    same: list[tuple[ListedVisit, ListedVisit]]
    unsure: list[tuple[ListedVisit, list[str]]]
    only_drchrono: list[ListedVisit]
    only_oncall: list[ListedVisit]


# --- people ---------------------------------------------------------------------------------------


def read_patients(scan: Scan) -> Iterator[list[Person]]:
    """Every patient, page by page; the scan knows them afterwards and reads them once."""
    if scan.people:
        yield list(scan.people.values())
        return
    listing = scan.sync.drchrono.list_patients
    for page in _pages(scan, partial(listing, scan.ticket, verbose=scan.verbose)):
        listed = [patient(scan, json) for json in page.results]
        for shown in listed:
            know(scan, shown)
        scan.progress("DrChrono patients", len(scan.people))
        yield listed


def _pages(scan: Scan, listing: Callable[..., Iterator[Page]]) -> Iterator[Page]:
    """The pages of a DrChrono list. Where the budget is used up, it is waited for (`waits`)."""
    resume: str | None = None
    while True:
        try:
            for page in listing(resume=resume):
                yield page
                resume = page.next
        except NotBefore as closed:
            if not scan.waits:
                raise
            scan.progress("waiting for DrChrono's budget", 0)
            scan.sync.pause(max(1.0, (closed.until - scan.sync.clock()).total_seconds()))
        else:
            return


def know(scan: Scan, shown: Person) -> None:
    """Have a scan know a patient who was read."""
    scan.people[shown.remote_id] = shown
    email = normal_email(present(shown.email, ""))
    if email:
        scan.by_email.setdefault(email, []).append(shown)
    if isinstance(shown.marker, Marker) and shown.marker.other is not None:
        scan.named_contacts.setdefault(shown.marker.other, []).append(shown)


def read_contacts(scan: Scan) -> Iterator[dict[str, Json]]:
    """Every contact as OnCall lists it."""
    count = 0
    for page in scan.sync.oncall.contact_pages(scan.ticket):
        count += len(page.results)
        scan.progress("OnCall contacts", count)
        yield from page.results


def patients_like(scan: Scan, shown: Person) -> people.Match[Person]:
    """Which patient a contact is. Who was told apart by hand is none of its candidates."""
    same = scan.by_email.get(normal_email(present(shown.email, "")), [])
    with scan.sync.store.read() as conn:
        ids = [one.remote_id for one in same]
        apart = decisions.apart(conn, "contact", shown.remote_id, "patient", ids)
    return people.match(shown, [one for one in same if one.remote_id not in apart])


# --- visits ---------------------------------------------------------------------------------------


def compare(scan: Scan) -> Compared:
    """Read the visits of both systems that have no counterpart yet, and compare them."""
    sides = Sides(_appointments(scan), _oncall_visits(scan))
    groups = _groups(scan, sides)
    found = Compared(groups, [], [], [], [])
    taken = {one.visit.visit.remote_id for one in groups}
    members = {met.visit.remote_id for one in groups for met, _ in one.members}
    for met in sides.here:
        if met.visit.remote_id in members:
            continue
        free = [one for one in sides.claimed(met) if one.visit.remote_id not in taken]
        hits = alike.as_long(met, [o for o in free if met in alike.claims(scan, sides, o)])
        if len(hits) == 1 and len(alike.claims(scan, sides, hits[0])) == 1:
            taken.add(hits[0].visit.remote_id)
            found.same.append((met, hits[0]))
        elif hits := hits or [o for o in free if met in alike.unsure(scan, sides, o)]:
            found.unsure.append((met, [one.visit.remote_id for one in hits]))
        else:
            found.only_drchrono.append(met)
    found.only_oncall.extend(one for one in sides.there if one.visit.remote_id not in taken)
    return found


def _groups(scan: Scan, sides: Sides) -> list[Together]:
    """The OnCall visits that surely are one slot's group.

    Surely: all who claim the visit stand in one slot with a group profile, each is exactly one of
    its participants, and nobody of that slot claims another visit.
    """
    found = []
    for one in sides.there:
        claims = alike.claims(scan, sides, one)
        slots = {slot_of(met.visit) if met.visit.group else None for met in claims}
        slot = next(iter(slots), None)
        if len(slots) != 1 or slot is None:
            continue
        starting = sides.beginning(slot.starts)
        standing = [met for met in starting if met.visit.group and slot_of(met.visit) == slot]
        claimed = [(met, other) for met in standing for other in sides.claimed(met)]
        if any(o is not one and met in alike.claims(scan, sides, o) for met, o in claimed):
            continue
        coming = who_comes(one.visit.attendees)
        charts = scan.people
        pairs = [(met, participants_of(charts[str(met.visit.patient)], coming)) for met in claims]
        members = [(met, who[0]) for met, who in pairs if len(who) == 1]
        apart = {who.remote_id for _, who in members}
        if len(members) == len(claims) == len(apart):
            found.append(Together(slot, one, members))
    return found


def _oncall_visits(scan: Scan) -> list[ListedVisit]:
    """Every open OnCall visit to come."""
    return [met for met in visits(scan) if _is_free(scan, met)]


def visits(scan: Scan) -> list[ListedVisit]:
    """Every OnCall visit, the first made first; read once in a scan."""
    if scan.there is None:
        scan.there = sorted(_read_visits(scan), key=lambda met: record_id(met.json))
    return scan.there


def _read_visits(scan: Scan) -> list[ListedVisit]:
    found: list[ListedVisit] = []
    for page in scan.sync.oncall.appointment_pages(scan.ticket):
        found += (ListedVisit(json, there(scan, json)) for json in page.results)
        scan.progress("OnCall visits", len(found))
    return found


def _appointments(scan: Scan) -> list[ListedVisit]:
    """Every appointment in scope from today to the end of the window."""
    return [
        met
        for met in appointments(scan)
        if in_scope(scan.mapping, met.visit) and _is_free(scan, met)
    ]


def appointments(scan: Scan) -> list[ListedVisit]:
    """Every appointment from yesterday to the end of the window, verbose; read once in a scan."""
    if scan.here is None:
        days = min(scan.mapping.policy.window_days, scan.sync.settings.window_days)
        first = (scan.now - timedelta(days=1)).date()
        last = (scan.now + timedelta(days=days)).date()
        found: list[ListedVisit] = []
        listing = partial(
            scan.sync.drchrono.list_appointments,
            scan.ticket,
            verbose=True,
            date_range=f"{first.isoformat()}/{last.isoformat()}",
        )
        for page in _pages(scan, listing):
            found += (ListedVisit(json, here(scan, json)) for json in page.results)
            scan.progress("DrChrono appointments", len(found))
        scan.here = found
    return scan.here


def _is_free(scan: Scan, met: ListedVisit) -> bool:
    """Whether a visit is to come, has no counterpart, and nobody is asked about it already."""
    asked = any(
        met.visit.remote_id in ([one.visit.remote_id] if met.visit.system == "drchrono" else hits)
        for one, hits in scan.unsure
    )
    return not asked and _to_come(scan, met.visit) and is_unlinked(scan, met.visit)


def _to_come(scan: Scan, shown: Visit) -> bool:
    if isinstance(shown.starts, Absent) or shown.starts < scan.now:
        return False
    return not isinstance(shown.state, State) or not terminal(shown.state)


def is_unlinked(scan: Scan, shown: Visit) -> bool:
    """Whether a visit has no counterpart yet, made or being made."""
    with scan.sync.store.read() as conn:
        obj = links.find(conn, shown.system, "appointment", shown.remote_id)
        return obj is None or not any(
            one.kind == "appointment" and one.system != obj.system and one.state != "gone"
            for one in links.objects_of(conn, obj.aggregate)
        )
