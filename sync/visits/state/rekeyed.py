"""Bring a visit's baselines to the current digest key, by what was read anyway (ADR 0018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.oncall.translate import participants_wire
from sync.run.rekeying import provider, shown

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.visits.state.model import VisitState


def visit(conn: Connection, sync: Sync, state: VisitState) -> None:
    """All that was read of a visit in this run."""
    for system, read in state.read.items():
        obj = state.object(system)
        if obj is not None:
            shown(conn, sync.digests, obj.id, read.wire, state.stored)
    there = state.read.get("oncall")
    people = participants_wire(there.json) if there else {}
    for row in state.objects:
        if row.kind == "participant" and row.remote_id in people:
            shown(conn, sync.digests, row.id, people[row.remote_id], state.stored)
        if (row.system, row.kind) == ("oncall", "appointment"):
            provider(conn, sync, row.id, state.stored)
