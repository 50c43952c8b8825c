"""Forget what callers told and a read has denied, with all rows that it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select

from sync.run.hinted import bounds
from sync.store.schema import (
    aggregate,
    attention,
    blocker,
    delivery,
    object_,
    person,
    person_key,
    visit,
)
from sync.store.schema import work as work_table
from sync.store.tables import attendances, told, work

if TYPE_CHECKING:
    from datetime import datetime


def prune(conn: Connection, now: datetime) -> None:
    """Forget ids that were denied an hour ago, with all rows that they had, and what was said."""
    told.forget_old(conn, now - bounds.KEPT)
    found = conn.execute(
        select(object_.c.id, object_.c.aggregate)
        .where(object_.c.told, object_.c.looked_at < now - bounds.KEPT)
        .limit(bounds.MOST)
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
