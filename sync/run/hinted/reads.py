"""Settle by one read by id what callers told of an object.

What the read shows is a fact from then on, and gives its token back; what it denies is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.run import occurrences, transfer
from sync.run.hinted import bounds, lists
from sync.run.outcomes import LOOK_AGAIN, AbsorbedError, LaterError, NothingThereError
from sync.store import objects
from sync.store.at_end.owed import MANY
from sync.store.lanes import Hints
from sync.store.tables import baselines, buckets, claims, journal, links, told
from sync.store.visits import visits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.digests import Digests
    from sync.runtime import Sync
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj


def is_unknown(obj: Obj | None) -> bool:
    """Whether nothing but what callers say speaks for an object: unheard of, denied, or gone."""
    return obj is None or obj.state == "gone" or (obj.told and obj.looked_at is not None)


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
    with sync.store.write(owed_least=MANY) as conn:
        now = sync.clock()
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        _give_back(conn, sync, obj, now)
        real = _known_as(conn, sync, obj, visible, json) if visible and obj.told else None
        if real is None:
            if wire:
                shown_now = sync.digests.fields(obj.id, wire)
                journal.note_read(conn, obj.id, shown_now, sync.digests.key_id)
            return _is_there(conn, sync.digests, obj, visible, now)
        hints = Hints.of(obj.system)
        held = transfer.hold(conn, sync, real.aggregate, lease=lease, hints=hints)
        journal.hand_on(conn, obj.id, real.id)
        objects.drop(conn, obj.id)
        transfer.absorb(held, lease.aggregate, real.aggregate, hints=hints)
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
        if visible is not None:
            visits.note_place(conn, obj.aggregate, visible, first=True)
        return links.changed(conn, obj.id, told=False, created_at=now, looked_at=None)
    return links.get(conn, obj.id)


def _known_as(conn: Connection, sync: Sync, obj: Obj, visible: Visit, json: Json) -> Obj | None:
    """The occurrence that this appointment was, which has its id from now on."""
    if obj.system != "drchrono" or not occurrences.is_one(visible):
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
        bounds.put_back(conn, sync, obj.system, said, now)


def still_gone(sync: Sync, lease: Lease, obj: Obj) -> None:
    """Note that a read by id has denied what was said to be there again."""
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
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
        claims.hold(conn, lease, now=now, seconds=sync.settings.lease_seconds)
        said = told.find(conn, obj.system, obj.kind, str(obj.remote_id))
        again, others = False, 0
        if said is not None and lease.attempts == 0:
            rates = bounds.rates(sync, obj.system)
            level = buckets.level(conn, said.credential, rates, now)
            others = told.count(conn, obj.system, "asks")
            again = level.may and rates.is_calm(level) and not others
            buckets.put_level(conn, said.credential, level.taken() if again else level, now)
        if not again:
            told.settled(conn, obj.system, obj.kind, str(obj.remote_id))
            links.change(conn, obj.id, looked_at=now)
            if others:
                lists.soon(conn, lists.LISTS[obj.system], now)
    if again:
        raise LaterError(now + LOOK_AGAIN, lease.hints, failed=True)
    return NothingThereError(obj.id)
