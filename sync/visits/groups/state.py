"""What is known of one group visit in a run: its members' rows, and what was read of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from sync.core.rules.group import Slot
from sync.people.resolve import participant
from sync.run.outcomes import BUSY, LaterError, ParkedError
from sync.store.schema import visit
from sync.store.tables import work
from sync.store.tables.work import Hints
from sync.visits.state.model import VisitRun

if TYPE_CHECKING:
    pass


def anybody(run: VisitRun) -> bool:
    """Whether a member stands for whom nothing was read yet: one who was just booked."""
    return any(not seat.read for seat in run.seats)


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
