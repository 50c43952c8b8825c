"""Say whether anything may be sent for a batch now, and if not, why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sync.mapping import MappingError
from sync.store.service import installation

if TYPE_CHECKING:
    from sync.runtime import Sync
    from sync.store.batches.rows import Row

AGAIN: Final = timedelta(seconds=60)  # when it is asked again while it may not


def refusal(sync: Sync, row: Row) -> str | None:
    """The cause (`core.batch.causes`) for which nothing is sent now; None: it may be."""
    if not sync.live:
        return "shadow"
    with sync.store.read() as conn:
        pinned = installation.get(conn)
    if pinned is None:
        return "not_connected"
    if pinned.accepted_at is None:
        return "not_accepted"
    try:
        mapping = sync.mapping
    except MappingError:
        return "mapping_unusable"
    into = "drchrono" if row.options.get("source") == "oncall" else "oncall"
    allowed = mapping.may_write_drchrono if into == "drchrono" else mapping.may_write_oncall
    return None if allowed else "direction"
