"""Recover a patient's create whose outcome is not known: find the patient, or deny them.

The list of what changed since the POST is read whole, with our markers: it shows the patient
whatever the participant is called by now. What DrChrono told of since is read by its id, however
far the list is behind.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sync.core.errors import Gone
from sync.core.records import Marker
from sync.drchrono import translate as drchrono
from sync.people.resolve import in_flight
from sync.run import attempts, lost
from sync.run.evidence import proofs
from sync.run.evidence.proofs import Evidence
from sync.run.lost import Look, Lost
from sync.run.outcomes import LaterError
from sync.store.lanes import Hints
from sync.store.people import patients
from sync.store.visits import moves

if TYPE_CHECKING:
    from datetime import datetime

    from sync.core.records import Person
    from sync.outbound.gate import Ticket
    from sync.runtime import Sync
    from sync.store.tables.links import Obj

BUSY = timedelta(seconds=1)
MOST_TOLD = 5


def resolve(sync: Sync, ticket: Ticket, row: Obj, sent: datetime) -> Obj | None:
    """The row with its patient's id, or None when two looks have denied it; the row then stays.

    Held under the lease of the new person, which `ticket` proves. Raises LaterError until known,
    ParkedError when lists say nothing for an hour.
    """
    look = partial(_look, sync, ticket, row, sent)
    remote_id = lost.climb(sync, Lost(row, sent, hints=Hints.both()), look)
    if remote_id is None:
        return None
    with sync.store.write() as conn:
        made = moves.created(conn, row, remote_id, now=sync.clock())
        if made is not None:
            attempts.known(conn, made)
    if made is None:  # its own run is at work on what it brought
        raise LaterError(sync.clock() + BUSY, Hints.both())
    return made


def _look(sync: Sync, ticket: Ticket, row: Obj, sent: datetime) -> Look[str]:
    for shown in _told_of(sync, ticket, sent):
        if _is_it(sync, row, shown):
            return Look(shown.remote_id)
    revisions: list[str | None] = []
    ids: set[str] = set()
    since = (sent - timedelta(days=1)).date().isoformat()
    # Lists leave out inactive patients (docs/api-facts.md, D49).
    filters = {"since": since, "show_inactive": "true"}
    for page in sync.drchrono.list_patients(ticket, verbose=True, **filters):
        for json in page.results:
            shown = drchrono.to_person(json)
            if _is_it(sync, row, shown):
                return Look(shown.remote_id)
            revisions.append(shown.revision)
            ids.add(shown.remote_id)
    late = timedelta(seconds=sync.settings.late_seconds)
    with sync.store.read() as conn:
        until = sync.clock() - late
        if proofs.lacks(conn, "drchrono", "patient", since=sent, until=until, shown=ids):
            return Look(None, Evidence.LAGS)
        return Look(None, proofs.of_revisions(conn, sent + late, revisions))


def _told_of(sync: Sync, ticket: Ticket, sent: datetime) -> list[Person]:
    """The patients that were first heard of since the POST, as they are read."""
    with sync.store.read() as conn:
        ids = patients.heard_of_since(conn, sent, MOST_TOLD)
    found = []
    for remote_id in ids:
        try:
            json = sync.drchrono.get_patient(ticket, remote_id, verbose=True)
        except Gone:
            continue
        found.append(drchrono.to_person(json))
    return found


def _is_it(sync: Sync, row: Obj, shown: Person) -> bool:
    """Whether a patient bears this create's marker, or is whom it named."""
    marker = shown.marker
    if isinstance(marker, Marker) and marker.installation == sync.installation():
        return marker.aggregate == row.aggregate
    return row.create_key in in_flight.own_keys(sync.digests, shown)
