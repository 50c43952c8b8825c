"""Take a sample each minute of how it stands, for the chart of the operations pages."""

from datetime import timedelta
from typing import Final

from sync.outbound.budget import left
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.service import samples
from sync.store.service.samples import Sample
from sync.store.tables import blockers, work

KEPT: Final = timedelta(days=7)


def take(sync: Sync) -> tuple[Ring, ...]:
    """Keep what waits now, the age of the oldest, and what is left of DrChrono's hour."""
    now = sync.clock()
    with sync.store.read() as conn:
        depths = work.depths(conn, now=now)
        taken = Sample(
            at=now.replace(second=0, microsecond=0),
            waiting=sum(depth.waiting for depth in depths),
            oldest_seconds=max((depth.oldest_seconds for depth in depths), default=0.0),
            parked=blockers.count_parked(conn),
            attention=attention.count_open(conn),
            drchrono_left=left(conn, "drchrono", sync.limits["drchrono"], now).left,
        )
    with sync.store.write() as conn:
        samples.put(conn, taken)
    return ()
