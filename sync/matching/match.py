"""Match what both systems already have, before anything is made.

Visits match by provider, start, length and the participant's e-mail; people by
`core.rules.people`. One hit is linked, several wait for a person. Records are compared in memory
and forgotten.
"""

from contextlib import suppress
from functools import partial

from sqlalchemy import Connection

from sync.config import GoLive
from sync.core.records import SYSTEMS, Person, Visit, present
from sync.core.rules import people
from sync.core.rules.same import agreed, one_of
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.matching import group_matching, relink, untimed
from sync.matching.compare import compare, patients_like, read_contacts, read_patients, visits
from sync.matching.marked import contact
from sync.matching.scan import ListedVisit, Scan, new_scan
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.people import chartless, contact_search, contacts, mirror
from sync.run import occurrences, transfer
from sync.run.evidence import accounts, behind
from sync.run.outcomes import LaterError
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.service import installation
from sync.store.tables import attendances, baselines, blockers, facts, links, person_index, work
from sync.store.tables.links import Obj
from sync.store.tables.scans import MATCHING, begin, finish
from sync.store.visits import visits as visit_rows
from sync.visits.linking import twins


def is_due(sync: Sync) -> bool:
    """Whether the accounts are pinned, and a mapped doctor's visits were never matched.

    Or the database is behind: what the systems have is matched again then, by its markers first.
    """
    with sync.store.read() as conn:
        pinned = installation.get(conn)
        matched = facts.matched_doctors(conn)
        lost = behind.is_noticed(conn)
    if pinned is None:
        return False
    return lost or any(entry.drchrono not in matched for entry in sync.mapping.doctors)


def run(sync: Sync) -> tuple[Ring, ...]:
    """Match both systems; a scan that was cut short begins again, linking nothing twice.

    It allows creating where GO_LIVE is `auto`; else somebody accepts what it found (`preview`).
    It runs again when a doctor is added to the mapping: what is linked already is left alone.
    """
    if not is_due(sync):
        return ()
    for system in SYSTEMS:
        # What is not found now is made later: it must be this practice that lacks it.
        accounts.require(sync, system, sync.clock() - accounts.AGAIN)
    scan = new_scan(sync)
    scan.waits = True
    return match(scan)[0]


def match(scan: Scan) -> tuple[tuple[Ring, ...], bool]:
    """Match both systems, whether or not it is due; what a scan has read is not read again.

    Returns what to ring, and whether it is complete: a worker may be at a visit just now.
    """
    sync = scan.sync
    begin(sync.store, MATCHING, sync.clock())
    scan.verbose = scan.verbose or relink.is_due(scan)
    _patients(scan)
    _contacts(scan)
    linked, whole = relink.link(scan)
    found, all_linked = _visits(scan)
    rings, whole = (*linked, *found), whole and all_linked
    if whole:
        rings += _complete(scan)
    return rings, whole


def _complete(scan: Scan) -> tuple[Ring, ...]:
    """Note that everything was matched; what waited for that goes on."""
    sync = scan.sync
    with sync.store.write() as conn:
        now = sync.clock()
        behind.over(conn, now)
        accepted = now if sync.settings.go_live is GoLive.AUTO else None
        installation.note_mapping(conn, scan.mapping.version, accepted_at=accepted)
        for entry in scan.mapping.doctors:
            facts.put(conn, f"matched:{entry.drchrono}", "yes", now)
        waiting = [
            key
            for ref in ("go-live", behind.CAUSE)
            for key in blockers.wake(conn, blockers.OPERATOR, ref, now=now, lane=Lane.CATCHUP)
        ]
        mirror.raise_all(conn, scan.mapping, now)
    finish(sync.store, MATCHING, sync.clock(), cursor=None)
    return tuple(Ring(key, Lane.CATCHUP) for key in waiting)


# --- people ---------------------------------------------------------------------------------------


def _patients(scan: Scan) -> None:
    """Index every patient: no personal data is kept, only keyed digests."""
    for page in read_patients(scan):
        with scan.sync.store.write() as conn:
            for shown in page:
                scan.person_keys[shown.remote_id] = _index(conn, scan, shown)


def _index(conn: Connection, scan: Scan, shown: Person) -> int:
    obj = relink.patient_row(conn, scan, shown)
    if obj.revision is None:
        links.change(conn, obj.id, revision=shown.revision)
    person_index.remember(conn, scan.sync.digests, obj.aggregate, people.known_by(shown))
    return obj.aggregate


def _contacts(scan: Scan) -> None:
    """Link the contacts that are surely one patient's; the unsure wait for a visit and a person."""
    for json in read_contacts(scan):
        _contact(scan, json)


def _contact(scan: Scan, json: dict[str, Json]) -> None:
    sync, shown = scan.sync, contact(scan, json)
    with sync.store.read() as conn:
        if not chartless.is_free(conn, links.find(conn, "oncall", "contact", shown.remote_id)):
            return
    found = relink.owner_of(scan, shown) or patients_like(scan, shown).one
    if found is None:
        return
    json, shown = contact_search.whole(sync, scan.ticket, json, shown)
    key = scan.person_keys[found.remote_id]
    place = (present(shown.provider, ""), present(shown.division, ""))
    with sync.store.write() as conn, suppress(LaterError):  # their own run takes it over else
        now = sync.clock()
        if contacts.of(conn, key, *place) is not None:
            attention.open_item(conn, key, "contact_twice", now=now, candidates=[shown.remote_id])
            return
        known = links.find(conn, "oncall", "contact", shown.remote_id)
        if known is None:
            contact_search.link(conn, sync, key, found, shown, json, place)
        elif known.aggregate != key:
            held = transfer.hold(conn, sync, known.aggregate, key)
            contact_search.hand_over(held, sync, known, key, found, shown, json)


