"""Bring baselines under an older digest key to the current one, by what is read anyway.

A value is at hand only while it is shown, so a change of DIGEST_KEYS is taken up bit by bit: no
call is made for it, and nothing counts as changed (ADR 0018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.store.tables import baselines
from sync.store.tables.baselines import Stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from sync.core.wording import Json
    from sync.digests import Digests
    from sync.runtime import Sync
    from sync.store.tables.baselines import StoredFields


def shown(
    conn: Connection,
    digests: Digests,
    object_id: int,
    wire: Mapping[str, Json],
    stored: StoredFields,
) -> None:
    """Take over the baselines that equal what an object shows now."""
    for field, value in wire.items():
        known = stored.get((object_id, field), Stored())
        if known.key_id in {None, digests.key_id}:
            continue
        if digests.same(object_id, field, value, known.key_id, known.digest):
            digest = digests.field(object_id, field, value)
            baselines.rekey(conn, object_id, field, known, digest, digests.key_id)


def provider(conn: Connection, sync: Sync, object_id: int, stored: StoredFields) -> None:
    """The same for a provider that OnCall does not show: it is one of the mapping's."""
    known = stored.get((object_id, "provider"), Stored())
    if known.key_id in {None, sync.digests.key_id}:
        return
    for entry in sync.mapping.doctors:
        shown(conn, sync.digests, object_id, {"provider": entry.oncall_provider}, stored)
