"""Send the appointments away that left a shared visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete

from sync.store.schema import attention, blocker
from sync.store.tables import attendances, links, work
from sync.store.tables.work import Hints

if TYPE_CHECKING:
    from sync.visits.state.model import Seat, VisitRun


def send(run: VisitRun, leaving: list[Seat]) -> None:
    """Give each appointment that left a visit of its own, which finds its slot by its own run."""
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        for seat in leaving:
            attendances.change_attendance(conn, seat.attended.id, current=False)
            own = links.new_aggregate(conn, "visit", now)
            links.change(conn, seat.appointment.id, aggregate=own, marked=False)
            _forget_told(conn, state.key, seat.appointment.id)
            work.raise_(conn, own, now=now, hints=Hints.of("drchrono"), lane=state.lease.lane)
    # Nothing about them is this visit's to explain any more.
    gone = {seat.appointment.id for seat in leaving}
    state.deliveries = [d for d in state.deliveries if d.object not in gone]
    state.seats = [seat for seat in run.seats if seat.appointment.id not in gone]


def _forget_told(conn: Connection, key: int, object_id: int) -> None:
    conn.execute(delete(blocker).where(blocker.c.aggregate == key, blocker.c.object == object_id))
    conn.execute(
        delete(attention).where(
            attention.c.aggregate == key,
            attention.c.object == object_id,
            attention.c.closed_at.is_(None),
        )
    )
