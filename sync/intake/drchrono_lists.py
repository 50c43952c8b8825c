"""Compare DrChrono's lists with what is stored: what changed, and every appointment to come.

Lists may be seconds old and lack fields; absence from a list raises the item, and the read by id
decides. No personal data is kept of what is read.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from sync.core.records import Absent, Life, State, Visit
from sync.core.rules import people
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.intake import drchrono_pages, lines, missing, sightings, whole
from sync.intake.sightings import LIST, NOTHING, SCAN, Receipt, Sighting
from sync.mapping import out_of_scope
from sync.people import mirror
from sync.run import occurrences
from sync.run.evidence import proofs
from sync.run.evidence.staleness import LISTED_DELETED
from sync.run.hinted import lists
from sync.runtime import Ring, Sync
from sync.store import known as stored
from sync.store import races
from sync.store.known import Known
from sync.store.lanes import Hints, Lane
from sync.store.tables import blockers, links, person_index, scans, told, work
from sync.store.visits import visits

OVERLAP = timedelta(days=1)
APPOINTMENT, PATIENT = "appointment", "patient"


def read_appointments(sync: Sync) -> tuple[Ring, ...]:
    """Read all that was updated or deleted since a day before the last completed pass began."""
    began = sync.clock()
    before = scans.begin(sync.store, "drchrono_appointments", began)
    rings: list[Ring] = []
    since = _since(sync, before, began)
    # show_archived adds archived and deleted appointments (docs/api-facts.md, D29).
    for records in drchrono_pages.read(sync, "appointments", since=since, show_archived="true"):
        rings += races.again(sync.store, partial(look_at, sync=sync, records=records))
    scans.finish(sync.store, "drchrono_appointments", sync.clock(), cursor=began.isoformat())
    with sync.store.write() as conn:
        lists.answered(conn, sync, "drchrono", began)
    return tuple(rings)


def _since(sync: Sync, before: scans.Progress, began: datetime) -> str:
    """The day from which changes are asked for: of the last pass, or of the matching before any."""
    matched = scans.progress(sync.store, scans.MATCHING).started_at
    last = datetime.fromisoformat(before.cursor) if before.cursor else matched or began
    return (last - OVERLAP).date().isoformat()


def read_window(sync: Sync) -> tuple[Ring, ...]:
    """Every appointment to come, once a day: finds occurrences of series, and what was deleted."""
    began = sync.clock()
    scans.begin(sync.store, "drchrono_window", began)
    days = min(sync.mapping.policy.window_days, sync.settings.window_days)
    # From yesterday: the list's days are the doctors', ours are UTC.
    first = (began - timedelta(days=1)).date().isoformat()
    last = (began + timedelta(days=days)).date().isoformat()
    shown: set[str] = set()
    rings: list[Ring] = []
    kept = whole.Reading(sync, whole.APPOINTMENTS)
    for records in drchrono_pages.read(sync, "appointments", date_range=f"{first}/{last}"):
        kept.page(records)
        shown |= {str(json.get("id")) for json in records}
        rings += races.again(sync.store, partial(look_at, sync=sync, records=records))
    rings += missing.ask(sync, "drchrono", shown, began, began + timedelta(days=days - 1))
    with sync.store.write() as conn:
        # What stood in their way may have gone with no webhook telling.
        blockers.wake(conn, blockers.VISIT, None, now=sync.clock(), lane=Lane.BULK)
        lists.answered(conn, sync, "drchrono", began, occurrences=True)
    scans.finish(sync.store, "drchrono_window", sync.clock(), cursor=began.isoformat())
    kept.done()
    return tuple(rings)


def read_patients(sync: Sync) -> tuple[Ring, ...]:
    """Read the patients updated since the last pass: index them, raise those who have visits."""
    began = sync.clock()
    before = scans.begin(sync.store, "drchrono_patients", began)
    rings: list[Ring] = []
    for records in drchrono_pages.read(sync, "patients", since=_since(sync, before, began)):
        look = partial(_patients, sync=sync, records=records, began=began)
        rings += races.again(sync.store, look)
    scans.finish(sync.store, "drchrono_patients", sync.clock(), cursor=began.isoformat())
    return tuple(rings)


def look_at(conn: Connection, sync: Sync, records: Iterable[dict[str, Json]]) -> list[Ring]:
    """Look at appointments of a list, whoever read it."""
    return lines.each(conn, sync, APPOINTMENT, records, _appointment)


# --- one line -------------------------------------------------------------------------------------


def _appointment(conn: Connection, sync: Sync, json: dict[str, Json]) -> Receipt:
    shown = drchrono.to_visit(json, sync.mapping)
    deleted = isinstance(shown.state, State) and shown.state.life is Life.DELETED
    seen = Sighting(
        system="drchrono",
        kind="appointment",
        remote_id=shown.remote_id,
        event=LISTED_DELETED if deleted else SCAN,
        word=LIST,
        at=sync.clock(),
        wire=drchrono.wire("appointment", json),
        shown=shown,
        revision=shown.revision,
    )
    known = stored.peek(conn, "drchrono", "appointment", shown.remote_id)
    if shown.virtual_base:
        return _base(conn, sync, seen, shown, known, json)
    if known is None or known.obj.told:
        if deleted or out_of_scope(sync.mapping, shown) or occurrences.is_far(sync, shown):
            return NOTHING
        return _first_shown(conn, sync, seen, shown, known, json)
    obj = known.obj
    if obj.state == "gone":
        return NOTHING if deleted else sightings.shown_again(conn, sync, obj)
    if obj.revision and shown.revision and shown.revision < obj.revision:
        return NOTHING
    if obj.state == "skipped":
        if out_of_scope(sync.mapping, shown):
            return NOTHING
        links.change(conn, obj.id, state="live")
    proofs.note(conn, sync, proofs.DRCHRONO_APPOINTMENTS, obj)
    return sightings.compare(conn, sync, seen, known)


def _base(
    conn: Connection, sync: Sync, seen: Sighting, shown: Visit, known: Known | None, json: Json
) -> Receipt:
    """A series' base, which is no visit: its own run looks what occurs when it changed."""
    obj = known.obj if known else None
    if obj is not None and obj.told:
        links.change(conn, obj.id, told=False, state="skipped")
        obj = links.get(conn, obj.id)
    obj = occurrences.changed_base(conn, sync, obj, shown, json)
    return sightings.compare(conn, sync, seen, Known(obj)) if obj else NOTHING


