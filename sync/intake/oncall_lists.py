"""Compare OnCall's lists with what is stored: the newest visits, all of them, the contacts.

Its lines lack fields, so a visit that is shown otherwise is read by its id. OnCall has no list of
what changed; `polling` reads by id what is due.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from sync.core.records import Absent, State, Visit
from sync.core.rules.lifecycle import terminal
from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.intake import lines, missing, sightings, unchanged, whole
from sync.intake.sightings import LIST, NOTHING, SCAN, Receipt, Sighting
from sync.oncall import newest
from sync.oncall import translate as oncall
from sync.run.evidence import behind, proofs
from sync.run.hinted import lists
from sync.runtime import Ring, Sync
from sync.store import known as stored
from sync.store import races
from sync.store.known import Known
from sync.store.tables import attendances, baselines, facts, links, scans
from sync.store.tables.baselines import StoredFields
from sync.store.tables.links import Obj
from sync.store.visits import visits

CHUNK = 500
VISIT, CONTACT = "oncall_appointment", "contact"  # of which a line can't be read


def read_newest(sync: Sync) -> tuple[Ring, ...]:
    """Read what was made since the last look: one call while the list did not grow.

    A visit with a marker of ours that we know nothing of proves that the database is behind.
    """
    began = sync.clock()
    before = scans.begin(sync.store, "oncall_newest", began)
    beyond = int(before.cursor) if before.cursor else 0
    count = int(before.position) if before.position else None
    found = newest.oncall_appointments(sync.oncall, sync.task_ticket(), beyond, known_count=count)
    ours = sync.installations()
    look = partial(_newest, sync=sync, ours=ours, records=found.records)
    rings = races.again(sync.store, look)
    if rings is None:
        return ()  # no number is given out that a marker has: the links are rebuilt first
    highest = max([beyond, *(newest.record_id(json) for json in found.records)])
    with sync.store.write() as conn:
        lists.answered(conn, sync, "oncall", began, above=highest)
    now_there = None if found.count is None else str(found.count)
    scans.finish(sync.store, "oncall_newest", sync.clock(), cursor=str(highest), position=now_there)
    return tuple(rings)


def _newest(
    conn: Connection, sync: Sync, ours: frozenset[str], records: Sequence[dict[str, Json]]
) -> list[Ring] | None:
    """Look at the newest visits; None, and it is noticed, where one of them proves us behind."""
    if any(_is_lost(conn, sync, ours, json) for json in records):
        behind.notice(conn, sync.clock(), system="oncall")
        return None
    return look_at(conn, sync, records)


def _is_lost(conn: Connection, sync: Sync, ours: frozenset[str], json: dict[str, Json]) -> bool:
    try:
        shown = oncall.to_visit(json, sync.mapping)
    except MalformedError:
        return False
    return behind.is_lost(conn, sync.digests, ours, shown)


def read_all(sync: Sync) -> tuple[Ring, ...]:
    """The whole list, once a night."""
    began = sync.clock()
    scans.begin(sync.store, "oncall_walk", began)
    rings: list[Ring] = []
    shown: set[str] = set()
    kept = whole.Reading(sync, whole.VISITS)
    for page in sync.oncall.appointment_pages(sync.task_ticket()):
        kept.page(page.results)
        shown |= {str(newest.record_id(json)) for json in page.results}
        rings += races.again(sync.store, partial(look_at, sync=sync, records=page.results))
    rings += missing.ask(sync, "oncall", shown, began, began + timedelta(days=3650))
    with sync.store.write() as conn:
        lists.answered(conn, sync, "oncall", began)
    scans.finish(sync.store, "oncall_walk", sync.clock(), cursor=began.isoformat())
    kept.done()
    return tuple(rings)


def read_contacts(sync: Sync) -> tuple[Ring, ...]:
    """Compare the contacts' pages by digest: contacts have no webhook."""
    scans.begin(sync.store, "oncall_contacts", sync.clock())
    rings: list[Ring] = []
    pages = 0
    kept = whole.Reading(sync, whole.CONTACTS)
    for page in sync.oncall.contact_pages(sync.task_ticket()):
        kept.page(page.results)
        look = partial(lines.each, sync=sync, kind=CONTACT, records=page.results, look=_contact)
        rings += races.again(sync.store, look)
        pages += 1
    scans.finish(sync.store, "oncall_contacts", sync.clock(), cursor=None, position=str(pages))
    kept.done()
    return tuple(rings)