# --- visits ---------------------------------------------------------------------------------------


def _visits(scan: Scan) -> tuple[tuple[Ring, ...], bool]:
    """Link what is the same visit; returns what to ring, and whether all of it was.

    Not all was while a worker was at one of them just now: once more, then.
    """
    found = compare(scan)
    rings: list[Ring] = []
    whole = True
    link = [partial(group_matching.link, scan, together) for together in found.groups]
    link += [partial(_linked, scan, met, one) for met, one in found.same]
    for attempt in link:
        try:
            rings.append(attempt())
        except LaterError:
            whole = False
    for met, hits in scan.unsure:
        rings += _alone(scan, "drchrono", met, hits)
        for one in visits(scan):
            if one.visit.remote_id in hits:
                rings += _alone(scan, "oncall", one, [met.visit.remote_id])
    for met, hits in found.unsure:
        rings += _alone(scan, "drchrono", met, hits)
    for system, _cause, met in untimed.found(scan):
        rings += _alone(scan, system, met, [])
    for met in found.only_drchrono:
        rings += _alone(scan, "drchrono", met, [])
    for one in found.only_oncall:
        may_be = [met.visit.remote_id for met, hits in found.unsure if one.visit.remote_id in hits]
        rings += _alone(scan, "oncall", one, may_be)
    return tuple(rings), whole


def _linked(scan: Scan, met: ListedVisit, one: ListedVisit) -> Ring:
    """Link the two; what is equal is settled, and the run that follows writes the markers."""
    sync = scan.sync
    with sync.store.write() as conn:
        now = sync.clock()
        obj = _object(conn, scan, "drchrono", met)
        other = links.find(conn, "oncall", "appointment", one.visit.remote_id)
        theirs = (other.aggregate,) if other is not None else ()
        held = transfer.hold(conn, sync, obj.aggregate, *theirs, abandoned=True)
        if other is not None and other.aggregate != obj.aggregate:
            transfer.absorb(held, other.aggregate, obj.aggregate, hints=Hints.both())
        elif other is None:
            other = links.add(
                conn, obj.aggregate, "oncall", "appointment", one.visit.remote_id, now=now
            )
        _settle(conn, scan, obj, met, other, one)
        _attend(conn, scan, obj, met, one)
        _note(conn, obj, met.visit)
        person = scan.person_keys[str(met.visit.patient)]
        twins.take_slot(conn, obj.aggregate, met.visit, person)
        work.raise_(conn, obj.aggregate, now=now, hints=Hints.both(), lane=Lane.BULK)
        return Ring(obj.aggregate, Lane.BULK)


def _settle(
    conn: Connection, scan: Scan, obj: Obj, met: ListedVisit, other: Obj, one: ListedVisit
) -> None:
    digests = scan.sync.digests
    left, right = drchrono.wire("appointment", met.json), oncall.wire("appointment", one.json)
    equal = {"state", "patient"} | agreed(met.visit, one.visit)
    for row, wire, zone in ((obj, left, met.visit.zone), (other, right, None)):
        sent = {name: value for name, value in wire.items() if name in equal}
        baselines.settle(conn, row.id, digests.fields(row.id, sent), digests.key_id, zone=zone)


def _attend(conn: Connection, scan: Scan, obj: Obj, met: ListedVisit, one: ListedVisit) -> None:
    """Seat the patient's participant; anybody else is left alone."""
    if any(a.current for a in attendances.attendances(conn, obj.aggregate)):
        return
    patient = scan.people[str(met.visit.patient)]
    who = one_of(patient, one.visit.attendees)
    if who is None:
        return  # linked by its marker: its own run finds who it is
    row = links.find(conn, "oncall", "participant", who.remote_id) or links.add(
        conn, obj.aggregate, "oncall", "participant", who.remote_id, now=scan.now
    )
    wire = participants_wire(one.json)[who.remote_id]
    digests = scan.sync.digests
    baselines.settle(conn, row.id, digests.fields(row.id, wire), digests.key_id)
    attendances.attend(
        conn,
        obj.aggregate,
        appointment=obj.id,
        participant=row.id,
        person=scan.person_keys[patient.remote_id],
    )


def _alone(scan: Scan, system: str, met: ListedVisit, hits: list[str]) -> list[Ring]:
    """A visit that only one side has: its run makes the other, once creating is allowed."""
    sync = scan.sync
    if occurrences.is_far(sync, met.visit):
        return []
    with sync.store.write() as conn:
        now = sync.clock()
        known = links.find(conn, system, "appointment", met.visit.remote_id)
        obj = _object(conn, scan, system, met)
        _note(conn, obj, met.visit)
        if hits:
            attention.open_item(
                conn, obj.aggregate, "visit_unsure", now=now, candidates=sorted(hits)
            )
            links.block(conn, obj.aggregate, kind="operator", ref="visit_unsure", since=now)
            return []
        if known is not None and not _never_run(conn, obj):
            return []
        work.raise_(conn, obj.aggregate, now=now, hints=Hints.of(system), lane=Lane.BULK)
        return [Ring(obj.aggregate, Lane.BULK)]


def _never_run(conn: Connection, obj: Obj) -> bool:
    return not baselines.stored_fields(conn, [obj.id])


def _object(conn: Connection, scan: Scan, system: str, met: ListedVisit) -> Obj:
    obj = links.first_sight(conn, system, "appointment", met.visit.remote_id, now=scan.now)
    if obj.state == "skipped":
        links.change(conn, obj.id, state="live")
    return obj


def _note(conn: Connection, obj: Obj, shown: Visit) -> None:
    visit_rows.note_place(conn, obj.aggregate, shown)
    occurrences.note(conn, obj.aggregate, shown)
