"""Move objects between aggregates, in three shapes: absorb all of one, take one in, hand one out.

A transfer is one transaction. It holds every aggregate that it touches and never waits for a lease;
what hangs on an object goes with it, and an aggregate that has lost its visit is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection

from sync.run.outcomes import BUSY, LaterError
from sync.store.tables import attendances, claims, links
from sync.store.visits import moves

if TYPE_CHECKING:
    from datetime import datetime

    from sync.runtime import Sync
    from sync.store.lanes import Hints
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj


@dataclass(frozen=True, slots=True)
class Held:
    """Aggregates that nobody else works on until the transaction ends, and its time (UTC)."""

    conn: Connection
    now: datetime
    keys: frozenset[int]


def hold(
    conn: Connection,
    sync: Sync,
    *keys: int,
    lease: Lease | None = None,
    hints: Hints | None = None,
    abandoned: bool = False,
) -> Held:
    """Hold these aggregates, and the one of `lease`, to the end of the transaction.

    Raises LaterError (with `hints`) while another worker has one, FenceLostError when `lease` was
    taken over. `abandoned`: what a dead worker left is taken, where no run of its own may come.
    """
    now, own = sync.clock(), None if lease is None else lease.aggregate
    every = {*keys} if own is None else {*keys, own}
    if moves.freeze(conn, every, now=now, own=own, abandoned=abandoned):
        raise LaterError(now + BUSY, hints)
    if lease is not None:
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
    return Held(conn, now, frozenset(every))


def absorb(held: Held, source: int, target: int, *, hints: Hints, keep_seats: bool = False) -> None:
    """Move everything of `source` to `target`, which is raised for `hints`; `source` is closed.

    Its attendances end, and their participants are free for the target's, unless `keep_seats`.
    """
    _is_held(held, source, target)
    if not keep_seats:
        for attended in attendances.attendances(held.conn, source):
            attendances.change_attendance(held.conn, attended.id, current=False, participant=None)
    moves.absorb(held.conn, source, target, now=held.now, hints=hints)


def take_in(held: Held, obj: Obj, target: int, **values: Any) -> None:
    """Move one appointment to `target`; the visit that it leaves is closed with all it had.

    `values` are columns of the object. Its attendance there ends; the caller gives it one here.
    """
    _is_held(held, obj.aggregate, target)
    _end_seats(held, obj)
    moves.one(held.conn, obj, target, **values)
    moves.close(held.conn, obj.aggregate, held.now)


def hand_out(
    held: Held, obj: Obj, kind: Literal["visit", "person"] = "visit", **values: Any
) -> int:
    """Give one object an aggregate of its own, which goes on without it; returns the new one.

    `values` are columns of the object. The caller raises whom it concerns.
    """
    _is_held(held, obj.aggregate)
    own = links.new_aggregate(held.conn, kind, held.now)
    _end_seats(held, obj)
    moves.one(held.conn, obj, own, **values)
    return own


def follow(held: Held, participant: Obj, target: int) -> None:
    """Move a participant to the aggregate in which their OnCall visit is by now."""
    _is_held(held, participant.aggregate)
    if participant.aggregate != target:
        moves.one(held.conn, participant, target)


def _end_seats(held: Held, obj: Obj) -> None:
    for attended in attendances.attendances(held.conn, obj.aggregate):
        if attended.current and attended.appointment == obj.id:
            attendances.change_attendance(held.conn, attended.id, current=False)


def _is_held(held: Held, *keys: int) -> None:
    if not held.keys.issuperset(keys):
        raise RuntimeError("a transfer of what is not held")
