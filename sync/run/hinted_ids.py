"""Ids that only a caller told of: each is read once, when it is its turn, and only then is a fact.

The webhooks' credentials count as leaked (ADR 0017), so the door writes one row in a bounded table
and no more. From there an id gets a row of its own when its credential has a token left, in a lane
below live work. The read by id settles it: what it shows is a fact and gives the token back; what
it denies is forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select, update

from sync.core import bucket
from sync.run import occurrences
from sync.run.outcomes import LOOK_AGAIN, AbsorbedError, LaterError, NothingThereError
from sync.runtime import Ring, Sync
from sync.store.schema import (
    aggregate,
    attention,
    blocker,
    delivery,
    object_,
    person,
    person_key,
    tick,
    visit,
)
from sync.store.schema import work as work_table
from sync.store.tables import attendances, baselines, journal, links, told, work
from sync.store.tables.work import Hints, Lane, Wait

if TYPE_CHECKING:
    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.digests import Digests
    from sync.store.tables.links import Obj
    from sync.store.tables.told import Settled, Told
    from sync.store.tables.work import Lease

MOST = 500  # ids of a system that wait; what comes beyond is left to the lists
FLOOD = 20  # ids that wait: somebody is told
FLOOD_CAUSE = "unknown_ids_flood"
KEPT = timedelta(hours=1)
# How many ids of a system are being read at once: a token that no worker has time for is not spent.
AT_ONCE = 4
# One of which nothing was heard for so long takes nobody's place any more.
_LONG = timedelta(seconds=60)
# Which list shows the honest ones among those that wait, all in a few calls, and how often it may
# be read for that: so many times at once, and how many come back in a second.
LISTS = {"drchrono": "drchrono_appointments", "oncall": "oncall_newest"}
OFTEN = {
    "drchrono_appointments": bucket.Rate(most=6.0, per_second=1 / 120),
    "drchrono_patients": bucket.Rate(most=6.0, per_second=1 / 120),
    "oncall_newest": bucket.Rate(most=6.0, per_second=0.5),
}
APART = timedelta(seconds=1.5)  # at least, between two of them


def is_unknown(obj: Obj | None) -> bool:
    """Whether nothing but what callers say speaks for an object: unheard of, denied, or gone."""
    return obj is None or obj.state == "gone" or (obj.told and obj.looked_at is not None)


# --- at the door ----------------------------------------------------------------------------------


def hear(
    conn: Connection, sync: Sync, one: Told, obj: Obj | None, *, now: datetime, wait: Wait
) -> tuple[Ring, ...]:
    """Note an id that is to be read, and have it read when it is due now and its turn.

    What is gone (`obj`) is not read again a moment after a read has denied it. When the table is
    full, nothing is noted: the next list, due soon, shows the object if it is there.
    """
    before = told.find(conn, one.system, one.kind, one.remote_id)
    if before is None and told.count(conn, one.system, "asks") >= MOST:
        list_soon(conn, LISTS[one.system], now)
        return ()
    first = before.first_at if before is not None else now
    due = min(now + timedelta(seconds=wait.settle), first + timedelta(seconds=wait.longest))
    if obj is not None and obj.state == "gone" and obj.looked_at is not None:
        due = max(due, obj.looked_at + timedelta(seconds=sync.settings.apart_seconds))
    one = replace(one, first_at=first, due=max(now, due))
    taken = _take(conn, sync, one.system, [one], now) if one.due <= now else _Taken()
    told.say(conn, one, "taken" if taken.rings else "asks", now)
    return taken.rings


def list_soon(conn: Connection, name: str, now: datetime) -> None:
    """Have a list read soon, but not more often than `OFTEN` says."""
    last = conn.execute(select(tick.c.ran_at).where(tick.c.task == name)).scalar_one_or_none()
    rate, held = OFTEN[name], told.peek(conn, _of_list(name), _twice(name), now).soon
    due = now + timedelta(seconds=max(0.0, 1.0 - held) / rate.per_second)
    due = due if last is None else max(due, last + APART)
    conn.execute(update(tick).where(tick.c.task == name, tick.c.due > due).values(due=due))


def list_read(conn: Connection, name: str, now: datetime) -> None:
    """Note that a list is being read, for whatever reason."""
    told.spend(conn, _of_list(name), _twice(name), now)


def _of_list(name: str) -> str:
    return f"list:{name}"


def _twice(name: str) -> bucket.Rates:
    return bucket.Rates(OFTEN[name], OFTEN[name])


# --- whose turn it is -----------------------------------------------------------------------------


def admit(sync: Sync) -> None:
    """Give those whose turn it is a row and an item; tells of a flood, and of its end."""
    with sync.store.write() as conn:
        now = sync.clock()
        waiting = 0
        for system in LISTS:
            above = links.highest_known(conn, system)
            rows = told.asking(conn, system, now=now, above=above, most=AT_ONCE)
            taken = _take(conn, sync, system, rows, now)
            left = told.count(conn, system, "asks")
            if taken.short or left >= FLOOD:
                list_soon(conn, LISTS[system], now)
            waiting += left
        tell_flood(conn, waiting, now)


def tell_flood(conn: Connection, waiting: int, now: datetime) -> None:
    """Open or close the item about a flood; between the two numbers it stays as it is."""
    if waiting >= FLOOD:
        journal.open_attention(conn, 0, FLOOD_CAUSE, now=now)
    elif waiting == 0:
        journal.close_one(conn, 0, FLOOD_CAUSE, now)


def _rates(sync: Sync, system: str) -> bucket.Rates:
    return bucket.rates(sync.limits[system].hourly, sync.settings.unknown_ids_share)


@dataclass(frozen=True, slots=True)
class _Taken:
    """Whom to ring for, and whether an id must wait because its credential has no token."""

    rings: tuple[Ring, ...] = ()
    short: bool = False


def _take(conn: Connection, sync: Sync, system: str, rows: list[Told], now: datetime) -> _Taken:
    """Spend a token on each of these ids while its credential has one, and few are being read.

    The rows are locked in the order of a run: the work item, what was told, the bucket. So what is
    left in a bucket is looked up first, and its row is locked for the spending at the end.
    """
    rates = _rates(sync, system)
    room = AT_ONCE - told.being_read(conn, system, now - _LONG)
    left: dict[str, bucket.Level] = {}
    spent: Counter[str] = Counter()
    rings: list[Ring] = []
    short = False
    for one in rows:
        obj = links.find(conn, one.system, one.kind, one.remote_id)
        if obj is not None and not is_unknown(obj) and not obj.told:
            # Shown by a list or an answer meanwhile; what was said is still to be looked at.
            rings.append(_raise(conn, one, obj, now))
            told.settled(conn, one.system, one.kind, one.remote_id)
            continue
        name = one.credential
        held = left.get(name) or told.peek(conn, name, rates, now)
        short = short or not held.may
        if held.may and room > 0:
            room -= 1
            left[name] = held.taken()
            spent[name] += 1
            rings.append(_read_it(conn, one, now))
    for name in sorted(spent):
        told.spend(conn, name, rates, now, spent[name])
    return _Taken(tuple(rings), short)


def _read_it(conn: Connection, one: Told, now: datetime) -> Ring:
    """Have an id read: a row and an item for it, and the delivery that told of it."""
    obj = links.first_sight(conn, one.system, one.kind, one.remote_id, now=now, told=True)
    if obj.state == "gone":
        _stands_alone(conn, obj, now)
        links.change(conn, obj.id, shown_at=now)
    elif obj.told:
        # A series' base is followed as such, whatever else it may turn out to be.
        links.change(conn, obj.id, looked_at=None, state="skipped" if one.series else "live")
    ring = _raise(conn, one, links.get(conn, obj.id), now)
    told.take(conn, one, now)
    return ring


def _raise(conn: Connection, one: Told, obj: Obj, now: datetime) -> Ring:
    lane = Lane.TOLD if obj.told or obj.state == "gone" else Lane.LIVE
    hints = Hints.of(one.system)
    work.raise_(conn, obj.aggregate, now=now, hints=hints, lane=lane, told=True)
    journal.note_said(conn, one, source=one.system, object_id=obj.id)
    return Ring(obj.aggregate, lane)


def _stands_alone(conn: Connection, obj: Obj, now: datetime) -> None:
    """A former member of a group that is shown again is met as if it were new."""
    attended = [a for a in attendances.attendances(conn, obj.aggregate) if a.current]
    if obj.kind != "appointment" or any(a.appointment == obj.id for a in attended):
        return
    if any(a.appointment is not None for a in attended):
        own = links.new_aggregate(conn, "visit", now)
        links.change(conn, obj.id, aggregate=own)


# --- what the read by id said ---------------------------------------------------------------------


def is_unread(obj: Obj) -> bool:
    """Whether the next read by id says for the first time, or anew, that an object is there."""
    return obj.told or (obj.state == "gone" and obj.shown_at is not None)


def is_closed(obj: Obj) -> bool:
    """Whether an object is gone, and nobody has said since that it is there again."""
    return obj.state == "gone" and obj.shown_at is None


def shown(
    sync: Sync,
    lease: Lease,
    obj: Obj,
    remote_id: str,
    visible: Visit | None = None,
    json: Json = None,
    wire: Mapping[str, Json] | None = None,
) -> Obj:
    """An authenticated read has shown it: from now on it is a fact. Returns its row.

    `remote_id` is what the answer is about, `visible` and `json` an appointment as it was read,
    `wire` what a list would show of it.
    Raises NothingThereError when the answer is about another object, AbsorbedError when it is an
    occurrence that we know by another id.
    """
    if not is_unread(obj):
        return obj
    if remote_id != obj.remote_id:
        # The same number written in another way: it has a row of its own, or will get one.
        raise denied(sync, lease, obj)
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        _give_back(conn, sync, obj, now)
        real = _known_as(conn, sync, obj, visible, json) if visible and obj.told else None
        if real is None:
            if wire:
                shown_now = sync.digests.fields(obj.id, wire)
                journal.note_read(conn, obj.id, shown_now, sync.digests.key_id)
            return _is_there(conn, sync.digests, obj, visible, now)
        conn.execute(update(delivery).where(delivery.c.object == obj.id).values(object=real.id))
        conn.execute(delete(object_).where(object_.c.id == obj.id))
        links.absorb(conn, lease.aggregate, real.aggregate, now=now, hints=Hints.of(obj.system))
    raise AbsorbedError(real.aggregate)


def _is_there(
    conn: Connection, digests: Digests, obj: Obj, visible: Visit | None, now: datetime
) -> Obj:
    if obj.state == "gone":
        # Its create key may have been given to what was made in its place. That it is there is
        # news, as its end was carried.
        links.change(conn, obj.id, state="live", create_key=None, shown_at=None)
        baselines.settle(conn, obj.id, digests.fields(obj.id, {"state": "gone"}), digests.key_id)
    if obj.told:
        occurrences.note(conn, obj.aggregate, visible if obj.system == "drchrono" else None)
        links.change(conn, obj.id, told=False, created_at=now, looked_at=None)
    return links.get(conn, obj.id)


def _known_as(conn: Connection, sync: Sync, obj: Obj, visible: Visit, json: Json) -> Obj | None:
    """The occurrence that this appointment was, which has its id from now on."""
    if obj.system != "drchrono":
        return None
    # The id is free for the occurrence while it is looked for.
    links.change(conn, obj.id, remote_id=None)
    real = occurrences.known_as(conn, sync, visible, json)
    if real is None:
        links.change(conn, obj.id, remote_id=obj.remote_id)
    return real


def _give_back(conn: Connection, sync: Sync, obj: Obj, now: datetime) -> None:
    said = told.settled(conn, obj.system, obj.kind, str(obj.remote_id))
    if said is not None and said.what == "taken":
        _put_back(conn, sync, obj.system, said, now)


def _put_back(conn: Connection, sync: Sync, system: str, said: Settled, now: datetime) -> None:
    rates = _rates(sync, system)
    level = told.level(conn, said.credential, rates, now)
    told.put_level(conn, said.credential, rates.given_back(level), now)


def still_gone(sync: Sync, lease: Lease, obj: Obj) -> None:
    """What is gone was said to be there again, and a read by id has denied it."""
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        told.settled(conn, obj.system, obj.kind, str(obj.remote_id))
        links.change(conn, obj.id, looked_at=now, shown_at=None)


def denied(sync: Sync, lease: Lease, obj: Obj) -> NothingThereError:
    """What to raise when nothing is there under an id that only a caller told of.

    While nobody floods, which is as long as no other waits for its turn, one that was just made is
    looked for once more: reads can be some seconds behind. Raises LaterError for that. Else a list
    is read soon, for the one that was too new.
    """
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        said = told.find(conn, obj.system, obj.kind, str(obj.remote_id))
        again, others = False, 0
        if said is not None and lease.attempts == 0:
            rates = _rates(sync, obj.system)
            level = told.level(conn, said.credential, rates, now)
            others = told.count(conn, obj.system, "asks")
            again = level.may and rates.is_calm(level) and not others
            told.put_level(conn, said.credential, level.taken() if again else level, now)
        if not again:
            told.settled(conn, obj.system, obj.kind, str(obj.remote_id))
            links.change(conn, obj.id, looked_at=now)
            if others:
                list_soon(conn, LISTS[obj.system], now)
    if again:
        raise LaterError(now + LOOK_AGAIN, lease.hints, failed=True)
    return NothingThereError(obj.id)


# --- what a list said ----------------------------------------------------------------------------


def shown_by(sync: Sync, began: datetime) -> datetime:
    """What was said earlier than this is in a list that began then: it may be some seconds old."""
    return began - timedelta(seconds=sync.settings.apart_seconds)


def listed(conn: Connection, sync: Sync, obj: Obj) -> Ring | None:
    """Have what a list shows first looked at as a change that a caller told of; None if nobody did.

    Lists are behind what people wait for, and so it must not be one of theirs any more.
    """
    remote_id = str(obj.remote_id)
    if told.find(conn, obj.system, obj.kind, remote_id) is None:
        return None
    work.locked(conn, obj.aggregate)  # before what was told, as everywhere
    said = told.settled(conn, obj.system, obj.kind, remote_id, only=("asks", "taken"))
    if said is None:
        return None
    now, hints = sync.clock(), Hints.of(obj.system)
    work.raise_(conn, obj.aggregate, now=now, hints=hints, told=True)
    if said.what == "asks":
        journal.note_said(conn, said, source=obj.system, object_id=obj.id)
    else:
        _put_back(conn, sync, obj.system, said, now)
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
        journal.close_one(conn, 0, FLOOD_CAUSE, sync.clock())


# --- nothing stays --------------------------------------------------------------------------------


def prune(conn: Connection, now: datetime) -> None:
    """Forget ids that were denied an hour ago, with all rows that they had, and what was said."""
    told.forget_old(conn, now - KEPT)
    found = conn.execute(
        select(object_.c.id, object_.c.aggregate)
        .where(object_.c.told, object_.c.looked_at < now - KEPT)
        .limit(MOST)
        # Not one of which a webhook tells at this moment.
        .with_for_update(skip_locked=True)
    ).all()
    for row in found:
        if work.idle(work.locked(conn, row.aggregate)):
            _drop(conn, row.id, row.aggregate)


def _drop(conn: Connection, object_id: int, key: int) -> None:
    conn.execute(delete(delivery).where(delivery.c.object == object_id))
    conn.execute(delete(object_).where(object_.c.id == object_id))
    others = conn.execute(select(object_.c.id).where(object_.c.aggregate == key).limit(1)).first()
    merged = conn.execute(select(aggregate.c.id).where(aggregate.c.merged_into == key).limit(1))
    if others is not None or merged.first() is not None or attendances.attendances(conn, key):
        return
    for table in (blocker, work_table, visit, person):
        conn.execute(delete(table).where(table.c.aggregate == key))
    conn.execute(delete(person_key).where(person_key.c.person == key))
    conn.execute(delete(attention).where(attention.c.aggregate == key))
    conn.execute(delete(aggregate).where(aggregate.c.id == key))
