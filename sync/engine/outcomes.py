"""How a run can end other than done: later, or parked until something changes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.store.work import Hints

# "Look once more after some seconds": reads can be that stale (API v4, Requests).
LOOK_AGAIN = timedelta(seconds=3)


@dataclass
class LaterError(Exception):
    """Give the item back and come again at `due` (aware UTC); `failed` counts an attempt."""

    due: datetime
    hints: Hints | None = None
    failed: bool = False


@dataclass
class ParkedError(Exception):
    """This object waits until (kind, ref) changes; everything else goes on.

    `cause` opens an attention item; None where the wait is nobody's business to decide.
    `candidates` are ids and field names only. `also` are further (kind, ref) of which any wakes it.
    """

    kind: str  # of `sync.engine.waiting`, or mapping | mode | auth
    ref: str
    cause: str | None = None
    object_id: int = 0
    candidates: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()
