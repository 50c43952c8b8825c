"""Count the items of a batch that something is still to be done for."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from sync.store.schema import batch_item

_I = batch_item.c
_OPEN = (_I.outcome.is_(None),)


def between(conn: Connection, batch: int, after: int, until: int) -> int:
    """How many of the items after a number, up to another, have no outcome yet."""
    query = select(func.count()).where(_I.batch == batch, *_OPEN)
    found: int = conn.execute(query.where(_I.number > after, _I.number <= until)).scalar_one()
    return found


def raised(conn: Connection, batch: int) -> int:
    """How many items wait for what they have raised: they are begun, and have no outcome."""
    query = select(func.count()).where(_I.batch == batch, *_OPEN, _I.subject.is_not(None))
    found: int = conn.execute(query).scalar_one()
    return found
