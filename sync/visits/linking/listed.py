"""Choose which members of a group to read, and know our participants in its OnCall visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.oncall.translate import participants_wire
from sync.run.changes import compare, matches
from sync.run.evidence import staleness
from sync.visits.linking import participants
from sync.visits.state import load, read
from sync.visits.state.model import Seat, VisitRun

if TYPE_CHECKING:
    from sync.core.wording import Json


def hinted(run: VisitRun) -> list[Seat]:
    """The members that something was said about; all when no delivery names one, or all waited."""
    said = [d for d in run.state.deliveries if d.source == "drchrono"]
    if not said or run.state.parked:
        return run.seats
    news = {
        d.object for d in said if not matches(d.digests or {}, d.key_id, d.object, run.state.stored)
    }
    return [seat for seat in run.seats if seat.appointment.id in news or seat.parked]


def read_oncall(run: VisitRun) -> None:
    """Read the OnCall visit, once in a run, and know our participants in it."""
    state = run.state
    if state.oncall is not None or state.oncall_gone:
        return
    read.read_oncall(run)
    shown = run.oncall()
    if shown is None:
        return
    if state.is_group:
        _believe_those_in_it(run, shown.json)
    if participants.unlisted(run, shown.json):
        _believe_the_lost(run, shown.json)
    if not state.is_group or not participants.awaits_any(run):
        return
    with run.sync.store.write() as conn:
        found = participants.know_participants(conn, run, shown.json)
    if found:
        load.reload(run)


def _believe_the_lost(run: VisitRun, json: dict[str, Json]) -> None:
    """Tell of members who are not in the list; raise LaterError until two looks say so."""
    with run.sync.store.read() as conn:
        lost = participants.lost(conn, run, json)
    for seat in lost:
        assert seat.participant is not None  # noqa: S101 - that is who was lost
        staleness.believe_gone(run.sync, run.state.lease, seat.participant)
    if lost:
        with run.sync.store.write() as conn:
            participants.tell_lost(conn, run, json)


def _believe_those_in_it(run: VisitRun, json: dict[str, Json]) -> None:
    """Raise LaterError while the list may be from before a participant was cancelled by us."""
    sync, state = run.sync, run.state
    listed = participants_wire(json)
    for row in (seat.participant for seat in run.seats):
        wire = listed.get(str(row.remote_id)) if row is not None else None
        if row is not None and wire is not None:
            told = {name: wire[name] for name in ("state",) if name in wire}
            seen = compare(sync.digests, row.id, told, state.stored)
            staleness.believe(sync, state.lease, row, told, seen)
