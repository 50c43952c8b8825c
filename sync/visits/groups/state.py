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
from sync.store.schema import visit
from sync.store.tables import baselines, work
from sync.store.tables.work import Hints
from sync.visits.linking.by_marker import BUSY
from sync.visits.state.model import TOLD, Seat, VisitRun

if TYPE_CHECKING:
    from sync.store.tables.links import Obj


def anybody(run: VisitRun) -> bool:
    """Whether a member stands for whom nothing was read yet: one who was just booked."""
    return any(not seat.read for seat in run.seats)


def settle_seat(conn: Connection, run: VisitRun, seat: Seat, names: Iterable[str] = TOLD) -> None:
    """What the appointment showed was carried: those baselines move."""
    if seat.shown is None:
        return
    digests, obj = run.sync.digests, seat.appointment
    wire = {name: value for name, value in seat.shown.wire.items() if name in set(names)}
    if wire:
        baselines.settle(
            conn, obj.id, digests.fields(obj.id, wire), digests.key_id, zone=seat.shown.visit.zone
        )


def as_settled(run: VisitRun, row: Obj) -> tuple[State, Seen]:
    """How a participant stands who was not read: cancelled when that was what it settled at."""
    digests = run.sync.digests
    seen = compare(digests, row.id, {"state": True}, run.state.stored)["state"]
    return attendee_state(cancelled=seen is Seen.SAME), Seen.SAME


def is_taken(run: VisitRun, slot: Slot) -> bool:
    """Whether another open visit stands in that slot."""
    with run.sync.store.read() as conn:
        return holder(conn, slot, run.state.key) is not None


def take(run: VisitRun, slot: Slot) -> None:
    """Move the visit's slot; one that another visit took meanwhile is seen by the next run."""
    sync = run.sync
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
    run.state.place = slot


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
