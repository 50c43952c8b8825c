"""Bound how many ids of a system may wait and be read, and tell of a flood.

A credential has tokens for its reads (`core/bucket.py`); a read that shows the object gives its
token back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sync.core import bucket
from sync.store import attention
from sync.store.tables import buckets

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.store.tables.told import Settled

MOST = 500  # ids of a system that wait; what comes beyond is left to the lists
# How many ids of a system are being read at once: a token that no worker has time for is not spent.
AT_ONCE = 4
# An id being read of which nothing was heard for so long takes nobody's place any more.
LONG = timedelta(seconds=60)
KEPT = timedelta(hours=1)  # how long an id that was denied is remembered
FLOOD = 20  # ids that wait: somebody is told
FLOOD_CAUSE = "unknown_ids_flood"


def rates(sync: Sync, system: str) -> bucket.Rates:
    """The buckets of each credential of a system."""
    return bucket.rates(sync.limits[system].hourly, sync.settings.unknown_ids_share)


def put_back(conn: Connection, sync: Sync, system: str, said: Settled, now: datetime) -> None:
    """Give the token of a read back: what was told of is there."""
    of_system = rates(sync, system)
    level = buckets.level(conn, said.credential, of_system, now)
    buckets.put_level(conn, said.credential, of_system.given_back(level), now)


def tell_flood(conn: Connection, waiting: int, now: datetime) -> None:
    """Open or close the item about a flood; between the two numbers it stays as it is."""
    if waiting >= FLOOD:
        attention.open_item(conn, 0, FLOOD_CAUSE, now=now)
    elif waiting == 0:
        attention.close_cause(conn, 0, FLOOD_CAUSE, now)
