"""Compare what is shown of one object with what is stored, and say what follows (ADR 0007).

A webhook's body and a list's line are both sightings. What differs between them is in whose word it
is: a caller's may be anybody's, so it is bounded, settles, and writes no fact; an authenticated
list's is a fact, and what it shows once more wakes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sync.core.records import Visit
from sync.run import rekeying
from sync.run.changes import settled, was_told
from sync.run.hinted import bounds, fruitless
from sync.runtime import Ring
from sync.store.lanes import Hints, Lane
from sync.store.tables import baselines, journal, links, work
from sync.store.tables.work import NO_WAIT, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from sync.core.records import Person
    from sync.core.wording import Json
    from sync.runtime import Sync
    from sync.store.known import Known
    from sync.store.tables.links import Obj

SCAN = "scan"  # the event of a list's line


@dataclass(frozen=True, slots=True)
class Word:
    """Whose word it is."""

    is_fact: bool
    lane: Lane
    credential: str = ""
    delivery_id: str | None = None


LIST = Word(is_fact=True, lane=Lane.CATCHUP)


def of_caller(credential: str, delivery_id: str | None = None) -> Word:
    """A caller's word, said with one of the active secrets or tokens."""
    return Word(is_fact=False, lane=Lane.LIVE, credential=credential, delivery_id=delivery_id)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One object as somebody showed it.

    `wire` is what is compared, by field: nothing where it is not said or can't be read. `shown` is
    the same in our terms. `revision` is its `updated_at`. `noted`: a delivery is written down when
    it is raised; not of a line that lacks fields, because the read by id decides.
    """

    system: str
    kind: str
    remote_id: str
    event: str
    word: Word
    at: datetime
    wire: Mapping[str, Json] = field(default_factory=dict)
    shown: Visit | Person | None = None
    revision: str | None = None
    noted: bool = True

    @property
    def starts(self) -> datetime | None:
        """When the visit begins, as shown."""
        starts = self.shown.starts if isinstance(self.shown, Visit) else None
        return starts if isinstance(starts, datetime) else None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What followed of a sighting, and the keys to ring for now."""

    outcome: Literal["nothing", "raised", "unchanged", "skipped", "deferred", "ignored"]
    rings: tuple[Ring, ...] = ()


NOTHING = Receipt("nothing")


def compare(
    conn: Connection,
    sync: Sync,
    seen: Sighting,
    known: Known,
) -> Receipt:
    """Raise an object's aggregate when it is shown other than it is settled."""
    obj = known.obj
    stored = baselines.stored_fields(conn, [obj.id]) if known.fields is None else known.fields
    rekeying.shown(conn, sync.digests, obj.id, seen.wire, stored)
    same = settled(sync.digests, obj.id, seen.wire, stored)
    if seen.word.is_fact:
        return NOTHING if same else raise_(conn, sync, seen, known)
    if same and work.idle(known.item):
        if obj.kind == "patient" or not known.asked:
            _note(conn, sync, seen, known, "unchanged")
            return Receipt("unchanged")
        # What somebody is asked about may have been taken back: nothing explains this but a read.
        seen = replace(seen, wire={})
    if fruitless.puts_off(conn, sync, obj, seen.at, known.item):
        return counted(conn, seen, "deferred")
    return raise_(conn, sync, seen, known)


def raise_(conn: Connection, sync: Sync, seen: Sighting, known: Known) -> Receipt:
    """Raise the object's aggregate, and note the delivery.

    In this order: whoever works on the aggregate holds its work item when they explain deliveries.
    """
    obj = known.obj
    if seen.word.is_fact:
        return _raise_listed(conn, sync, seen, known)
    lane, wait = _turn(conn, sync, seen, known)
    due = work.raise_(
        conn,
        obj.aggregate,
        now=seen.at,
        hints=Hints.of(seen.system),
        lane=lane,
        wait=wait,
        told=True,
        item=known.item,
    )
    _note(conn, sync, seen, known, "raised")
    return Receipt("raised", (Ring(obj.aggregate, lane),) if due <= seen.at else ())


