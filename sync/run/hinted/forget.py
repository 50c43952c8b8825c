"""Forget what callers told and a read has denied, with all rows that it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.run.hinted import bounds
from sync.store import objects
from sync.store.tables import told, work

if TYPE_CHECKING:
    from datetime import datetime


def prune(conn: Connection, now: datetime) -> None:
    """Forget ids that were denied an hour ago, with all rows that they had, and what was said."""
    told.forget_old(conn, now - bounds.KEPT)
    for object_id, key in objects.denied_before(conn, now - bounds.KEPT, bounds.MOST):
        if work.idle(work.locked(conn, key)):
            objects.forget(conn, object_id, key)