def _first_shown(
    conn: Connection, sync: Sync, seen: Sighting, shown: Visit, known: Known | None, json: Json
) -> Receipt:
    """An appointment that a list shows first: it gets a row, or what it is known as is raised."""
    # One that a caller told of may be an occurrence that we know: its own run finds out.
    real = None if known else occurrences.known_as(conn, sync, shown, json)
    if real is not None:
        ring = sightings.ask(conn, sync, real.aggregate, "drchrono")
        return Receipt("raised", (ring,) if ring else ())
    if not isinstance(shown.starts, Absent) and shown.starts < seen.at:
        return NOTHING  # what is over is never made
    if known is not None:
        # It is there: whoever booked it waits no longer behind what nobody did.
        work.raise_(conn, known.obj.aggregate, now=seen.at, hints=Hints.of("drchrono"))
        visits.note_place(conn, known.obj.aggregate, shown, first=True)
        return Receipt("raised", (Ring(known.obj.aggregate, Lane.LIVE),))
    obj = links.first_sight(conn, "drchrono", "appointment", shown.remote_id, now=seen.at)
    occurrences.note(conn, obj.aggregate, shown)
    proofs.note(conn, sync, proofs.DRCHRONO_APPOINTMENTS, obj)
    receipt = sightings.compare(conn, sync, seen, Known(obj))
    ring = lists.first_shown(conn, sync, obj)
    # After the work item's and the object's row, as in a run: else two wait for each other. No
    # booking of the other side reads it by its id to learn that it stands elsewhere.
    visits.note_place(conn, obj.aggregate, shown, first=True)
    return Receipt("raised", (ring,)) if ring else receipt


def _patients(
    conn: Connection, sync: Sync, records: Sequence[dict[str, Json]], began: datetime
) -> list[Ring]:
    rings = lines.each(conn, sync, PATIENT, records, _patient)
    shown = [str(json.get("id")) for json in records]
    told.listed(conn, "drchrono", "patient", shown, lists.shown_by(sync, began))
    return rings


def _patient(conn: Connection, sync: Sync, json: dict[str, Json]) -> Receipt:
    shown, now = drchrono.to_person(json, sync.mapping.addresses), sync.clock()
    known = stored.peek(conn, "drchrono", "patient", shown.remote_id)
    obj = known.obj if known and not known.obj.told else None
    obj = obj or links.first_sight(conn, "drchrono", "patient", shown.remote_id, now=now)
    if obj.state == "gone":
        links.change(conn, obj.id, state="live", shown_at=None)  # an authenticated list shows it
    if not (known and known.linked) and not mirror.is_mirrored(sync.mapping):
        since = (
            obj.revision and shown.revision and shown.revision <= obj.revision
        )  # read as it is since
        if since and person_index.is_current(conn, sync.digests, obj.aggregate):
            return NOTHING
        keys = people.known_by(shown)
        person_index.remember(conn, sync.digests, obj.aggregate, keys, now=now)
        for waiting in blockers.changed(conn, blockers.PATIENT, shown.remote_id, now):
            sightings.ask(conn, sync, waiting, "drchrono")
        return NOTHING
    if obj.revision and shown.revision and shown.revision < obj.revision:
        return NOTHING
    seen = Sighting(
        system="drchrono",
        kind="patient",
        remote_id=shown.remote_id,
        event=SCAN,
        word=LIST,
        at=now,
        wire=drchrono.wire("patient", json),
        shown=shown,
        revision=shown.revision,
    )
    return sightings.compare(conn, sync, seen, Known(obj))
