"""List what a person must decide, take the answer, and look or try again.

Pressing only raises items and closes questions; a worker does the rest, by the same rules as ever.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from sync.core.causes import table
from sync.core.causes.model import Remedy
from sync.operations.explain import explain
from sync.operations.lookup import (
    REMOTE,
    BusyError,
    UnknownError,
    aggregate_of,
    object_words,
    remote_object,
)
from sync.operations.plan import plan
from sync.operations.report import Explanation
from sync.outbound.brake import CAUSE, NO_DOCTOR
from sync.runtime import Ring, Sync
from sync.store import attention, objects
from sync.store.lanes import Hints, Lane
from sync.store.tables import blockers, decisions, links, work
from sync.store.trail import deeds
from sync.store.visits import visits
from sync.visits.state import zones

__all__ = [
    "BusyError",
    "Explanation",
    "OpenItem",
    "UnknownError",
    "attention_drop",
    "attention_list",
    "attention_retry",
    "explain",
    "plan",
    "resync",
]

# An appointment that we never heard of may be looked at: its webhook can have been lost.
_LOOKED_UP = frozenset({"appointment", "oncall-appointment"})


@dataclass(frozen=True, slots=True)
class OpenItem:
    """One open attention item. `about` is visit, person or service; `candidates` ids and names.

    `sentence` says the cause in staff's words, `press` what to do; `deeds` answer it.
    """

    id: int
    about: str
    aggregate: int
    cause: str
    object: str
    candidates: tuple[str, ...]
    opened_at: datetime
    sentence: str
    press: str
    deeds: tuple[Remedy, ...]


# --- look again -----------------------------------------------------------------------------------


def resync(sync: Sync, kind: str, object_id: str) -> tuple[Ring, ...]:
    """Have both sides of one visit or person looked at now, whatever it waits for.

    `kind` is visit or person (our own ids), appointment or patient (DrChrono's), contact or
    oncall-appointment (OnCall's). An appointment never heard of is taken up as its webhook would
    take it up; one that was skipped as none of ours is looked at again, and so is what is gone; a
    frozen visit thaws.
    Returns what to ring. Raises UnknownError (a LookupError) and SQLAlchemyError.
    """
    try:
        return _resync(sync, kind, object_id)
    except IntegrityError:
        # Its first webhook came in the same moment: now the row is there.
        return _resync(sync, kind, object_id)


def _resync(sync: Sync, kind: str, object_id: str) -> tuple[Ring, ...]:
    with sync.store.write() as conn:
        if kind in _LOOKED_UP:
            _take_up(conn, kind, object_id, sync.clock())
        key, now = aggregate_of(conn, kind, object_id), sync.clock()
        objects.may_be_back(conn, key, now)
        deeds.note(conn, deeds.Deed("resync", ((kind, object_id),)), now)
        return (_raise(conn, key, now),)


def _take_up(conn: Connection, kind: str, object_id: str, now: datetime) -> None:
    obj = remote_object(conn, kind, object_id)
    if obj is None:
        key = links.new_aggregate(conn, "visit", now)
        links.add(conn, key, *REMOTE[kind], object_id, now=now, told=True)
    elif obj.state == "skipped":
        links.change(conn, obj.id, state="live")


def _raise(conn: Connection, key: int, now: datetime, lane: Lane = Lane.LIVE) -> Ring:
    visits.freeze(conn, key, None)
    work.raise_(conn, key, now=now, hints=Hints.both(), lane=lane)
    return Ring(key, lane)


# --- what a person must decide --------------------------------------------------------------------


def attention_list(sync: Sync) -> list[OpenItem]:
    """Every open item, oldest first. Raises SQLAlchemyError."""
    with sync.store.read() as conn:
        return [_item(conn, one) for one in attention.every_open(conn)]


def _item(conn: Connection, one: attention.Item) -> OpenItem:
    about = links.kind_of(conn, one.aggregate) if one.aggregate else None
    return in_words(one, about, object_words(conn, one.object))


def in_words(one: attention.Item, about: str | None, words: str) -> OpenItem:
    """The item with its sentence; `about` is its aggregate's kind, `words` name its object."""
    said = table.say(one.cause, one.named)
    return OpenItem(
        id=one.id,
        about=about or "service",
        aggregate=one.aggregate,
        cause=one.cause,
        object=words,
        candidates=one.named,
        opened_at=one.opened_at,
        sentence=said.sentence,
        press=said.press,
        deeds=said.deeds,
    )


def attention_retry(sync: Sync, item: int) -> tuple[Ring, ...]:
    """Close an item and have what it is about done again: its blockers are forgotten.

    To retry what the brake stopped releases that doctor for an hour (docs/rules.md, R17), so
    whatever else waits for the same release is raised too. An item of the whole service is only
    closed. Returns what to ring. Raises UnknownError (a LookupError) when no such item is open.
    """
    with sync.store.write() as conn:
        return retry_in(conn, item, sync.clock())


def retry_in(
    conn: Connection, item: int, now: datetime, lane: Lane = Lane.LIVE
) -> tuple[Ring, ...]:
    """The same in this transaction, done in `lane`. Raises as `attention_retry`."""
    closed = _close(conn, item, now)
    decisions.note(conn, "retry", str(item), closed.cause, now=now)
    deeds.note(conn, _answered("retry", closed), now)
    if closed.aggregate == 0:
        return ()
    key = links.survivor(conn, closed.aggregate)
    keys = {key, *(_release(conn, key, now) if closed.cause == CAUSE else ())}
    links.unblock(conn, key)
    return tuple(_raise(conn, one, now, lane) for one in sorted(keys))


def attention_drop(sync: Sync, item: int) -> None:
    """Close an item and leave things as they are, parked where they are parked.

    Raises UnknownError (a LookupError) when no such item is open.
    """
    with sync.store.write() as conn:
        drop_in(conn, sync, item, sync.clock())


def drop_in(conn: Connection, sync: Sync, item: int, now: datetime) -> None:
    """The same in this transaction. Raises as `attention_drop`."""
    closed = _close(conn, item, now)
    decisions.note(conn, "drop", str(item), closed.cause, now=now)
    deeds.note(conn, _answered("drop", closed), now)
    if closed.cause == zones.CHANGED:
        zones.leave(conn, sync, list(closed.named))


def _answered(action: str, item: attention.Item) -> deeds.Deed:
    about = (("about", item.aggregate),) if item.aggregate else ()
    return deeds.Deed(action, (("item", item.id), *about), outcome=item.cause)


def _close(conn: Connection, item: int, now: datetime) -> attention.Item:
    closed = attention.close(conn, item, now)
    if closed is None:
        raise UnknownError(f"No attention item {item} is open.")
    return closed


def _release(conn: Connection, key: int, now: datetime) -> list[int]:
    """Release the doctor for whom this aggregate was stopped; returns who waits for the same."""
    blocked: list[int] = []
    for ref in blockers.of(conn, key, blockers.OPERATOR):
        # Without a known doctor the brake parks under its own name and asks for no doctor.
        doctor = "" if ref == NO_DOCTOR else ref
        decisions.note(conn, "release", doctor, "", now=now)
        blocked += blockers.changed(conn, blockers.OPERATOR, ref, now)
    # Another cause's reference can read like a doctor's id.
    return attention.aggregates_with(conn, (CAUSE,), blocked)
