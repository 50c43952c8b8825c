"""Park an object until what it waits for changes, and wake it then.

A blocker is (kind, ref). Whoever learns that such a thing changed says so (`blockers.wake`); the
object's own changes and an operator wake it anyway. docs/waiting.md lists each cause with what ends
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.run.outcomes import ParkedError
from sync.store.tables import links
from sync.store.tables.blockers import EMAIL, OPERATOR, RUN, VISIT, patients, patients_of
from sync.store.visits import visits

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def overlap(taken: str | None, object_id: int = 0) -> ParkedError:
    """No room that the mapping allows is free; `taken` is the appointment in the last one."""
    also = ((VISIT, taken),) if taken else ()
    ids = (taken,) if taken else ()
    return ParkedError(OPERATOR, f"overlap:{taken}", "overlap", object_id, ids, also)


def slot_taken(conn: Connection, slot: str) -> ParkedError:
    """Another open visit has this slot: its next end may free it."""
    there = visits.holder(conn, slot)
    also = () if there is None else ((RUN, str(there)),)
    return ParkedError(OPERATOR, "slot_taken", "slot_taken", also=also)


def block(
    conn: Connection, key: int, parked: ParkedError, *, since: datetime, object_id: int = 0
) -> None:
    """Park an object of an aggregate for all that the error names; `since`: its run's beginning.

    What only an operator could end waits for the charts of its patients as well: a refusal of what
    is written of them, or a question about them, often ends there.
    """
    waits = [(parked.kind, parked.ref), *parked.also]
    if parked.kind == OPERATOR:
        waits += patients(patients_of(conn, key))
    for kind, ref in dict.fromkeys(waits):
        links.block(conn, key, kind=kind, ref=ref[:64], since=since, object_id=object_id)


def told(conn: Connection, key: int, object_id: int, parked: ParkedError, since: datetime) -> None:
    """Have an aggregate woken by the chart that one of its participants lacks; nothing is parked.

    Until then a third party or a co-host costs nothing.
    """
    for kind, ref in parked.also:
        if kind == EMAIL:
            links.block(conn, key, kind=kind, ref=ref, since=since, object_id=object_id)