def _raise_listed(conn: Connection, sync: Sync, seen: Sighting, known: Known) -> Receipt:
    """Raise what a list shows, unless the same was shown before and waits: that wakes nothing."""
    obj = known.obj
    if seen.noted:
        item = work.locked(conn, obj.aggregate)
        waits = work.awaits(item, Hints.of(seen.system), seen.word.lane)
        waits = waits or (work.idle(item) and links.is_blocked(conn, obj.aggregate))
        if waits and was_told(conn, sync.digests, obj.id, seen.wire):
            return NOTHING
    ring = ask(conn, sync, obj.aggregate, seen.system, told=seen.noted)
    if seen.noted:
        _note(conn, sync, seen, known, "raised")
    return Receipt("raised", (ring,) if ring else ())


def ask(conn: Connection, sync: Sync, key: int, system: str, *, told: bool = False) -> Ring | None:
    """Have one side of an aggregate looked at; None for what waits its turn for that already.

    `told`: a delivery says why.
    """
    item = work.locked(conn, key)
    hints, lane = Hints.of(system), LIST.lane
    if work.awaits(item, hints, lane) and (told or (item and item["own"])):
        return None
    work.raise_(conn, key, now=sync.clock(), hints=hints, lane=lane, told=told, item=item)
    return Ring(key, lane)


def shown_again(conn: Connection, sync: Sync, obj: Obj) -> Receipt:
    """Have what is gone and listed read once by its id: lists may be some seconds old."""
    now = sync.clock()
    if obj.looked_at is not None and obj.looked_at > now - bounds.KEPT:
        return NOTHING
    links.change(conn, obj.id, shown_at=now)
    ring = ask(conn, sync, obj.aggregate, obj.system)
    return Receipt("raised", (ring,) if ring else ())


# --- what a caller raises -------------------------------------------------------------------------


def _turn(conn: Connection, sync: Sync, seen: Sighting, known: Known) -> tuple[Lane, Wait]:
    """In which lane what a caller tells of is looked at, and how long it settles."""
    soon = any(is_soon(sync, seen.at, at) for at in (known.starts, seen.starts))
    wait = NO_WAIT if soon else _settling(conn, sync, seen, known)
    obj = known.obj
    lane = fruitless.lane_of(conn, sync, obj, seen.at)
    if seen.system == "oncall" and not fruitless.may_be_read(conn, sync, obj, seen.at, known.item):
        wait = fruitless.SLOW
    return lane, wait


def _settling(conn: Connection, sync: Sync, seen: Sighting, known: Known) -> Wait:
    """A group's members are moved one by one, and are one move."""
    wait, group = sync.wait(conn), sync.settings.group_settle_seconds
    if seen.system != "drchrono" or not known.shared or group <= wait.settle:
        return wait
    return Wait(group, max(group, wait.longest))


def is_soon(sync: Sync, now: datetime, at: datetime | None) -> bool:
    """Whether a visit begins so soon that its changes don't wait."""
    return at is not None and now <= at <= now + sync.settings.imminent


# --- what is written down -------------------------------------------------------------------------


def counted(conn: Connection, seen: Sighting, outcome: Literal["skipped", "deferred"]) -> Receipt:
    """Count what nothing is kept of, so that nothing rests on it.

    `skipped`: none of ours by what was said. `deferred`: said of an object that was read in vain
    lately, too often; the next list tells.
    """
    journal.bump(conn, "deliveries", f"source={seen.system},outcome={outcome}")
    return Receipt(outcome)


def _note(
    conn: Connection,
    sync: Sync,
    seen: Sighting,
    known: Known,
    outcome: Literal["raised", "unchanged"],
) -> None:
    obj = known.obj
    journal.note_delivery(
        conn,
        source=seen.system,
        event=seen.event,
        now=seen.at,
        delivery_id=seen.word.delivery_id,
        object=obj.id,
        revision=seen.revision,
        key_id=sync.digests.key_id if seen.wire else None,
        digests=sync.digests.fields(obj.id, seen.wire) if seen.wire else None,
        outcome=outcome,
        before=known.newest,
    )
