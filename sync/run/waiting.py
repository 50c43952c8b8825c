"""What a parked object waits for, and what wakes it: one place for both.

A blocker is (kind, ref). Whoever learns that such a thing changed calls `wake`; the object's own
changes and an operator wake it anyway. docs/waiting.md lists each cause with what ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sync.run.outcomes import ParkedError
from sync.store.schema import attendance, object_, visit
from sync.store.tables import links, work
from sync.store.tables.work import NO_WAIT, Hints, Lane, Wait

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sync.digests import Digests

Blocker = tuple[str, str]
PATIENT = "patient"  # a chart, by DrChrono's id
VISIT = "visit"  # another appointment, by DrChrono's id
RUN = "run"  # another aggregate's next run that comes to its end
ADDRESS = "address"  # fewer charts share an e-mail; by the index's digest
EMAIL = "email"  # somebody with this e-mail is indexed; by the index's digest
FACT = "fact"  # something that the remotes show of themselves
OPERATOR = "operator"


def patients(ids: Iterable[str]) -> tuple[Blocker, ...]:
    """The blockers of what a change of any of these charts may mend."""
    return tuple((PATIENT, one) for one in ids)


def email(
    digests: Digests, keys: Iterable[tuple[str, tuple[str, ...]]], *, older: bool = False
) -> tuple[Blocker, ...]:
    """The blocker of what is mended when a chart with this e-mail comes; none without one.

    `older`: under each configured digest key, to wake what was parked before a change of keys.
    """
    ids = digests.key_ids if older else (digests.key_id,)
    return tuple(
        (EMAIL, digests.person(what, *parts, key_id=key_id))
        for what, parts in keys
        if what == EMAIL
        for key_id in ids
    )


def overlap(taken: str | None, object_id: int = 0) -> ParkedError:
    """No room that the mapping allows is free; `taken` is the appointment in the last one."""
    also = ((VISIT, taken),) if taken else ()
    ids = (taken,) if taken else ()
    return ParkedError(OPERATOR, f"overlap:{taken}", "overlap", object_id, ids, also)


def slot_taken(conn: Connection, slot: str) -> ParkedError:
    """Another open visit has this slot: its next end may free it."""
    there = select(visit.c.aggregate).where(visit.c.slot_key == slot, visit.c.state == "open")
    also = tuple((RUN, str(one)) for one in conn.execute(there).scalars())
    return ParkedError(OPERATOR, "slot_taken", "slot_taken", also=also)


def block(
    conn: Connection, key: int, parked: ParkedError, *, now: datetime, object_id: int = 0
) -> None:
    """Park an object of an aggregate for all that the error names.

    What only an operator could end waits for the charts of its patients as well: a refusal of what
    is written of them, or a question about them, often ends there.
    """
    waits = [(parked.kind, parked.ref), *parked.also]
    if parked.kind == OPERATOR:
        waits += patients(_patients_of(conn, key))
    for kind, ref in dict.fromkeys(waits):
        links.block(conn, key, kind=kind, ref=ref[:64], now=now, object_id=object_id)


def is_asked(conn: Connection, key: int) -> bool:
    """Whether an aggregate waits for a person's word, or for a chart that they are to put right."""
    return any(links.is_blocked(conn, key, kind) for kind in (OPERATOR, PATIENT))


def told(conn: Connection, key: int, object_id: int, parked: ParkedError, now: datetime) -> None:
    """Have an aggregate woken by the chart that one of its participants lacks; nothing is parked.

    Until then a third party or a co-host costs nothing.
    """
    for kind, ref in parked.also:
        if kind == EMAIL:
            links.block(conn, key, kind=kind, ref=ref, now=now, object_id=object_id)


def wake(
    conn: Connection,
    kind: str,
    ref: str,
    *,
    now: datetime,
    lane: Lane = Lane.LIVE,
    wait: Wait = NO_WAIT,
) -> list[int]:
    """Raise whatever waits for this; returns the aggregates."""
    waiting = links.blocked_on(conn, kind, ref[:64])
    for key in waiting:
        work.raise_(conn, key, now=now, hints=Hints.both(), lane=lane, wait=wait)
    return waiting


def _patients_of(conn: Connection, key: int) -> list[str]:
    rows = conn.execute(
        select(object_.c.remote_id)
        .join(attendance, attendance.c.person == object_.c.aggregate)
        .where(attendance.c.visit == key, attendance.c.current)
        .where(object_.c.system == "drchrono", object_.c.kind == "patient")
        .where(object_.c.remote_id.is_not(None))
        .order_by(object_.c.id)
    )
    return [str(one) for one in rows.scalars()]
