"""Catching up: lists are compared with what is stored, and what differs is raised.

Lists may be seconds old and lack fields; absence from a list raises the item, and the read by id
decides. No personal data is kept of what is read.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, or_, select

from sync.core.errors import NotTheApi, Refused
from sync.core.records import Absent, Life, State, Visit
from sync.core.rules import people
from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.intake import incomplete, unchanged
from sync.intake.webhooks import is_linked
from sync.mapping import out_of_scope
from sync.oncall import newest
from sync.oncall import translate as oncall
from sync.outbound.gate import Ticket
from sync.people import mirror
from sync.run import hinted_ids, occurrences, rekeying
from sync.run.changes import settled, was_told
from sync.run.evidence import behind, proofs
from sync.run.evidence.staleness import LISTED_DELETED
from sync.runtime import Ring, Sync
from sync.store.schema import object_, visit
from sync.store.tables import (
    attendances,
    baselines,
    facts,
    journal,
    links,
    person_index,
    scans,
    told,
    work,
)
from sync.store.tables.links import Obj
from sync.store.tables.work import Hints, Lane
from sync.visits.linking import twins

OVERLAP = timedelta(days=1)
NO_SUCH_PATH = frozenset({"edge_404", "edge_405", "edge_410"})
CHUNK = 500


def _pause(sync: Sync, attempt: int) -> None:
    """Wait before looking again at a bulk list that is being made: longer each time."""
    sync.pause(min(10.0, 0.5 * attempt))


def raise_(
    conn: Connection, sync: Sync, key: int, system: str, *, told: bool = False
) -> Ring | None:
    """Have one side of an aggregate looked at; what waits its turn for that already waits on.

    `told`: a delivery says why.
    """
    item = work.locked(conn, key)
    if work.awaits(item, Hints.of(system), Lane.CATCHUP) and (told or (item and item["own"])):
        return None
    work.raise_(conn, key, now=sync.clock(), hints=Hints.of(system), lane=Lane.CATCHUP, told=told)
    return Ring(key, Lane.CATCHUP)


def _each(
    conn: Connection,
    sync: Sync,
    records: Iterable[dict[str, Json]],
    look: Callable[[Connection, Sync, dict[str, Json]], Ring | None],
) -> list[Ring]:
    """Look at each record of a list; one that can't be read is told and stops no other.

    It is remembered by its id: when each of them was read in some list, the item ends.
    """
    rings, odd = [], facts.malformed(conn)
    readable = set[str]()
    for json in records:
        name = _malformed(look, json)
        try:
            ring = look(conn, sync, json)
        except MalformedError as error:
            facts.put(conn, name, error.field, sync.clock())
            journal.open_attention(
                conn, 0, "malformed_record", now=sync.clock(), candidates=[error.field]
            )
            continue
        readable |= {name} & odd
        rings += [ring] if ring else []
    for name in readable:
        facts.forget(conn, name)
    if readable and not facts.malformed(conn):
        journal.close_one(conn, 0, "malformed_record", sync.clock())
    return rings


def _malformed(look: Callable[..., object], json: dict[str, Json]) -> str:
    """The fact that this record of a kind can't be read; ids are all that is kept of it."""
    named = newest.record_id(json) or json.get("id")
    known = str(named) if re.fullmatch(r"[0-9_-]{1,30}", str(named)) else ""
    return f"{facts.MALFORMED}{look.__name__.strip('_')}:{known}"


# --- DrChrono -------------------------------------------------------------------------------------


def drchrono_appointments(sync: Sync) -> tuple[Ring, ...]:
    """Everything updated since a day before the last completed pass began, what was deleted too."""
    began = sync.clock()
    before = scans.begin(sync.store, "drchrono_appointments", began)
    rings: list[Ring] = []
    since = _since(sync, before, began)
    # "Include archived or deleted appointments in the response" (schema, both lists).
    for records in pages(sync, "appointments", since=since, show_archived="true"):
        with sync.store.write() as conn:
            rings += _each(conn, sync, records, _appointment)
    scans.finish(sync.store, "drchrono_appointments", sync.clock(), cursor=began.isoformat())
    with sync.store.write() as conn:
        hinted_ids.answered(conn, sync, "drchrono", began)
    return tuple(rings)


