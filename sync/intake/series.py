"""Turn an event about a series' base into events about its occurrences, known and new.

DrChrono tells a changed, split or deleted series by its base alone. So the base is read, then what
occurs: by the list of a series' instances where the account has it (one call), else by the list of
the days. What it shows is looked at as every list is (`drchrono_lists`), what it lacks is read by
its id.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Gone, NotTheApi, Refused
from sync.core.records import Absent, Life, State
from sync.drchrono import translate as drchrono
from sync.intake import drchrono_lists, drchrono_pages, sightings
from sync.mapping import out_of_scope
from sync.run import occurrences
from sync.run.evidence import staleness
from sync.run.evidence.staleness import LISTED_DELETED
from sync.run.hinted import reads
from sync.store.lanes import Hints
from sync.store.tables import baselines, facts, journal, links, work
from sync.store.visits import visits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun

FACT = "recurring_instances"
# Where the list was not there, how long until it is tried again: accounts get it one by one.
AGAIN = timedelta(days=1)


def follow(run: VisitRun) -> bool:
    """Look at a series where the leased aggregate is one's base; False where it is none.

    Raises LaterError while a base that can't be read may still be there.
    """
    base = _base_of(run)
    if base is None:
        return False
    sync, state = run.sync, run.state
    run.require_room()
    try:
        json = sync.drchrono.get_appointment(run.ticket, str(base.remote_id))
    except Gone:
        _denied(run, base)
        return True
    shown = drchrono.to_visit(json, sync.mapping)
    base = reads.shown(sync, state.lease, base, shown.remote_id)
    if isinstance(shown.state, State) and shown.state.life is Life.DELETED:
        _ended(run, base)
    elif shown.virtual_base:
        _goes_on(run, base, json, shown)
    elif not out_of_scope(sync.mapping, shown):
        _becomes_one(run, base)
    return True


def _denied(run: VisitRun, base: Obj) -> None:
    """Note that nothing is under the base's id; each occurrence is still asked for by its own."""
    sync, lease = run.sync, run.state.lease
    with sync.store.read() as conn:
        known = occurrences.of_series(conn, str(base.remote_id))
    if base.told and not known:
        raise reads.denied(sync, lease, base)
    if not base.told:
        staleness.believe_gone(sync, lease, base, run.state.deliveries)
    _ended(run, base)


def _base_of(run: VisitRun) -> Obj | None:
    """The skipped appointment that somebody asks about, where nothing else is in the aggregate."""
    objects = [one for one in run.state.objects if one.kind == "appointment"]
    if len(objects) != 1 or objects[0].system != "drchrono" or objects[0].state != "skipped":
        return None
    return objects[0] if str(objects[0].remote_id).isdecimal() else None


def _goes_on(run: VisitRun, base: Obj, json: dict[str, Json], shown: Visit) -> None:
    sync = run.sync
    series = str(base.remote_id)
    with sync.store.read() as conn:
        known = occurrences.of_series(conn, series)
    if known or not out_of_scope(sync.mapping, replace(shown, virtual_base=False)):
        doctor = None if isinstance(shown.provider, Absent) else shown.provider
        listed = _instances(run, series)
        seen = _look(run, [listed] if listed is not None else _days(run, doctor))
        with sync.store.write() as conn:
            _raise_unseen(conn, run, occurrences.of_series(conn, series), seen)
    with sync.store.write() as conn:
        wire = sync.digests.fields(base.id, drchrono.wire("appointment", json))
        baselines.settle(conn, base.id, wire, sync.digests.key_id, zone=shown.zone)
        links.change(conn, base.id, seen_at=sync.clock(), revision=shown.revision)


