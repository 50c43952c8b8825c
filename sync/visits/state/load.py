"""Load what SQL knows of one visit: its rows, its seats, and what is left of earlier runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sync.core.rules.place import slot_from
from sync.run import allowed
from sync.run.changes import matches
from sync.run.outcomes import LaterError
from sync.store import calls
from sync.store.lanes import Hints
from sync.store.tables import attendances, blockers
from sync.store.tables.attendances import Attendance
from sync.store.tables.claims import Lease
from sync.store.visits import opening
from sync.visits.state.model import Seat, VisitRun, VisitState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.runtime import Sync


def load(conn: Connection, lease: Lease, now: datetime) -> VisitState:
    """Everything SQL knows of a leased visit."""
    key = lease.aggregate
    opened = opening.row(conn, key, allowed.UNSURE)
    row, (objects, deliveries) = opened.row, opening.first(conn, key)
    state = VisitState(
        key=key,
        lease=lease,
        now=now,
        generation=row.generation,
        row=row,
        objects=objects.own,
        stored=dict(objects.stored),
        people=objects.people,
        written=opened.written,
        told=opened.told,
        unsure=opened.asked,
        deliveries=deliveries,
        unresolved=calls.unresolved(conn, key, lease.fence) if opened.unresolved else [],
        place=slot_from(row.slot_key) if row.shared and row.slot_key else None,
    )
    state.parked = not row.shared and opened.parked
    _seat(conn, state, opened.attending)
    return state


def reload(run: VisitRun) -> None:
    """Load rows and seats again after this run has changed them; what was read of them stays."""
    state = run.state
    with run.sync.store.read() as conn:
        if state.is_group:
            found = opening.objects(conn, state.key)
            state.objects, state.people, state.stored = found.own, found.people, dict(found.stored)
        else:
            _load_rows(conn, state)
        _seat(conn, state, attendances.current(conn, state.key))


def know_rows(conn: Connection, run: VisitRun) -> None:
    """Load the rows of a visit of one again; its attendance is as this run has noted it."""
    state = run.state
    _load_rows(conn, state)
    _seat(conn, state, [state.attendance] if state.attendance is not None else [])


def _load_rows(conn: Connection, state: VisitState) -> None:
    found = opening.rows(conn, state.key)
    state.objects, state.people = found.own, found.people


def _seat(conn: Connection, state: VisitState, current: list[Attendance]) -> None:
    """Seat the current attendances that have an appointment; what was read of them stays.

    Of a group it is also loaded who of it is parked.
    """
    known = {obj.id: obj for obj in state.objects}
    before = {seat.appointment.id: seat for seat in state.seats}
    parked: set[int] = set()
    if state.is_group:
        parked = blockers.waiting_objects(conn, state.key)
        state.parked = 0 in parked
        found = [(one, known.get(one.appointment or 0)) for one in current]
    else:
        state.attendance = next(iter(current), None)
        found = [(state.attendance or _not_yet(state), state.object("drchrono"))]
    state.seats, state.newcomers = [], None
    for attended, appointment in found:
        if appointment is None:
            continue
        seat = Seat(attended, appointment, known.get(attended.participant or 0))
        seat.parked = appointment.id in parked
        earlier = before.get(appointment.id)
        if earlier is not None:
            seat.shown, seat.gone = earlier.shown, earlier.gone
        state.seats.append(seat)


def _not_yet(state: VisitState) -> Attendance:
    """The attendance of an appointment that has none yet: it is stored with its first create."""
    return Attendance(0, state.key, 1, None, None, None, 0, current=True)


def has_participant(seat: Seat) -> bool:
    """Whether the member is in the OnCall visit (cancelled or not), as far as is known."""
    return seat.participant is not None and seat.participant.remote_id is not None


def hints_left(state: VisitState) -> Hints:
    """The hints that still ask for a read.

    DrChrono's deliveries may be explained by what is stored: an echo that came while we were busy
    equals the baseline by now.
    """
    hints = state.lease.hints
    said = [d for d in state.deliveries if d.source == "drchrono"]
    if hints.oncall and not any(d.source == "oncall" for d in state.deliveries):
        return hints  # not said by a webhook alone: somebody wants both sides looked at
    if state.lease.own:
        return hints  # asked for by ourselves: no body explains that
    explained = said and all(
        matches(d.digests or {}, d.key_id, d.object, state.stored) for d in said
    )
    return Hints(drchrono=hints.drchrono and not explained, oncall=hints.oncall)


def wait_for_unresolved(sync: Sync, state: VisitState) -> Hints:
    """Which sides must be read because a write there has no known outcome.

    Raises LaterError while such a write is younger than the settling time: it may still land.
    """
    settled = timedelta(seconds=sync.settings.late_seconds)
    for write in state.unresolved:
        ready = write.at + settled
        if state.now < ready:
            raise LaterError(ready, Hints.both())
    systems = {write.system for write in state.unresolved}
    return Hints(drchrono="drchrono" in systems, oncall="oncall" in systems)


def looked_at(conn: Connection, state: VisitState) -> None:
    """The unresolved writes were looked at; what of them is still pending may land late yet."""
    if state.unresolved:
        calls.were_looked_at(conn, [write.id for write in state.unresolved])