def _since(sync: Sync, before: scans.Progress, began: datetime) -> str:
    """The day from which changes are asked for: of the last pass, or of the matching before any."""
    matched = scans.progress(sync.store, scans.MATCHING).started_at
    last = datetime.fromisoformat(before.cursor) if before.cursor else matched or began
    return (last - OVERLAP).date().isoformat()


def look_at(conn: Connection, sync: Sync, records: Iterable[dict[str, Json]]) -> list[Ring]:
    """Look at appointments of a list that somebody else read."""
    return _each(conn, sync, records, _appointment)


def pages(
    sync: Sync, kind: str, ticket: Ticket | None = None, **filters: Any
) -> Iterator[tuple[dict[str, Json], ...]]:
    """The records of a list: in bulk where the account has that, else page by page."""
    with sync.store.read() as conn:
        bulk = facts.get(conn, f"bulk_{kind}")
    ticket = ticket or sync.task_ticket()
    absent = False
    if bulk != "no":
        reader = (
            sync.drchrono.bulk_appointments
            if kind == "appointments"
            else sync.drchrono.bulk_patients
        )
        try:
            for page in reader(ticket, partial(_pause, sync), **filters):
                yield page.results
        except Refused:
            absent = True
        except NotTheApi as page:
            # A path that the server does not know can be answered by a page of the server's own.
            absent = page.code in NO_SUCH_PATH
        else:
            if bulk is None:
                _learn_bulk(sync, kind, "yes")
            return
    listed = (
        sync.drchrono.list_appointments(ticket, **filters)
        if kind == "appointments"
        else sync.drchrono.list_patients(ticket, **filters)
    )
    for found in listed:
        if bulk != "no" and absent:
            # Only now: where both are refused, it is a scope that is missing.
            _learn_bulk(sync, kind, "no")
            bulk = "no"
        yield found.results


def _learn_bulk(sync: Sync, kind: str, word: str) -> None:
    with sync.store.write() as conn:
        facts.put(conn, f"bulk_{kind}", word, sync.clock())


def _appointment(conn: Connection, sync: Sync, json: dict[str, Json]) -> Ring | None:
    shown = drchrono.to_visit(json, sync.mapping)
    obj = links.find(conn, "drchrono", "appointment", shown.remote_id)
    deleted = isinstance(shown.state, State) and shown.state.life is Life.DELETED
    wire = drchrono.wire("appointment", json)
    if shown.virtual_base:
        if obj is not None and obj.told:
            links.change(conn, obj.id, told=False, state="skipped")
            obj = links.get(conn, obj.id)
        obj = occurrences.changed_base(conn, sync, obj, shown, json)
        return _compare(conn, sync, obj, wire, shown.mark) if obj else None
    first = obj is None
    if obj is None or obj.told:
        if deleted:
            return None
        obj, ring = _met(conn, sync, obj, shown, json)
        if obj is None:
            return ring
    elif obj.state == "gone":
        return None if deleted else _shown_again(conn, sync, obj)
    elif obj.mark and shown.mark and shown.mark < obj.mark:
        return None
    elif obj.state == "skipped":
        if out_of_scope(sync.mapping, shown):
            return None
        links.change(conn, obj.id, state="live")
    proofs.note(conn, sync, proofs.DRCHRONO_APPOINTMENTS, obj)
    event = LISTED_DELETED if deleted else "scan"
    ring = _compare(conn, sync, obj, wire, shown.mark, event)
    return (hinted_ids.listed(conn, sync, obj) if first else None) or ring


