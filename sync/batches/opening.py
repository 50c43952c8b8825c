"""Open batches of the record: say which system is to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.batches.record import opening as record
from sync.core.batch import causes
from sync.core.batch.model import State
from sync.mapping import MappingError
from sync.runtime import Ring
from sync.store.batches import rows
from sync.store.lanes import Hints, Lane
from sync.store.service import installation
from sync.store.tables import work
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

if TYPE_CHECKING:
    from datetime import date

    from sync.core.batch.model import Kind
    from sync.runtime import Sync

_SOURCES: Final = ("drchrono", "oncall")


def open_backfill(
    sync: Sync,
    kind: Kind,
    *,
    source: str = "drchrono",
    since: date | None = None,
    doctor: str | None = None,
) -> tuple[int, tuple[Ring, ...]]:
    """Begin to plan what the record of `source` has and the other system lacks."""
    if kind.is_import or source not in _SOURCES:
        raise LookupError("Name what is to be read: drchrono or oncall.")
    options = {
        "source": source,
        "since": None if since is None else since.isoformat(),
        "doctor": doctor,
    }
    try:
        cause = record.refusal(sync, kind, options)
    except MappingError:
        cause = "mapping_unusable"
    if cause is not None:
        raise LookupError(causes.say(cause))
    with sync.store.write() as conn:
        now = sync.clock()
        if installation.name(conn) is None:
            raise LookupError("Connect both accounts first.")
        row = rows.add(conn, kind, State.PLANNING, options=options, now=now)
        subjects = (("batch", row.id), ("source", source), ("doctor", doctor or "all"))
        deeds.note(conn, Deed("open_backfill", subjects), now)
        work.raise_(conn, row.aggregate, now=now, hints=Hints(), lane=Lane.BULK, new=True)
    return row.id, (Ring(row.aggregate, Lane.BULK),)
