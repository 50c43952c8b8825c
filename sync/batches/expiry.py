"""Delete in time what is sealed of batches, and what nobody goes on with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sync.batches import ends
from sync.batches.step import ADVANCING
from sync.core.batch.model import OVER, State
from sync.runtime import Ring
from sync.store.batches import files, rows
from sync.store.lanes import Hints, Lane
from sync.store.tables import work
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.store.batches.rows import Row

NOT_STARTED = "not_started"


def settle(sync: Sync) -> tuple[Ring, ...]:
    """Drop what was to go by now, and forget batches that were over long ago.

    A file that nobody started on for a day is deleted with what was planned of it; a batch that was
    paused for a day ends. Makes no call.
    """
    rings: list[Ring] = []
    with sync.store.read() as conn:
        due = [row.id for row in rows.to_drop(conn, sync.clock())]
    for number in due:
        with sync.store.write() as conn:
            row = rows.locked(conn, number)
            now = sync.clock()
            if row is not None and row.drop_at is not None and row.drop_at <= now:
                rings += _drop(conn, row, now)
    _wipe(sync)
    with sync.store.write() as conn:
        now = sync.clock()
        rows.remove_old(conn, now - timedelta(days=sync.settings.keep_days))
        rings += _lost(conn, now)
    return tuple(rings)


def _wipe(sync: Sync) -> None:
    """Take the lines away whose key is deleted."""
    with sync.store.read() as conn:
        deleted = rows.to_wipe(conn)
    for number in deleted:
        more = True
        while more:
            with sync.store.write() as conn:
                more = files.wipe(conn, number)


def _drop(conn: Connection, row: Row, now: datetime) -> tuple[Ring, ...]:
    deeds.note(conn, Deed("drop_file", (("batch", row.id),), outcome="expired"), now)
    if row.state is State.PAUSED:
        return ends.cancelled(conn, row, now)
    if row.state not in OVER:
        said = {"ended_at": now, "cause": NOT_STARTED, "waits_until": None}
        rows.turn(conn, row.id, State.FAILED, of={row.state}, **said)
    files.drop(conn, row.id, now)
    return ()


def _lost(conn: Connection, now: datetime) -> list[Ring]:
    """Raise batches that are to go on and of which nothing is wanted: no ring was ever to come."""
    raised = []
    for row in rows.not_over(conn):
        if row.state not in ADVANCING:
            continue
        standing = work.standing(conn, row.aggregate)
        if standing is None or (not standing.waits and standing.lease_until is None):
            work.raise_(conn, row.aggregate, now=now, hints=Hints(), lane=Lane.BULK)
            raised.append(Ring(row.aggregate, Lane.BULK))
    return raised