def _ended(run: VisitRun, base: Obj) -> None:
    """The base is gone: what still occurs is under another id by now, the rest is deleted too."""
    sync, series = run.sync, str(base.remote_id)
    with sync.store.read() as conn:
        known = occurrences.of_series(conn, series)
        doctors = {visits.doctor_of(conn, one.aggregate) for one in known}
    seen: set[str] = set()
    for doctor in sorted(one for one in doctors if one):
        seen |= _look(run, _days(run, doctor))
    with sync.store.write() as conn:
        left = occurrences.of_series(conn, series)
        for one in left:
            if str(one.remote_id).endswith(f"_{series}") and one.remote_id not in seen:
                # No more is to be asked of it than its own read.
                journal.note_delivery(
                    conn,
                    source="drchrono",
                    event=LISTED_DELETED,
                    now=sync.clock(),
                    object=one.id,
                    outcome="raised",
                )
        _raise_unseen(conn, run, left, seen)
        links.change(conn, base.id, state="gone")


def _becomes_one(run: VisitRun, base: Obj) -> None:
    """Treat it as an appointment like any other from now on."""
    sync = run.sync
    with sync.store.write() as conn:
        links.change(conn, base.id, state="live")
        work.raise_(conn, base.aggregate, now=sync.clock(), hints=Hints.of("drchrono"))


# --- what occurs ----------------------------------------------------------------------------------


def _reach(run: VisitRun) -> tuple[str, str]:
    """The days that are followed: the list's are the doctor's, ours are UTC."""
    now = run.sync.clock()
    last = now + timedelta(days=run.sync.settings.occurrence_days + 1)
    return (now - timedelta(days=1)).date().isoformat(), last.date().isoformat()


def _instances(run: VisitRun, series: str) -> list[dict[str, Json]] | None:
    """The series' own list; None where the account has none, or it proves nothing."""
    sync = run.sync
    with sync.store.read() as conn:
        known, told_at = facts.get(conn, FACT), facts.told_at(conn, FACT)
    if known == "no" and told_at is not None and told_at > sync.clock() - AGAIN:
        return None
    first, last = _reach(run)
    try:
        listed = sync.drchrono.recurring_instances(run.ticket, series, first=first, last=last)
    except NotTheApi:
        return None
    except Refused:
        _learn(run, "no")
        return None
    own = [one for one in listed if _is_of(one, series)]
    if not own:
        return None  # an empty list proves nothing: a missing scope looks like it
    if known != "yes":
        _learn(run, "yes")
    return [_with_id(one, series) for one in own]


def _is_of(json: dict[str, Json], series: str) -> bool:
    return str(json.get("base_recurring_appointment")) == series or json.get("id") is None


def _with_id(json: dict[str, Json], series: str) -> dict[str, Json]:
    """Give a virtual occurrence, which is listed without an id, the one it has (D23, D44).

    Virtual ones stand on their own day: a moved one is real. D… are facts of docs/api-facts.md.
    """
    if json.get("id") is not None:
        return json
    return {**json, "id": f"{str(json.get('scheduled_time'))[:10]}_{series}"}


def _learn(run: VisitRun, word: str) -> None:
    with run.sync.store.write() as conn:
        facts.put(conn, FACT, word, run.sync.clock())


def _days(run: VisitRun, doctor: str | None) -> Iterable[Iterable[dict[str, Json]]]:
    first, last = _reach(run)
    filters = {"date_range": f"{first}/{last}", **({"doctor": doctor} if doctor else {})}
    return drchrono_pages.read(run.sync, "appointments", run.ticket, **filters)


def _look(run: VisitRun, pages: Iterable[Iterable[dict[str, Json]]]) -> set[str]:
    """Look at what is listed, as every scan does; returns the ids that were shown."""
    seen: set[str] = set()
    for records in pages:
        found = [one for one in records if not one.get("is_virtual_base")]
        with run.sync.store.write() as conn:
            drchrono_lists.look_at(conn, run.sync, found)
        seen |= {str(one.get("id")) for one in found}
    return seen


def _raise_unseen(conn: Connection, run: VisitRun, known: Iterable[Obj], seen: set[str]) -> None:
    """Have the occurrences read by their ids that the list did not show."""
    for one in known:
        if one.remote_id not in seen:
            sightings.ask(conn, run.sync, one.aggregate, "drchrono")
