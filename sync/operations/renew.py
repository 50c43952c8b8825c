"""Taking a new digest key over where no list shows the values: each is read by its id, once.

OnCall's list of contacts lacks their names, so the former key would be needed for ever otherwise.
"""

from sqlalchemy import Connection, select

from sync.core.errors import Gone
from sync.oncall import translate as oncall
from sync.run import rekeying
from sync.runtime import Sync
from sync.store.schema import baseline, object_
from sync.store.tables import baselines
from sync.store.tables.work import Lane


def contacts(sync: Sync, most: int) -> int:
    """Read up to `most` contacts that an older key is needed for; returns how many are left.

    One OnCall call each. Raises the RemoteErrors of the calls; what was read until then is done.
    """
    with sync.store.read() as conn:
        left = _older(conn, sync)
    for row_id, remote_id in left[:most]:
        try:
            json = sync.oncall.get_contact(sync.task_ticket(Lane.BULK), remote_id)
        except Gone:
            continue  # its person's run finds that out
        with sync.store.write() as conn:
            stored = baselines.stored_fields(conn, [row_id])
            rekeying.shown(conn, sync.digests, row_id, oncall.wire("contact", json), stored)
    return max(0, len(left) - most)


def _older(conn: Connection, sync: Sync) -> list[tuple[int, str]]:
    rows = conn.execute(
        select(object_.c.id, object_.c.remote_id)
        .join(baseline, baseline.c.object == object_.c.id)
        .where(
            object_.c.system == "oncall",
            object_.c.kind == "contact",
            object_.c.state == "live",
            object_.c.remote_id.is_not(None),
            baseline.c.key_id != sync.digests.key_id,
            baseline.c.key_id.in_(sync.digests.key_ids),
        )
        .distinct()
        .order_by(object_.c.id)
    )
    return [(row.id, row.remote_id) for row in rows]
