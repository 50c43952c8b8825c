"""Move the baselines of what an object showed, because it was carried to the other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.store.tables import baselines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.store.tables.links import Obj
    from sync.visits.state.model import Shown, VisitRun


def settle(
    conn: Connection,
    run: VisitRun,
    obj: Obj | None,
    shown: Shown | None,
    names: Iterable[str] | None = None,
) -> None:
    """Settle an object at what was read of it: these fields, or all. Nothing where nothing was."""
    if obj is None or shown is None:
        return
    wanted = set(shown.wire if names is None else names)
    wire = {name: value for name, value in shown.wire.items() if name in wanted}
    if wire:
        digests = run.sync.digests
        baselines.settle(
            conn, obj.id, digests.fields(obj.id, wire), digests.key_id, zone=shown.visit.zone
        )
