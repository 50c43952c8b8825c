"""Bring baselines under a new digest key where no list shows the values: read each by its id.

OnCall's list of contacts lacks their names, so the former key would be needed for ever otherwise.
"""

from sync.core.errors import Gone
from sync.oncall import translate as oncall
from sync.run import rekeying
from sync.runtime import Sync
from sync.store import objects
from sync.store.lanes import Lane
from sync.store.tables import baselines


def contacts(sync: Sync, most: int) -> int:
    """Read up to `most` contacts that an older key is needed for; returns how many are left.

    One OnCall call each. Raises the RemoteErrors of the calls; what was read until then is done.
    """
    with sync.store.read() as conn:
        key, keys = sync.digests.key_id, tuple(sync.digests.key_ids)
        left = objects.with_older_key(conn, "oncall", "contact", key, keys)
    for row_id, remote_id in left[:most]:
        try:
            json = sync.oncall.get_contact(sync.task_ticket(Lane.BULK), remote_id)
        except Gone:
            continue  # its person's run finds that out
        with sync.store.write() as conn:
            stored = baselines.stored_fields(conn, [row_id])
            rekeying.shown(conn, sync.digests, row_id, oncall.wire("contact", json), stored)
    return max(0, len(left) - most)
