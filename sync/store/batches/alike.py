"""Tell the lines of a file that say the same as another one what came of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from sync.core.batch.model import Fate
from sync.store.schema import batch_item

if TYPE_CHECKING:
    from sqlalchemy import Connection


def tell(conn: Connection, batch: int, key: str, remote_id: str) -> None:
    """Note what there is now in the other system for all lines of a key that were there already."""
    same = batch_item.c.batch == batch, batch_item.c.key == key, batch_item.c.remote_id.is_(None)
    there = batch_item.c.fate == Fate.ALREADY_THERE.value
    conn.execute(update(batch_item).where(*same, there).values(remote_id=remote_id))