def _met(
    conn: Connection, sync: Sync, obj: Obj | None, shown: Visit, json: dict[str, Json]
) -> tuple[Obj | None, Ring | None]:
    """The row of an appointment that a list shows first; else what is rung for instead."""
    if out_of_scope(sync.mapping, shown) or occurrences.is_far(sync, shown):
        return None, None
    # One that a caller told of may be an occurrence that we know: its own run finds out.
    real = None if obj else occurrences.known_as(conn, sync, shown, json)
    if real is not None:
        return None, raise_(conn, sync, real.aggregate, "drchrono")
    if not isinstance(shown.starts, Absent) and shown.starts < sync.clock():
        return None, None  # what is over is never made
    if obj is not None:
        # It is there: whoever booked it waits no longer behind what nobody did.
        work.raise_(conn, obj.aggregate, now=sync.clock(), hints=Hints.of("drchrono"))
        return None, Ring(obj.aggregate, Lane.LIVE)
    obj = links.first_sight(conn, "drchrono", "appointment", shown.remote_id, now=sync.clock())
    occurrences.note(conn, obj.aggregate, shown)
    return obj, None


def _shown_again(conn: Connection, sync: Sync, obj: Obj) -> Ring | None:
    """What is gone is in a list: it is read once by id, as lists may be some seconds old."""
    now = sync.clock()
    if obj.looked_at is not None and obj.looked_at > now - hinted_ids.KEPT:
        return None
    links.change(conn, obj.id, shown_at=now)
    return raise_(conn, sync, obj.aggregate, obj.system)


def _compare(
    conn: Connection,
    sync: Sync,
    obj: Obj,
    wire: dict[str, Json],
    mark: str | None,
    event: str = "scan",
) -> Ring | None:
    """Raise an object's aggregate when a list shows it other than it is settled.

    Not for what it showed before, while that waits for something: seeing it again wakes nothing.
    """
    stored = baselines.stored_fields(conn, [obj.id])
    rekeying.shown(conn, sync.digests, obj.id, wire, stored)
    if settled(sync.digests, obj.id, wire, stored):
        return None
    waits = work.awaits(work.locked(conn, obj.aggregate), Hints.of(obj.system), Lane.CATCHUP)
    waits = waits or links.is_parked(conn, obj.aggregate)
    if waits and was_told(conn, sync.digests, obj.id, wire):
        return None
    journal.note_delivery(
        conn,
        source=obj.system,
        event=event,
        now=sync.clock(),
        object=obj.id,
        mark=mark,
        key_id=sync.digests.key_id,
        digests=sync.digests.fields(obj.id, wire),
        outcome="raised",
    )
    return raise_(conn, sync, obj.aggregate, obj.system, told=True)


def drchrono_patients(sync: Sync) -> tuple[Ring, ...]:
    """Patients updated since the last pass: indexed, and raised where they have visits."""
    began = sync.clock()
    before = scans.begin(sync.store, "drchrono_patients", began)
    rings: list[Ring] = []
    for records in pages(sync, "patients", since=_since(sync, before, began)):
        with sync.store.write() as conn:
            rings += _each(conn, sync, records, _patient)
            shown = [str(json.get("id")) for json in records]
            told.listed(conn, "drchrono", "patient", shown, hinted_ids.shown_by(sync, began))
    scans.finish(sync.store, "drchrono_patients", sync.clock(), cursor=began.isoformat())
    return tuple(rings)


def _patient(conn: Connection, sync: Sync, json: dict[str, Json]) -> Ring | None:
    shown = drchrono.to_person(json, sync.mapping.addresses)
    obj = links.first_sight(conn, "drchrono", "patient", shown.remote_id, now=sync.clock())
    if obj.state == "gone":
        links.change(conn, obj.id, state="live", shown_at=None)  # an authenticated list shows it
    if not is_linked(conn, obj.aggregate) and not mirror.is_mirrored(sync.mapping):
        since = obj.mark and shown.mark and shown.mark <= obj.mark  # read as it is since
        if since and person_index.is_current(conn, sync.digests, obj.aggregate):
            return None
        person_index.remember(
            conn, sync.digests, obj.aggregate, people.known_by(shown), now=sync.clock()
        )
        for waiting in links.blocked_on(conn, "patient", shown.remote_id):
            raise_(conn, sync, waiting, "drchrono")
        return None
    if obj.mark and shown.mark and shown.mark < obj.mark:
        return None
    return _compare(conn, sync, obj, drchrono.wire("patient", json), shown.mark)