def look_at(conn: Connection, sync: Sync, records: Iterable[dict[str, Json]]) -> list[Ring]:
    """Look at a page of OnCall's visits: what it shows as settled needs no closer look."""
    found, rings = list(records), list[Ring]()
    for first in range(0, len(found), CHUNK):
        some = found[first : first + CHUNK]
        settled = unchanged.settled(conn, sync, some)
        odd = facts.malformed(conn)
        others = [
            json
            for json in some
            if str(newest.record_id(json)) not in settled or lines.unreadable(VISIT, json) in odd
        ]
        rings += lines.each(conn, sync, VISIT, others, _appointment)
    return rings


# --- one line -------------------------------------------------------------------------------------


def _appointment(conn: Connection, sync: Sync, json: dict[str, Json]) -> Receipt:
    shown, now = oncall.to_visit(json, sync.mapping), sync.clock()
    known = stored.peek(conn, "oncall", "appointment", shown.remote_id)
    if known is None or known.obj.told:
        return _first_shown(conn, sync, shown, now)
    obj = known.obj
    proofs.note(conn, sync, proofs.ONCALL_VISITS, obj)
    if obj.state == "gone":
        return sightings.shown_again(conn, sync, obj)
    if obj.state != "live":
        return NOTHING
    fields = baselines.stored_fields(conn, [obj.id])
    seen = _seen(obj.id, "appointment", shown.remote_id, json, fields, now)
    if _is_over_unread(obj, shown, fields):
        ring = sightings.ask(conn, sync, obj.aggregate, "oncall")
        return Receipt("raised", (ring,) if ring else ())
    untimed = not seen.wire and isinstance(shown.starts, Absent)
    if untimed and not attendances.is_open(conn, obj.aggregate):
        return NOTHING  # it was read, and is over
    return sightings.compare(conn, sync, seen, replace(known, fields=fields))


def _is_over_unread(obj: Obj, shown: Visit, fields: StoredFields) -> bool:
    """Whether one that we made has ended before any read told its state.

    The answer of a create lacks the status (docs/api-facts.md, O12), so there is nothing that the
    line could differ from.
    """
    unread = obj.made_by_us and (obj.id, "state") not in fields
    return unread and isinstance(shown.state, State) and terminal(shown.state)


def _first_shown(conn: Connection, sync: Sync, shown: Visit, now: datetime) -> Receipt:
    if shown.type is None if isinstance(shown.starts, Absent) else shown.starts < now:
        return NOTHING  # list items may lack the time (docs/api-facts.md, O12); a message has none
    obj = links.first_sight(conn, "oncall", "appointment", shown.remote_id, now=now)
    ring = sightings.ask(conn, sync, obj.aggregate, "oncall")
    ring = lists.first_shown(conn, sync, obj) or ring
    # After the work item's and the object's row, as in a run: else two wait for each other.
    visits.note_place(conn, obj.aggregate, shown, first=True)
    return Receipt("raised", (ring,) if ring else ())


def _contact(conn: Connection, sync: Sync, json: dict[str, Json]) -> Receipt:
    shown, now = oncall.to_person(json), sync.clock()
    obj = links.find(conn, "oncall", "contact", shown.remote_id)
    if obj is None or obj.state != "live":
        return NOTHING
    proofs.note(conn, sync, proofs.ONCALL_CONTACTS, obj)
    fields = baselines.stored_fields(conn, [obj.id])
    links.change(conn, obj.id, seen_at=now)
    seen = _seen(obj.id, "contact", shown.remote_id, json, fields, now)
    return sightings.compare(conn, sync, seen, Known(obj, fields=fields)) if seen.wire else NOTHING


def _seen(
    object_id: int,
    kind: str,
    remote_id: str,
    json: dict[str, Json],
    fields: StoredFields,
    now: datetime,
) -> Sighting:
    """What a line shows of an object, of the fields that are stored of it."""
    wire = oncall.wire(kind, json)
    return Sighting(
        system="oncall",
        kind=kind,
        remote_id=remote_id,
        event=SCAN,
        word=LIST,
        at=now,
        wire={name: value for name, value in wire.items() if (object_id, name) in fields},
        noted=kind != "appointment",
    )
