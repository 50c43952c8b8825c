"""Say which baselines are under a digest key that we lack, and settle them anew (ADR 0018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.rules.views import UNREADABLE
from sync.store.tables import baselines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.digests import Digests
    from sync.runtime import Sync
    from sync.store.tables.baselines import StoredFields
    from sync.store.tables.links import Obj


CAUSE = UNREADABLE


def is_in(digests: Digests, stored: StoredFields, besides: frozenset[str] = frozenset()) -> bool:
    """Whether any of these baselines or pending writes is under a key that we don't have.

    `besides` names fields that are somebody else's to see to.
    """
    return any(
        not digests.holds(key_id)
        for (_row, name), one in stored.items()
        if name not in besides
        for key_id in (one.key_id, *(key for key, _digest, _call in one.ours))
        if key_id is not None
    )


def _settle(sync: Sync, obj: Obj, wire: Mapping[str, Json], shown: Visit | None = None) -> None:
    with sync.store.write() as conn:
        digests = sync.digests.fields(obj.id, wire)
        zone = shown.zone if shown is not None else None
        baselines.settle(conn, obj.id, digests, sync.digests.key_id, zone=zone)


def _unreadable(digests: Digests, stored: StoredFields, object_id: int, name: str) -> bool:
    known = stored.get((object_id, name))
    return known is not None and known.key_id is not None and not digests.holds(known.key_id)