def drchrono_window(sync: Sync) -> tuple[Ring, ...]:
    """Every appointment to come, once a day: finds occurrences of series, and what was deleted."""
    began = sync.clock()
    scans.begin(sync.store, "drchrono_window", began)
    days = min(sync.mapping.policy.window_days, sync.settings.window_days)
    # From yesterday: the list's days are the doctors', ours are UTC.
    first = (began - timedelta(days=1)).date().isoformat()
    last = (began + timedelta(days=days)).date().isoformat()
    shown: set[str] = set()
    rings: list[Ring] = []
    for records in pages(sync, "appointments", date_range=f"{first}/{last}"):
        with sync.store.write() as conn:
            shown |= {str(json.get("id")) for json in records}
            rings += _each(conn, sync, records, _appointment)
    rings += _missing(sync, "drchrono", shown, began, began + timedelta(days=days - 1))
    with sync.store.write() as conn:
        # What stood in their way may have gone with no webhook telling.
        for key in links.blocked_on(conn, "visit"):
            work.raise_(conn, key, now=sync.clock(), hints=Hints.both(), lane=Lane.BULK)
        hinted_ids.answered(conn, sync, "drchrono", began, occurrences=True)
    scans.finish(sync.store, "drchrono_window", sync.clock(), cursor=began.isoformat())
    return tuple(rings)


def _missing(
    sync: Sync, system: str, shown: set[str], first: datetime, last: datetime
) -> list[Ring]:
    """Live objects of open visits that a completed list did not show: the read by id decides."""
    with sync.store.write() as conn:
        rows = conn.execute(
            select(object_.c.aggregate, object_.c.remote_id)
            .join(visit, visit.c.aggregate == object_.c.aggregate)
            .where(
                object_.c.system == system,
                object_.c.kind == "appointment",
                object_.c.state == "live",
                object_.c.remote_id.is_not(None),
                visit.c.state == "open",
                # Of one whose time is not known, its read by id says whether it is there.
                or_(visit.c.starts_at.is_(None), visit.c.starts_at.between(first, last)),
            )
        ).all()
        gone = [row.aggregate for row in rows if row.remote_id not in shown]
        incomplete.tell(conn, sync, system, len(gone), len(rows))
        stopped = incomplete.stopped_by_the_brake(conn)
        asked = [key for key in gone if key not in stopped]
        return [ring for key in asked if (ring := raise_(conn, sync, key, system))]


# --- OnCall ---------------------------------------------------------------------------------------


def oncall_newest(sync: Sync) -> tuple[Ring, ...]:
    """What was made since the last look: one call while the list did not grow.

    A visit with a marker of ours that we know nothing of proves that the database is behind.
    """
    began = sync.clock()
    before = scans.begin(sync.store, "oncall_newest", began)
    beyond = int(before.cursor) if before.cursor else 0
    known = int(before.position) if before.position else None
    found = newest.oncall_appointments(sync.oncall, sync.task_ticket(), beyond, known_count=known)
    ours = sync.installations()
    with sync.store.write() as conn:
        if any(_is_lost(conn, sync, ours, json) for json in found.records):
            behind.notice(conn, sync.clock(), system="oncall")
            return ()  # no number is given out that a marker has: the links are rebuilt first
        rings = oncall_page(conn, sync, found.records)
    highest = max([beyond, *(newest.record_id(json) for json in found.records)])
    with sync.store.write() as conn:
        hinted_ids.answered(conn, sync, "oncall", began, above=highest)
    count = None if found.count is None else str(found.count)
    scans.finish(sync.store, "oncall_newest", sync.clock(), cursor=str(highest), position=count)
    return tuple(rings)


def _is_lost(conn: Connection, sync: Sync, ours: frozenset[str], json: dict[str, Json]) -> bool:
    try:
        shown = oncall.to_visit(json, sync.mapping)
    except MalformedError:
        return False
    return behind.is_lost(conn, sync.digests, ours, shown)


