"""Look once more at what waits for a thing that changed while it was being looked at (ADR 0043)."""

from sync.intake import woken
from sync.runtime import Ring, Sync
from sync.store.at_end import signals
from sync.store.lanes import Hints, Lane
from sync.store.tables import blockers, work


def settle(sync: Sync) -> tuple[Ring, ...]:
    """Raise what parked behind a change that it had not seen. Returns what to ring.

    What a caller may have said is raised while there are tokens for that; the rest waits for them.
    """
    with sync.store.read() as conn:
        found = blockers.missed(conn)
        old = signals.are_old(conn, sync.clock())
    if not found and not old:
        return ()
    with sync.store.write() as conn:
        now = sync.clock()
        signals.drop_old(conn, now)
        mine = woken.afforded(conn, sync, found, now)
        keys = sorted({one.aggregate for one in mine})
        for key in keys:
            work.raise_(conn, key, now=now, hints=Hints.both(), lane=Lane.CATCHUP)
        blockers.looked_at_from(conn, mine, now)
    return tuple(Ring(key, Lane.CATCHUP) for key in keys)
