"""Reading a group: which members, each once in a run, and the OnCall visit with who is in it.

What may be older than what is known is looked at again: by DrChrono's marks, and as `rereading`
says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sync.core.errors import Gone
from sync.core.rules import group
from sync.drchrono import translate as drchrono
from sync.oncall.translate import participants_wire
from sync.run import hinted_ids
from sync.run.changes import compare, matches
from sync.run.evidence import staleness
from sync.visits.groups import participants
from sync.visits.groups.state import has_participant, load_seats
from sync.visits.state import zones
from sync.visits.state.model import GroupRun, Seat, Shown
from sync.visits.state.read import (
    hear_of_lock,
    is_deleted,
    is_older,
    look_again,
    note_was_locked,
    now_a_fact,
    now_real,
    read_side,
    was_deleted,
)

if TYPE_CHECKING:
    from sync.core.wording import Json


def hinted(run: GroupRun) -> list[Seat]:
    """The members that something was said about; all when no delivery names one, or all waited."""
    said = [d for d in run.state.deliveries if d.source == "drchrono"]
    if not said or run.parked:
        return run.seats
    news = {
        d.object for d in said if not matches(d.digests or {}, d.key_id, d.object, run.state.stored)
    }
    return [seat for seat in run.seats if seat.appointment.id in news or seat.parked]


def read_seats(run: GroupRun, seats: Iterable[Seat]) -> None:
    """Read members' appointments by id, each once in a run; verbose until it bears our marker."""
    sync, state = run.started.sync, run.state
    for seat in seats:
        obj = seat.appointment
        if seat.read or obj.remote_id is None:
            continue
        if hinted_ids.is_closed(obj):
            seat.gone = True
            continue
        try:
            _read(run, seat)
        except Gone:
            if obj.state == "gone":
                hinted_ids.still_gone(sync, state.lease, obj)
                seat.gone = True
                continue
            real = None
            if not was_deleted(state, obj):
                real = now_real(sync, run.started.ticket, obj)
            if real is None:
                staleness.believe_gone(sync, state.lease, obj, state.deliveries)
                seat.gone = True
                continue
            seat.appointment = real
            _read(run, seat)
        if _is_stale(run, seat):
            raise look_again(state, "drchrono")


def _read(run: GroupRun, seat: Seat) -> None:
    sync, obj = run.started.sync, seat.appointment
    # The marker and the clinical note's lock are only in the verbose form.
    verbose = note_was_locked(run.state, obj) or not obj.marked
    json = sync.drchrono.get_appointment(run.started.ticket, str(obj.remote_id), verbose=verbose)
    wire = drchrono.wire("appointment", json)
    seen = compare(sync.digests, obj.id, wire, run.state.stored)
    shown = Shown(json, drchrono.to_visit(json, sync.mapping), wire, seen)
    hear_of_lock(run.state, obj, shown)
    if obj.state == "gone" and is_deleted(shown):
        hinted_ids.still_gone(sync, run.state.lease, obj)
        seat.gone = True
        return
    if hinted_ids.is_unread(obj):
        obj = seat.appointment = now_a_fact(sync, run.state.lease, obj, shown)
    zones.read_as_settled(sync, obj, shown, run.state.stored)
    if has_participant(seat):
        # A slip of the keys, or a length taken away, moves nobody out of the visit they are in.
        shown.visit, seat.odd = group.kept_in(run.slot, shown.visit, run.state.now)
    staleness.believe(sync, run.state.lease, obj, wire, seen, mark=shown.visit.mark)
    seat.shown = shown


def _is_stale(run: GroupRun, seat: Seat) -> bool:
    """Whether a read is older than what a delivery told of this member, or than an earlier read."""
    if seat.shown is None:
        return False
    told = [d.mark for d in run.state.deliveries if d.object == seat.appointment.id and d.mark]
    return is_older(run.state, seat.appointment, seat.shown, max(told, default=None))


def read_oncall(run: GroupRun) -> None:
    """Read the OnCall visit, once in a run, and know our participants in it."""
    read_side(run.started.sync, run.state, "oncall", run.started.ticket)
    shown = run.oncall()
    if shown is None:
        return
    _believe_those_in_it(run, shown.json)
    with run.started.sync.store.read() as conn:
        lost = participants.lost(conn, run, shown.json)
    for seat in lost:
        assert seat.participant is not None  # noqa: S101 - that is who was lost
        staleness.believe_gone(run.started.sync, run.state.lease, seat.participant)
    with run.started.sync.store.write() as conn:
        found = participants.know_participants(conn, run, shown.json)
        participants.tell_lost(conn, run, shown.json)
    if found:
        load_seats(run)


def _believe_those_in_it(run: GroupRun, json: dict[str, Json]) -> None:
    """Raise LaterError while the list may be from before a participant was cancelled by us."""
    sync, state = run.started.sync, run.state
    listed = participants_wire(json)
    for row in (seat.participant for seat in run.seats):
        wire = listed.get(str(row.remote_id)) if row is not None else None
        if row is not None and wire is not None:
            told = {name: wire[name] for name in ("state",) if name in wire}
            seen = compare(sync.digests, row.id, told, state.stored)
            staleness.believe(sync, state.lease, row, told, seen)
