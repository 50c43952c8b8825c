"""Do without a marker that a remote refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.errors import Refused
from sync.outbound.optional import FOR_FIELDS
from sync.store import attention
from sync.store.tables import links

if TYPE_CHECKING:
    from sync.runtime import Sync
    from sync.store.tables.links import Obj


def do_without(sync: Sync, obj: Obj, refusal: Refused) -> None:
    """A refused marker keeps no visit out: it is told, and not tried again. Else raises it."""
    if not refusal.fields or refusal.code not in FOR_FIELDS:
        raise refusal
    with sync.store.write() as conn:
        links.change(conn, obj.id, has_marker=True)
        attention.open_item(
            conn,
            obj.aggregate,
            attention.FIELD_REFUSED,
            now=sync.clock(),
            object_id=obj.id,
            candidates=["marker"],
        )