def _oncall_appointment(conn: Connection, sync: Sync, json: dict[str, Json]) -> Ring | None:
    shown = oncall.to_visit(json, sync.mapping)
    obj = links.find(conn, "oncall", "appointment", shown.remote_id)
    if obj is None or obj.told:
        if shown.type is None if isinstance(shown.starts, Absent) else shown.starts < sync.clock():
            return None  # list items may lack the time (guide, samples); a message has none
        obj = links.first_sight(conn, "oncall", "appointment", shown.remote_id, now=sync.clock())
        twins.note_place(conn, obj.aggregate, shown, first=True)
        ring = raise_(conn, sync, obj.aggregate, "oncall")
        return hinted_ids.listed(conn, sync, obj) or ring
    proofs.note(conn, sync, proofs.ONCALL_VISITS, obj)
    if obj.state == "gone":
        return _shown_again(conn, sync, obj)
    if obj.state != "live":
        return None
    stored = baselines.stored_fields(conn, [obj.id])
    wire = oncall.wire("appointment", json)
    told = {name: value for name, value in wire.items() if (obj.id, name) in stored}
    rekeying.shown(conn, sync.digests, obj.id, told, stored)
    if settled(sync.digests, obj.id, told, stored):
        return None
    untimed = not told and isinstance(shown.starts, Absent)
    if untimed and not attendances.is_open(conn, obj.aggregate):
        return None  # it was read, and is over
    return raise_(conn, sync, obj.aggregate, "oncall")


def oncall_page(conn: Connection, sync: Sync, records: Iterable[dict[str, Json]]) -> list[Ring]:
    """Look at a page of OnCall's appointments: what it shows as settled needs no closer look."""
    found, rings = list(records), list[Ring]()
    for first in range(0, len(found), CHUNK):
        some = found[first : first + CHUNK]
        settled = unchanged.settled(conn, sync, some)
        odd = facts.malformed(conn)
        others = [
            json
            for json in some
            if str(newest.record_id(json)) not in settled
            or _malformed(_oncall_appointment, json) in odd
        ]
        rings += _each(conn, sync, others, _oncall_appointment)
    return rings


def oncall_walk(sync: Sync) -> tuple[Ring, ...]:
    """The whole list, once a night."""
    began = sync.clock()
    scans.begin(sync.store, "oncall_walk", began)
    rings: list[Ring] = []
    shown: set[str] = set()
    for page in sync.oncall.appointment_pages(sync.task_ticket()):
        with sync.store.write() as conn:
            shown |= {str(newest.record_id(json)) for json in page.results}
            rings += oncall_page(conn, sync, page.results)
    rings += _missing(sync, "oncall", shown, began, began + timedelta(days=3650))
    with sync.store.write() as conn:
        hinted_ids.answered(conn, sync, "oncall", began)
    scans.finish(sync.store, "oncall_walk", sync.clock(), cursor=began.isoformat())
    return tuple(rings)


def oncall_contacts(sync: Sync) -> tuple[Ring, ...]:
    """Contacts have no webhook: their pages are compared by digest."""
    scans.begin(sync.store, "oncall_contacts", sync.clock())
    rings: list[Ring] = []
    pages = 0
    for page in sync.oncall.contact_pages(sync.task_ticket()):
        with sync.store.write() as conn:
            rings += _each(conn, sync, page.results, _contact)
        pages += 1
    scans.finish(sync.store, "oncall_contacts", sync.clock(), cursor=None, position=str(pages))
    return tuple(rings)


def _contact(conn: Connection, sync: Sync, json: dict[str, Json]) -> Ring | None:
    shown = oncall.to_person(json)
    obj = links.find(conn, "oncall", "contact", shown.remote_id)
    if obj is None or obj.state != "live":
        return None
    proofs.note(conn, sync, proofs.ONCALL_CONTACTS, obj)
    stored = baselines.stored_fields(conn, [obj.id])
    wire = oncall.wire("contact", json)
    told = {name: value for name, value in wire.items() if (obj.id, name) in stored}
    links.change(conn, obj.id, seen_at=sync.clock())
    return _compare(conn, sync, obj, told, None) if told else None
