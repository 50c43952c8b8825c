"""Write a create down before it is made: its row under a unique key, and who attends.

Neither remote knows idempotency keys. So the row is written before the call, the marker goes with
the call, and a POST whose answer was not read *has happened* until two looks apart deny it (R14).

R… are rules of docs/rules.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from sync.core.rules import place
from sync.run import attempts, waiting
from sync.store import objects
from sync.store.at_end.owed import MANY
from sync.store.tables import attendances, claims
from sync.store.visits import visits
from sync.visits.linking import participants
from sync.visits.state import load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.core.records import Attendee
    from sync.people.resolve.participant import ResolvedPatient
    from sync.store.tables.attendances import Attendance
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


@dataclass(frozen=True)
class Booked:
    """Whose slot a visit of one takes: one person with one doctor at one time.

    Their attendance has the `appointment` that the visit is made of, or else what is made, with the
    `attendee` whose appointment it is.
    """

    doctor: str
    starts: datetime
    met: ResolvedPatient
    appointment: Obj | None = None
    attendee: Attendee | None = None

    @property
    def slot(self) -> str:
        """The key that no two open visits have."""
        return place.slot_key(self.doctor, self.starts, self.met.key)


def row_for(run: VisitRun, system: str, key: str, booked: Booked | None = None) -> Obj:
    """Write the create down before it is made, with the slot of `booked` and who attends.

    Raises ParkedError when another open visit has that slot already: this one was entered twice by
    hand, which is told and not doubled. A shared visit has its slot already.
    """
    sync, state = run.sync, run.state
    attended: Attendance | None = None
    try:
        with sync.store.write(owed_least=MANY) as conn:
            now = sync.clock()
            claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
            if booked is not None:
                booking = {"doctor": booked.doctor, "starts_at": booked.starts}
                visits.change(conn, state.key, slot_key=booked.slot, **booking)
            row = attempts.begin(
                conn,
                state.key,
                system,
                "appointment",
                key,
                now=now,
                generation=state.generation,
                highest_before=objects.highest_known(conn, system),
            )
            if booked is not None:
                attended = _attend(conn, run, booked, row)
    except IntegrityError:
        if booked is None:
            raise
        with sync.store.read() as conn:
            if visits.holder(conn, booked.slot, besides=state.key) is None:
                raise
            raise waiting.slot_taken(conn, booked.slot) from None
    state.objects.append(row)
    if booked is not None and attended is not None:
        state.row = replace(
            state.row, slot_key=booked.slot, doctor=booked.doctor, starts_at=booked.starts
        )
        state.attendance = attended
        for seat in state.seats:
            seat.attended = attended
    return row


def _attend(conn: Connection, run: VisitRun, booked: Booked, row: Obj) -> Attendance:
    """Note who attends a visit of one, before the create: what is made belongs to them."""
    state, met = run.state, booked.met
    appointment = booked.appointment or row
    values = {"appointment": appointment.id, "person": met.key, "person_version": met.version}
    if booked.attendee is not None:
        json = state.read["oncall"].json
        known = participants.settled_row_of(conn, run, booked.attendee.remote_id, json)
        values["participant"] = known.id
    if state.attendance is None:
        return attendances.attended(conn, state.key, **values)
    return attendances.changed(conn, state.attendance.id, **values)


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
