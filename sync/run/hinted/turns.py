"""Give ids that only callers told of their turn to be read, a few at a time.

The webhooks' credentials count as leaked (ADR 0017), so the door writes one row in a bounded table
and no more. From there an id gets a row of its own when its credential has a token left, in a lane
below live work.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sync.core.records import SYSTEMS
from sync.run import transfer
from sync.run.hinted import bounds, lists
from sync.run.hinted.reads import is_unknown
from sync.run.outcomes import LaterError
from sync.runtime import Ring
from sync.store import objects
from sync.store.lanes import Hints, Lane
from sync.store.tables import at_the_end, attendances, buckets, journal, links, told, work

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.store.tables.buckets import Bucket
    from sync.store.tables.links import Obj
    from sync.store.tables.told import Standing, Told
    from sync.store.tables.work import Wait


class Hearing:
    """Hears the ids that callers tell of in one transaction: each once, and whose turn it is.

    What decides is read for all of them at once, and counted on from one to the next.
    """

    def __init__(self, conn: Connection, sync: Sync, ids: Iterable[tuple[str, str]]) -> None:
        """`ids`: the system and id of what may be told of."""
        self._conn = conn
        self._sync = sync
        self._now = sync.clock()
        self._ids = sorted(set(ids))
        self._standing: dict[tuple[str, str], Standing] = {}
        self._asking: Counter[str] = Counter()
        self._reading: Counter[str] = Counter()
        self._spent: Counter[tuple[str, str]] = Counter()
        self._listed: set[str] = set()

    def hear(self, one: Told, obj: Obj | None, wait: Wait) -> tuple[Ring, ...]:
        """Note an id that is to be read, and have it read when it is due now and its turn.

        `obj` is its row, if it has one. What is gone is not read again a moment after a read has
        denied it, and a former member of a group not while the group is being worked on. When the
        table is full, nothing is noted: the next list, due soon, shows the object if it is there.
        Raises IntegrityError when somebody else gives the id a row at this moment.
        """
        now, standing = self._now, self._stands(one)
        before = standing.said.get((one.kind, one.remote_id))
        if before is None and standing.asking + self._asking[one.system] >= bounds.MOST:
            self._list_soon(one.system)
            return ()
        first = before.first_at if before is not None else now
        due = min(now + timedelta(seconds=wait.settle), first + timedelta(seconds=wait.longest))
        if obj is not None and obj.state == "gone" and obj.looked_at is not None:
            due = max(due, obj.looked_at + timedelta(seconds=self._sync.settings.apart_seconds))
        one = replace(one, first_at=first, due=max(now, due))
        its_turn = one.due <= now and self._has_room(one, standing)
        ring = _read_it(self._conn, self._sync, one, obj, now) if its_turn else None
        told.say(self._conn, one, "taken" if ring else "asks", now)
        if ring is None:
            if before is None:
                self._asking[one.system] += 1
            return ()
        self._reading[one.system] += 1
        self._spent[one.system, one.credential] += 1
        return (ring,)

    def end(self) -> None:
        """Write what was said and spend the tokens: the bucket is locked after what was told."""
        at_the_end.flush(self._conn)
        for (system, name), tokens in sorted(self._spent.items()):
            held = self._standing[system, name].bucket
            buckets.spend(
                self._conn, name, bounds.rates(self._sync, system), self._now, tokens, held=held
            )

    def _stands(self, one: Told) -> Standing:
        whose = one.system, one.credential
        if whose not in self._standing:
            self._standing[whose] = told.standing(
                self._conn,
                whose,
                [remote_id for system, remote_id in self._ids if system == one.system],
                bounds.rates(self._sync, one.system),
                self._now,
                since=self._now - bounds.LONG,
            )
        return self._standing[whose]

    def _has_room(self, one: Told, standing: Standing) -> bool:
        left = standing.bucket.level.taken(self._spent[one.system, one.credential])
        return left.may and standing.being_read + self._reading[one.system] < bounds.AT_ONCE

    def _list_soon(self, system: str) -> None:
        if system not in self._listed:
            self._listed.add(system)
            lists.soon(self._conn, lists.LISTS[system], self._now)


def admit(sync: Sync) -> None:
    """Give those whose turn it is a row and an item; tells of a flood, and of its end."""
    with sync.store.write() as conn:
        now = sync.clock()
        waiting = 0
        for system in SYSTEMS:
            above = objects.highest_known(conn, system)
            rows = told.asking(conn, system, now=now, above=above, most=bounds.AT_ONCE)
            short = _take(conn, sync, system, rows, now) if rows else False
            left = told.count(conn, system, "asks")
            if short or left >= bounds.FLOOD:
                lists.soon(conn, lists.LISTS[system], now)
            waiting += left
        bounds.tell_flood(conn, waiting, now)


def _take(conn: Connection, sync: Sync, system: str, rows: list[Told], now: datetime) -> bool:
    """Spend a token on each of these ids while its credential has one, and few are being read.

    Returns whether an id must wait because its credential has no token. The rows are locked in the
    order of a run: the work item, what was told, the bucket. So what is left in a bucket is looked
    up first, and its row is locked for the spending at the end.
    """
    rates = bounds.rates(sync, system)
    room = bounds.AT_ONCE - told.being_read(conn, system, now - bounds.LONG)
    left: dict[str, Bucket] = {}
    spent: Counter[str] = Counter()
    short = False
    for one in rows:
        obj = links.find(conn, one.system, one.kind, one.remote_id)
        if obj is not None and not is_unknown(obj) and not obj.told:
            # Shown by a list or an answer meanwhile; what was said is still to be looked at.
            _raise(conn, one, obj, now)
            told.settled(conn, one.system, one.kind, one.remote_id)
            continue
        name = one.credential
        held = left[name] = left.get(name) or buckets.bucket_of(conn, name, rates, now)
        may = held.level.taken(spent[name]).may
        short = short or not may
        if may and room > 0 and _read_it(conn, sync, one, obj, now, alone=False) is not None:
            room -= 1
            spent[name] += 1
            told.take(conn, one, now)
    for name in sorted(spent):
        buckets.spend(conn, name, rates, now, spent[name], held=left[name])
    return short


def _read_it(
    conn: Connection,
    sync: Sync,
    one: Told,
    obj: Obj | None,
    now: datetime,
    *,
    alone: bool = True,
) -> Ring | None:
    """Have an id read: a row and an item for it, and the delivery that told of it.

    None while a worker has the group that it has to leave for that: its turn comes again.
    `alone`: the transaction is about this id alone, and is begun again when another is faster.
    """
    # A series' base is followed as such, whatever else it may turn out to be.
    state = "skipped" if one.series else "live"
    if obj is None and alone:
        obj = links.new_object(
            conn, one.system, one.kind, one.remote_id, now=now, told=True, state=state
        )
        return _raise(conn, one, obj, now, new=True)
    if obj is None:
        obj = links.first_sight(conn, one.system, one.kind, one.remote_id, now=now, told=True)
    if obj.state == "gone":
        home = _home(conn, sync, obj)
        if home is None:
            return None
        obj = replace(obj, aggregate=home)
        links.change(conn, obj.id, shown_at=now)
    elif obj.told:
        links.change(conn, obj.id, looked_at=None, state=state)
    return _raise(conn, one, obj, now)


def _raise(conn: Connection, one: Told, obj: Obj, now: datetime, *, new: bool = False) -> Ring:
    lane = Lane.TOLD if obj.told or obj.state == "gone" else Lane.LIVE
    hints = Hints.of(one.system)
    work.raise_(conn, obj.aggregate, now=now, hints=hints, lane=lane, told=True, new=new)
    journal.note_said(conn, one, source=one.system, object_id=obj.id)
    return Ring(obj.aggregate, lane)


def _home(conn: Connection, sync: Sync, obj: Obj) -> int | None:
    """The aggregate in which what is gone is met when it is shown again; None while that is busy.

    A former member of a group is met as if it were new: the group hands it out.
    """
    attended = [a for a in attendances.attendances(conn, obj.aggregate) if a.current]
    if obj.kind != "appointment" or any(a.appointment == obj.id for a in attended):
        return obj.aggregate
    if not any(a.appointment is not None for a in attended):
        return obj.aggregate
    try:
        held = transfer.hold(conn, sync, obj.aggregate)
    except LaterError:
        return None
    return transfer.hand_out(held, obj)
