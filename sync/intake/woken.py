"""Wake what waits for a thing that a caller says has changed, but not without end (ADR 0017).

Each wake costs reads, and what a forged body says mends nothing. So a wake by a webhook takes a
token from two buckets, one for the next seconds and one for the hour. When one is empty, what waits
for a chart is woken by the next list, due soon, which shows whether it changed; what waits for an
appointment, in half an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core import bucket
from sync.run.hinted import lists
from sync.store.at_end import signals
from sync.store.lanes import Hints, Lane
from sync.store.tables import blockers, buckets, work
from sync.store.tables.work import Wait

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from sync.runtime import Sync
    from sync.store.tables.blockers import Missed

_NAME = "woken:drchrono"
_SOON = bucket.Rate(most=20.0, per_second=0.5)
_SLOW = Wait(1800, 1800)


def wake(
    conn: Connection,
    sync: Sync,
    kind: str | None,
    waiting: Sequence[RowMapping],
    *,
    now: datetime,
    wait: Wait,
) -> list[int]:
    """Raise the items of what waits for this, while there are tokens; returns the aggregates.

    `spend` is to follow at the end of the transaction: its row is locked after all others.
    """
    if not waiting:
        return []
    if not buckets.peek(conn, _NAME, _rates(sync), now).may:
        if kind == blockers.VISIT:
            _raise(conn, waiting, now=now, lane=Lane.CATCHUP, wait=_SLOW)
        else:
            lists.soon(conn, "drchrono_patients", now)
        return []
    return _raise(conn, waiting, now=now, lane=Lane.LIVE, wait=wait)


def _raise(
    conn: Connection, waiting: Sequence[RowMapping], *, now: datetime, lane: Lane, wait: Wait
) -> list[int]:
    keys = [int(item["aggregate"]) for item in waiting]
    for key, item in zip(keys, waiting, strict=True):
        work.raise_(conn, key, now=now, hints=Hints.both(), lane=lane, wait=wait, item=item)
    return keys


def by_address(conn: Connection, sync: Sync, kind: str, ref: str, *, now: datetime) -> list[int]:
    """Raise what waits for somebody with an address, while there are tokens."""
    keys = blockers.changed(conn, kind, ref, now)
    if not keys:
        return []
    if not buckets.peek(conn, _NAME, _rates(sync), now).may:
        lists.soon(conn, "drchrono_patients", now)
        return []
    for key in keys:
        work.raise_(conn, key, now=now, hints=Hints.both())
    return keys


def afforded(
    conn: Connection, sync: Sync, found: Sequence[Missed], now: datetime
) -> Sequence[Missed]:
    """Those that may be raised now: without a token, none that a caller's word may be behind."""
    said = {one for one in found if one.kind in signals.OF_REMOTES}
    if said and not buckets.peek(conn, _NAME, _rates(sync), now).may:
        return [one for one in found if one not in said]
    spend(conn, sync, len({one.aggregate for one in said}), now)
    return found


def spend(conn: Connection, sync: Sync, tokens: int, now: datetime) -> None:
    """Take a token for each aggregate that was woken."""
    if tokens:
        buckets.spend(conn, _NAME, _rates(sync), now, tokens)


def _rates(sync: Sync) -> bucket.Rates:
    rates = bucket.rates(sync.limits["drchrono"].hourly, sync.settings.unknown_ids_share)
    return bucket.Rates(_SOON, rates.share)
