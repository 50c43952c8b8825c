"""Have a list read soon for ids that wait, and take what it shows for an answer.

One list shows the honest ones among those that wait, all in a few calls.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sync.core import bucket
from sync.run.hinted import bounds
from sync.runtime import Ring
from sync.store.lanes import Hints, Lane
from sync.store.service import ticks
from sync.store.tables import buckets, journal, told, work

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.store.tables.links import Obj

# Which list shows the ids of a system, and how often it may be read for that: so many times at
# once, and how many come back in a second.
LISTS = {"drchrono": "drchrono_appointments", "oncall": "oncall_newest"}
OFTEN = {
    "drchrono_appointments": bucket.Rate(most=6.0, per_second=1 / 120),
    "drchrono_patients": bucket.Rate(most=6.0, per_second=1 / 120),
    "oncall_newest": bucket.Rate(most=6.0, per_second=0.5),
}
APART = timedelta(seconds=1.5)  # at least, between two of them


def soon(conn: Connection, name: str, now: datetime) -> None:
    """Have a list read soon, but not more often than `OFTEN` says."""
    last = ticks.ran_at(conn, name)
    rate, held = OFTEN[name], buckets.peek(conn, _bucket(name), _twice(name), now).soon
    due = now + timedelta(seconds=max(0.0, 1.0 - held) / rate.per_second)
    due = due if last is None else max(due, last + APART)
    ticks.not_later(conn, name, due)


def note_read(conn: Connection, name: str, now: datetime) -> None:
    """Note that a list is being read, for whatever reason."""
    buckets.spend(conn, _bucket(name), _twice(name), now)


def _bucket(name: str) -> str:
    return f"list:{name}"


def _twice(name: str) -> bucket.Rates:
    return bucket.Rates(OFTEN[name], OFTEN[name])


# --- what a list said -----------------------------------------------------------------------------


def shown_by(sync: Sync, began: datetime) -> datetime:
    """What was said earlier than this is in a list that began then: it may be some seconds old."""
    return began - timedelta(seconds=sync.settings.apart_seconds)


def first_shown(conn: Connection, sync: Sync, obj: Obj) -> Ring | None:
    """Have what a list shows first looked at as a change that a caller told of; None if nobody did.

    Lists are behind what people wait for, and so it must not be one of theirs any more.
    """
    remote_id = str(obj.remote_id)
    if told.find(conn, obj.system, obj.kind, remote_id) is None:
        return None
    item = work.locked(conn, obj.aggregate)  # before what was told, as everywhere
    said = told.settled(conn, obj.system, obj.kind, remote_id, only=("asks", "taken"))
    if said is None:
        return None
    now, hints = sync.clock(), Hints.of(obj.system)
    work.raise_(conn, obj.aggregate, now=now, hints=hints, told=True, item=item)
    if said.what == "asks":
        journal.note_said(conn, said, source=obj.system, object_id=obj.id)
    else:
        bounds.put_back(conn, sync, obj.system, said, now)
    return Ring(obj.aggregate, Lane.LIVE)


def answered(
    conn: Connection,
    sync: Sync,
    system: str,
    began: datetime,
    *,
    above: int | None = None,
    occurrences: bool = False,
) -> None:
    """A whole list was read: the ids that it would have shown and did not wait no longer.

    `above`: only those above this number. `occurrences`: those of series, which are no number.
    """
    before = shown_by(sync, began)
    told.answered(conn, system, before=before, above=above, occurrences=occurrences)
    if not any(told.count(conn, one, "asks") for one in LISTS):
        bounds.tell_flood(conn, 0, sync.clock())
