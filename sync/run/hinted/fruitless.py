"""Bound the hints about known objects behind which a read found nothing (ADR 0017).

Each such read takes a token from the buckets of its system, one for the next seconds and one for
the hour; of an object that was read in vain within the hour already, before it is read once more,
however slow the workers are. When one is empty, the hint waits: DrChrono's for the next list,
which is due soon and shows whether it is true; OnCall's, whose lists tell less and whose calls are
not counted, for a minute. Objects that nobody lied about are never put off.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sync.core import bucket
from sync.run.hinted import bounds, lists
from sync.store.lanes import Lane
from sync.store.tables import buckets, claims, links, work
from sync.store.tables.work import Wait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, RowMapping

    from sync.runtime import Sync
    from sync.store.tables.claims import Lease
    from sync.store.tables.journal import Delivery
    from sync.store.tables.links import Obj

REMEMBERED = timedelta(hours=1)
LISTS = {"appointment": "drchrono_appointments", "patient": "drchrono_patients"}
SLOW = Wait(60, 60)
# Whatever the hour allows: reads in vain must leave the workers time for the others.
SOON = bucket.Rate(most=20.0, per_second=1.0)
_SCANS = ("scan", "scan_deleted")


def note(sync: Sync, lease: Lease, obj: Obj | None, deliveries: Iterable[Delivery]) -> None:
    """A read of an object found nothing new: take a token when only callers had told of it."""
    if obj is None or lease.own:
        return
    said = [one for one in deliveries if one.object == obj.id]
    if not said or any(one.event in _SCANS or _is_late(one, obj) for one in said):
        return
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        links.change(conn, obj.id, fruitless_at=now)
        level = buckets.level(conn, _name(obj), _rates(sync, obj), now)
        reads = 1 + (lease.attempts if obj.system == "drchrono" else 0)
        paid = 1 if _was_in_vain(obj, now) else 0
        spent = bucket.Level(max(0.0, level.soon - 1 + paid), max(0.0, level.share - reads + paid))
        buckets.put_level(conn, _name(obj), spent, now)


def _is_late(one: Delivery, obj: Obj) -> bool:
    """Whether a body is an older one, come late or once more: that is nobody's lie."""
    return one.revision is not None and obj.revision is not None and one.revision < obj.revision


def _was_in_vain(obj: Obj, now: datetime) -> bool:
    return obj.fruitless_at is not None and obj.fruitless_at >= now - REMEMBERED


def may_be_read(
    conn: Connection, sync: Sync, obj: Obj, now: datetime, item: RowMapping | None
) -> bool:
    """Take the token for one more read of an object that was read in vain; whether there was one.

    `item` is the object's work item, locked. While it waits for its turn, a further hint costs no
    read, and no token.
    """
    if not _was_in_vain(obj, now) or work.waits(item):
        return True
    rates = _rates(sync, obj)
    if not buckets.peek(conn, _name(obj), rates, now).may:
        return False
    level = buckets.level(conn, _name(obj), rates, now)
    if level.may:
        buckets.put_level(conn, _name(obj), level.taken(), now)
    return level.may


def lane_of(conn: Connection, sync: Sync, obj: Obj, now: datetime) -> Lane:
    """Whose turn a hint about a known object is: behind the others while its kind of them abounds.

    Only of one that was read in vain within the hour; changes of the others are what people wait
    for.
    """
    if obj.told:
        return Lane.TOLD
    if not _was_in_vain(obj, now):
        return Lane.LIVE
    rates = _rates(sync, obj)
    few = rates.holds_half(buckets.peek(conn, _name(obj), rates, now))
    return Lane.LIVE if few else Lane.CATCHUP


def puts_off(
    conn: Connection, sync: Sync, obj: Obj, now: datetime, item: RowMapping | None
) -> bool:
    """Whether a hint about an object is left to the next list, which is then due soon."""
    if obj.system != "drchrono" or obj.kind not in LISTS:
        return False
    if may_be_read(conn, sync, obj, now, item):
        return False
    lists.soon(conn, LISTS[obj.kind], now)
    return True


def _name(obj: Obj) -> str:
    return f"known:{obj.system}"


def _rates(sync: Sync, obj: Obj) -> bucket.Rates:
    return bucket.Rates(SOON, bounds.rates(sync, obj.system).share)
