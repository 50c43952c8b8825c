"""Write a create down before it is made: its row under a unique key, and who attends.

Neither remote knows idempotency keys. So the row is written before the call, the marker goes with
the call, and a POST whose answer was not read *has happened* until two looks apart deny it (R14).

R… are rules of docs/rules.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from sync.core.rules import place
from sync.run import attempts, waiting
from sync.store.tables import attendances, claims, links
from sync.store.visits import visits
from sync.visits.linking import participants
from sync.visits.state import load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.core.records import Attendee
    from sync.people.resolve.participant import ResolvedPatient
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


@dataclass(frozen=True)
class Booked:
    """Whose slot a visit of one takes: one person with one doctor at one time."""

    doctor: str
    starts: datetime
    person: int


def row_for(run: VisitRun, system: str, key: str, booked: Booked | None = None) -> Obj:
    """Write the create down before it is made, and take the slot of `booked` in one transaction.

    Raises ParkedError when another open visit has that slot already: this one was entered twice by
    hand, which is told and not doubled. A shared visit has its slot already.
    """
    sync, state = run.sync, run.state
    slot = place.slot_key(booked.doctor, booked.starts, booked.person) if booked else None
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
            if booked is not None:
                booking = {"doctor": booked.doctor, "starts_at": booked.starts}
                visits.change(conn, state.key, slot_key=slot, **booking)
            row = attempts.begin(
                conn,
                state.key,
                system,
                "appointment",
                key,
                now=now,
                generation=state.generation,
                highest_before=links.highest_known(conn, system),
            )
    except IntegrityError:
        if slot is None:
            raise
        with sync.store.read() as conn:
            raise waiting.slot_taken(conn, slot) from None
    state.objects.append(row)
    return row


def attend(
    run: VisitRun, appointment: Obj, met: ResolvedPatient, attendee: Attendee | None = None
) -> None:
    """Note who attends a visit of one, before the create: what is made belongs to them."""
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        claims.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        values = {"appointment": appointment.id, "person": met.key, "person_version": met.version}
        if attendee is not None:
            json = state.read["oncall"].json
            known = participants.settled_row_of(conn, run, attendee.remote_id, json)
            values["participant"] = known.id
        if state.attendance is None:
            attendances.attend(conn, state.key, **values)
        else:
            attendances.change_attendance(conn, state.attendance.id, **values)
        current = [a for a in attendances.attendances(conn, state.key) if a.current]
    state.attendance = current[0]
    for seat in state.seats:
        seat.attended = current[0]


def forget(run: VisitRun, rows: Iterable[int]) -> None:
    """Drop the rows of what was not made.

    A visit of one gives its slot back; in a group, the participant for whom an appointment was to
    be made is a newcomer again.
    """
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        claims.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        for row in rows:
            if state.is_group:
                attendances.end_for(conn, row)
            attempts.forget(conn, row)
        if not state.is_group:
            visits.free_slot(conn, state.key)
    load.reload(run)
