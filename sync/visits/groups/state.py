"""What is known of one group visit in a run: its members' rows, and what was read of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from sync.core.records import State
from sync.core.rules.group import Slot
from sync.core.rules.lifecycle import attendee_state
from sync.core.rules.merge import Seen
from sync.people.resolve import participant
from sync.run.changes import compare
from sync.run.outcomes import LaterError, ParkedError
from sync.store.schema import blocker, visit
from sync.store.tables import attendances, baselines, links, work
from sync.store.tables.work import Hints
from sync.visits.linking.by_marker import BUSY
from sync.visits.state.model import TOLD, GroupRun, Seat

if TYPE_CHECKING:
    from sync.store.tables.links import Obj


def load_seats(run: GroupRun) -> None:
    """The current members by what SQL knows; what was read of them stays."""
    state = run.state
    with run.started.sync.store.read() as conn:
        state.objects = links.objects_of(conn, state.key)
        current = [a for a in attendances.attendances(conn, state.key) if a.current]
        state.stored = baselines.stored_fields(conn, [o.id for o in state.objects])
        parked = set(
            conn.execute(select(blocker.c.object).where(blocker.c.aggregate == state.key)).scalars()
        )
    known = {obj.id: obj for obj in state.objects}
    before = {seat.appointment.id: seat for seat in run.seats}
    run.seats, run.parked = [], 0 in parked
    for one in current:
        appointment = known.get(one.appointment or 0)
        if appointment is None:
            continue
        seat = Seat(one, appointment, known.get(one.participant or 0))
        seat.parked = appointment.id in parked
        earlier = before.get(appointment.id)
        if earlier is not None:
            seat.shown, seat.gone = earlier.shown, earlier.gone
        run.seats.append(seat)


def has_participant(seat: Seat) -> bool:
    """Whether the member is in the OnCall visit (cancelled or not), as far as is known."""
    return seat.participant is not None and seat.participant.remote_id is not None


def anybody(run: GroupRun) -> bool:
    """Whether a member stands for whom nothing was read yet: one who was just booked."""
    return any(not seat.read for seat in run.seats)


def settle_seat(conn: Connection, run: GroupRun, seat: Seat, names: Iterable[str] = TOLD) -> None:
    """What the appointment showed was carried: those baselines move."""
    if seat.shown is None:
        return
    digests, obj = run.started.sync.digests, seat.appointment
    wire = {name: value for name, value in seat.shown.wire.items() if name in set(names)}
    if wire:
        baselines.settle(
            conn, obj.id, digests.fields(obj.id, wire), digests.key_id, zone=seat.shown.visit.zone
        )


def as_settled(run: GroupRun, row: Obj) -> tuple[State, Seen]:
    """How a participant stands who was not read: cancelled when that was what it settled at."""
    digests = run.started.sync.digests
    seen = compare(digests, row.id, {"state": True}, run.state.stored)["state"]
    return attendee_state(cancelled=seen is Seen.SAME), Seen.SAME


def is_taken(run: GroupRun, slot: Slot) -> bool:
    """Whether another open visit stands in that slot."""
    with run.started.sync.store.read() as conn:
        return holder(conn, slot, run.state.key) is not None


def take(run: GroupRun, slot: Slot) -> None:
    """Move the visit's slot; one that another visit took meanwhile is seen by the next run."""
    sync = run.started.sync
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            work.hold(conn, run.state.lease, now=now, seconds=sync.settings.lease_seconds)
            conn.execute(
                update(visit)
                .where(visit.c.aggregate == run.state.key)
                .values(slot_key=slot.key, doctor=slot.doctor, starts_at=slot.starts)
            )
    except IntegrityError:
        raise LaterError(sync.clock() + BUSY, Hints.both()) from None
    run.slot = slot


def holder(conn: Connection, slot: Slot, besides: int) -> int | None:
    """The open group visit that has a slot."""
    found: int | None = conn.execute(
        select(visit.c.aggregate).where(
            visit.c.slot_key == slot.key, visit.c.state == "open", visit.c.aggregate != besides
        )
    ).scalar_one_or_none()
    return found


@dataclass
class Invited:
    """Who can be added now, and for each other one why not."""

    met: dict[int, participant.Met] = field(default_factory=dict)  # by attendance
    parked: dict[int, ParkedError] = field(default_factory=dict)
