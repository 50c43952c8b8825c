"""Rebuild the links from the markers when the database was lost or is behind.

A part of the matching, before what has no marker is compared. What both sides say alike is settled
without a call; what differs is left to the visit's run, by the clinic's policy for a difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from sync.core.records import Absent, Marker, Person
from sync.core.rules.relink import Family, families
from sync.matching import relink_places, relink_store
from sync.matching.compare import appointments, read_patients, visits
from sync.matching.preview import NotConnectedError
from sync.matching.relink_places import RelinkedFamily
from sync.matching.scan import Scan, new_scan
from sync.run.evidence import behind
from sync.run.evidence.sealing import Origin
from sync.run.outcomes import LaterError
from sync.runtime import Ring, Sync
from sync.store.lanes import Lane
from sync.store.tables import links
from sync.store.tables.links import Obj
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed


@dataclass(frozen=True, slots=True)
class RelinkPreview:
    """What the markers say, in counts.

    `visits` of both systems belong together by them, `groups` of these have several patients;
    `known` are linked like that already. `lost` name a counterpart that no list shows: a read of
    each decides. `people` bear a marker; `foreign` markers are another installation's, or were made
    with a digest key that is not configured.
    """

    visits: int
    groups: int
    known: int
    lost: int
    people: int
    foreign: int


def read(sync: Sync, progress: Callable[[str, int], None]) -> Scan:
    """Both systems' visits and people with their markers, in memory; stores nothing but the calls.

    `progress` is told what is being read, and how many so far. A budget that is used up is waited
    for. Raises NotConnectedError, MappingError and the RemoteErrors of the reads.
    """
    if sync.installation() is None:
        raise NotConnectedError("The accounts are not connected: drchrono-oncall connect")
    scan = new_scan(sync)
    scan.progress, scan.verbose, scan.waits = progress, True, True
    visits(scan)
    appointments(scan)
    for _page in read_patients(scan):
        pass
    return scan


def preview(scan: Scan) -> RelinkPreview:
    """What `link` would make of a scan that was read."""
    found = _families(scan)
    shown = [met.visit for met in (*visits(scan), *appointments(scan))]
    bear = [*(one.marker for one in shown), *(one.marker for one in scan.people.values())]
    with scan.sync.store.read() as conn:
        known = sum(_is_linked(conn, one) for one in found)
    return RelinkPreview(
        visits=len(found),
        groups=sum(one.group for one in found),
        known=known,
        lost=sum(one.lost is not None for one in found),
        people=sum(_is_ours(scan, one.marker) for one in scan.people.values()),
        foreign=sum(isinstance(one, Marker) and not _is_ours(scan, one) for one in bear),
    )


def begin(sync: Sync) -> None:
    """Stop all work until the links were rebuilt, by whoever does it."""
    with sync.store.write() as conn:
        behind.notice(conn, sync.clock())
        deeds.note(conn, Deed("relink"), sync.clock())


def is_due(scan: Scan) -> bool:
    """Whether OnCall shows a marker of ours that our rows contradict."""
    with scan.sync.store.read() as conn:
        return behind.is_noticed(conn) or any(
            behind.is_news(
                conn,
                scan.sync.digests,
                scan.ours,
                "oncall",
                met.visit.remote_id,
                met.visit.marker,
                also=frozenset({Origin.OLD}),  # nothing stops for it here
            )
            for met in visits(scan)
        )


def link(scan: Scan) -> tuple[list[Ring], bool]:
    """Link what the markers say belongs together; returns what to ring, and whether all was done.

    Not all was when a worker was at one of them just now: once more, then. What is linked like that
    already is looked at only where the database is behind: its baselines may be, too.
    """
    rings: list[Ring] = []
    whole = True
    with scan.sync.store.read() as conn:
        found_behind = behind.is_noticed(conn)
        todo = [one for one in _families(scan) if not _is_done(conn, scan, one, found_behind)]
    here = {met.visit.remote_id: met for met in appointments(scan)}
    there = {met.visit.remote_id: met for met in visits(scan)}
    for count, family in enumerate(todo, 1):
        scan.progress("links", count)
        found = RelinkedFamily(
            family,
            [there[one.remote_id] for one in family.visits],
            [here[one.remote_id] for one in family.appointments],
            [here[one.remote_id] for one in family.unmarked],
        )
        try:
            with scan.sync.store.write() as conn:
                key = relink_store.store(conn, scan, found)
        except LaterError:
            whole = False
            continue
        rings += [Ring(key, Lane.BULK)] if key is not None else []
    return rings, whole


def patient_row(conn: Connection, scan: Scan, shown: Person) -> Obj:
    """The row of a patient; one never heard of gets the number that its marker names."""
    now, marker = scan.now, shown.marker
    known = links.find(conn, "drchrono", "patient", shown.remote_id)
    if not _is_ours(scan, marker):
        return known or links.first_sight(conn, "drchrono", "patient", shown.remote_id, now=now)
    assert isinstance(marker, Marker)  # noqa: S101 - it is ours
    if known is None and links.restore_aggregate(conn, marker.aggregate, "person", now):
        key = marker.aggregate
        return links.add(
            conn, key, "drchrono", "patient", shown.remote_id, now=now, has_marker=True
        )
    known = known or links.first_sight(conn, "drchrono", "patient", shown.remote_id, now=now)
    if not known.has_marker and links.survivor(conn, marker.aggregate) == known.aggregate:
        links.change(conn, known.id, has_marker=True)
    return known


def owner_of(scan: Scan, contact: Person) -> Person | None:
    """The patient whom a contact's marker names, or whose own marker names the contact."""
    marker = contact.marker
    if isinstance(marker, Marker) and _is_ours(scan, marker):
        return scan.people.get(str(marker.other))
    named = [
        one for one in scan.named_contacts.get(contact.remote_id, ()) if _is_ours(scan, one.marker)
    ]
    return named[0] if len(named) == 1 else None


def _families(scan: Scan) -> tuple[Family, ...]:
    return families(
        [met.visit for met in appointments(scan)],
        [met.visit for met in visits(scan)],
        scan.ours,
    )


def _is_ours(scan: Scan, marker: object) -> bool:
    return isinstance(marker, Marker) and marker.installation in scan.ours


def _is_done(conn: Connection, scan: Scan, family: Family, found_behind: bool) -> bool:
    """Whether a family need not be stored: it is linked, and nothing of it can have changed since.

    What is over or past changes no more but by an event of its own.
    """
    if not _is_linked(conn, family):
        return False
    present = family.present
    if not found_behind or present is None:
        return not found_behind
    starts = present.starts
    past = not isinstance(starts, Absent) and starts < scan.now - timedelta(days=1)
    row = links.find(conn, "oncall", "appointment", present.remote_id)
    known = row is not None and links.generation_of(conn, row.aggregate) == family.generation
    return known and (past or relink_places.is_over(present))


def _is_linked(conn: Connection, family: Family) -> bool:
    """Whether our rows hold all of it in one visit already."""
    rows = [links.find(conn, system, "appointment", one) for system, one in family.claims]
    return None not in rows and len({row.aggregate for row in rows if row is not None}) == 1
