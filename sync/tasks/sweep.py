"""Ring what is due and unclaimed, and so make up for every lost ring."""

from sync.run.hinted import turns
from sync.runtime import Ring, Sync
from sync.store.tables import told, work

# A ring that nobody followed is given again after this many seconds: Redis may have lost it.
RING_AGAIN = 10.0


def sweep(sync: Sync) -> tuple[Ring, ...]:
    """The keys to ring now; each is noted as rung, so any number of sweepers may run."""
    with sync.store.read() as conn:
        asked = told.anybody_asks(conn, sync.clock())
        waiting = work.any_due(conn, now=sync.clock(), ring_again=RING_AGAIN)
    if asked:
        turns.admit(sync)  # rung below, with what else is due
        with sync.store.read() as conn:
            waiting = work.any_due(conn, now=sync.clock(), ring_again=RING_AGAIN)
    if not waiting:
        return ()
    with sync.store.write() as conn:
        found = work.due_items(conn, now=sync.clock(), ring_again=RING_AGAIN)
    return tuple(Ring(aggregate, lane) for aggregate, lane in found)
