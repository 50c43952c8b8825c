"""Send the appointments away that left a shared visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.run import transfer
from sync.store.lanes import Hints
from sync.store.tables import work

if TYPE_CHECKING:
    from sync.visits.state.model import Seat, VisitRun


def send(run: VisitRun, leaving: list[Seat]) -> None:
    """Give each appointment that left a visit of its own, which finds its slot by its own run."""
    sync, state = run.sync, run.state
    hints, lane = Hints.of("drchrono"), state.lease.lane
    with sync.store.write() as conn:
        held = transfer.hold(conn, sync, lease=state.lease)
        for seat in leaving:
            own = transfer.hand_out(held, seat.appointment, has_marker=False)
            work.raise_(conn, own, now=held.now, hints=hints, lane=lane)
    # Nothing about them is this visit's to explain any more.
    gone = {seat.appointment.id for seat in leaving}
    state.deliveries = [d for d in state.deliveries if d.object not in gone]
    state.seats = [seat for seat in run.seats if seat.appointment.id not in gone]
