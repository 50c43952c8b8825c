"""Which reads are no evidence yet: what they show stood there before our own last write of it.

A read may be answered by a copy that is behind. DrChrono says "some seconds", OnCall says nothing.
Believed at once, what stood there before a write of ours would be carried to the other side as
somebody's edit and undo what was just carried; and what was there a moment ago would be taken for
deleted. So it is looked at again, at growing distances, and what still shows it `APART_SECONDS`
after that write, or after it was last known to be there, is somebody's doing. Any other value is
somebody's edit at once, and so is anything under a newer `updated_at` of DrChrono's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sync.core.merge import Seen
from sync.digests import UnknownKeyError
from sync.engine.outcomes import LOOK_AGAIN, LaterError
from sync.store import links
from sync.store.schema import call
from sync.store.work import Hints

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.core.wording import Json
    from sync.engine.context import Sync
    from sync.store.journal import Delivery
    from sync.store.links import Obj
    from sync.store.work import Lease

DELETED = "APPOINTMENT_DELETE"
# A write whose answer was lost, or whose worker died, may have landed too.
LANDED = ("done", "unresolved", "looked", "open")


def believe(
    sync: Sync,
    lease: Lease,
    obj: Obj,
    wire: Mapping[str, Json],
    seen: Mapping[str, Seen],
    *,
    mark: str | None = None,
) -> None:
    """Raise LaterError while what an object shows may be from before a write of ours.

    `seen` says how the fields of `wire` stand; `mark` is what was read as DrChrono's `updated_at`.
    """
    changed = [name for name, how in seen.items() if how is Seen.CHANGED and name in wire]
    if not changed or (mark and obj.mark and mark > obj.mark):
        return
    written = _overwritten_at(sync, obj, {name: wire[name] for name in changed})
    if written is not None:
        _until_apart(sync, lease, obj.system, written)


def believe_gone(sync: Sync, lease: Lease, obj: Obj, deliveries: Iterable[Delivery] = ()) -> None:
    """Raise LaterError while an object that a read does not show may be too new for it.

    When its deletion was told, or nothing was heard of it for long, it is gone at once. One that no
    run has come to its end with is gone when two looks apart deny it.
    """
    told = [one for one in deliveries if one.object == obj.id]
    if told and told[-1].event == DELETED:
        return
    known = [obj.seen_at or obj.created_at, *(one.at for one in told)]
    _until_apart(sync, lease, obj.system, max(known))
    if obj.seen_at is not None:
        return
    if obj.looked_at is None:
        with sync.store.write() as conn:
            links.change(conn, obj.id, looked_at=sync.clock())
    _until_apart(sync, lease, obj.system, obj.looked_at or sync.clock())


def _overwritten_at(sync: Sync, obj: Obj, shown: Mapping[str, Json]) -> datetime | None:
    """When the last write of ours ended that found one of these values in its field."""
    ended = func.coalesce(call.c.ended_at, call.c.at)
    # A call ends well before the lease of its worker.
    reach = sync.settings.apart_seconds + sync.settings.lease_seconds
    written = (
        select(call.c.before, ended.label("ended"))
        .where(
            call.c.system == obj.system,
            call.c.at > sync.clock() - timedelta(seconds=reach),
            call.c.object == obj.id,
            call.c.before.is_not(None),
            call.c.state.in_(LANDED),
        )
        .order_by(call.c.id.desc())
    )
    with sync.store.read() as conn:
        rows = conn.execute(written).all()
    for row in rows:
        if any(_stood(sync, obj.id, name, shown[name], row.before) for name in shown):
            ended_at: datetime = row.ended
            return ended_at
    return None


def _stood(
    sync: Sync, object_id: int, name: str, value: Json, before: Mapping[str, list[list[str]]]
) -> bool:
    for key_id, digest in before.get(name, ()):
        try:
            if sync.digests.field(object_id, name, value, key_id) == digest:
                return True
        except UnknownKeyError:
            continue
    return False


def _until_apart(sync: Sync, lease: Lease, system: str, since: datetime) -> None:
    """Raise LaterError until `since` is long enough ago; each look is as far off as the last was.

    It is no failure: no attempt is used up.
    """
    now = sync.clock()
    until = since + timedelta(seconds=sync.settings.apart_seconds)
    if now >= until:
        return
    hints = Hints(
        lease.hints.drchrono or system == "drchrono", lease.hints.oncall or system == "oncall"
    )
    raise LaterError(min(until, now + max(LOOK_AGAIN, now - since)), hints)
