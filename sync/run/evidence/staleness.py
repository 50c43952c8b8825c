"""Distrust a read that shows what was there before our own last write.

A read may be answered by a copy that is behind: by some seconds in DrChrono (docs/api-facts.md,
D4), by an unknown time in OnCall (O4). If we trusted such a read, we would mistake the value from
before our own write for a user's edit, carry it to the other side, and undo our write; and we would
take what the copy lacks for deleted. So the object is read again, at growing intervals. A read that
still shows the former value `APART_SECONDS` after our write is a user's edit. Any other value is an
edit at once, and so is anything under a newer `updated_at` of DrChrono's.

Delete only after two reads return 404, `APART_SECONDS` apart. Where a webhook says that the object
is deleted the second read comes some seconds after the first: a caller's word and one copy that is
behind end nothing (ADR 0017). What an authenticated list shows as deleted is denied by one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sync.core.rules.merge import Seen
from sync.run.evidence import accounts
from sync.run.outcomes import LOOK_AGAIN, LaterError
from sync.store import calls
from sync.store.lanes import Hints
from sync.store.tables import links
from sync.store.tables.claims import Lease
from sync.store.visits import visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.core.wording import Json
    from sync.runtime import Sync
    from sync.store.tables.claims import Lease
    from sync.store.tables.journal import Delivery
    from sync.store.tables.links import Obj

DELETED = "APPOINTMENT_DELETE"  # a caller's word
LISTED_DELETED = "scan_deleted"  # an authenticated list's
# How long a copy may lack what was made: a read can be some seconds old (D4).
NEW = 3 * LOOK_AGAIN


def believe(
    sync: Sync,
    lease: Lease,
    obj: Obj,
    wire: Mapping[str, Json],
    seen: Mapping[str, Seen],
    *,
    revision: str | None = None,
) -> None:
    """Raise LaterError while what an object shows may be from before a write of ours.

    `seen` says how the fields of `wire` stand; `revision` is DrChrono's `updated_at` as read.
    """
    changed = [name for name, how in seen.items() if how is Seen.CHANGED and name in wire]
    if not changed or (revision and obj.revision and revision > obj.revision):
        return
    written = _overwritten_at(sync, obj, {name: wire[name] for name in changed})
    if written is not None:
        believe_later(sync, lease, obj, written)


def believe_later(sync: Sync, lease: Lease, obj: Obj, written: datetime) -> None:
    """Raise LaterError until what shows after our write can't be an older copy's any more."""
    _look_until(sync, lease, obj.system, written, _apart_from(sync, written))


def believe_gone(sync: Sync, lease: Lease, obj: Obj, deliveries: Iterable[Delivery] = ()) -> None:
    """Raise LaterError until two looks apart deny an object; one that a list shows deleted is gone.

    The first denial is noted. Where a webhook tells of the deletion, the second look is soon. One
    heard of a moment ago is looked for at growing distances meanwhile, as its read is likely
    behind; but what callers say puts the end off by no more.
    """
    told = [one for one in deliveries if one.object == obj.id]
    if told and told[-1].event == LISTED_DELETED:
        _believe_the_account(sync, obj, told[-1].at)
        return
    seen_at = obj.seen_at or obj.created_at
    denied = obj.looked_at
    if denied is None or denied < seen_at:
        denied = sync.clock()
        with sync.store.write() as conn:
            links.change(conn, obj.id, looked_at=denied)
    if told and told[-1].event == DELETED:
        since = max(obj.created_at, denied - NEW)
        _look_until(sync, lease, obj.system, since, denied + NEW)
    else:
        heard = max([seen_at, *(one.at for one in told)])
        until = max(denied, min(heard, _apart_from(sync, denied)))
        _look_until(sync, lease, obj.system, heard, _apart_from(sync, until))
    _believe_the_account(sync, obj, denied)


def _believe_the_account(sync: Sync, obj: Obj, since: datetime) -> None:
    """Raise WrongAccount unless the account was proven to see such objects since it denied one."""
    doctor = None
    if obj.system == "drchrono" and obj.kind == "appointment":
        with sync.store.read() as conn:
            doctor = visits.doctor_of(conn, obj.aggregate)
        accounts.require_sight(sync, doctor, since)
    else:
        accounts.require(sync, obj.system, since)


def _overwritten_at(sync: Sync, obj: Obj, shown: Mapping[str, Json]) -> datetime | None:
    """When the last write of ours ended that found one of these values in its field."""
    # A call ends well before the lease of its worker.
    reach = timedelta(seconds=sync.settings.apart_seconds + sync.settings.lease_seconds)
    with sync.store.read() as conn:
        written = calls.overwritten(conn, obj.system, obj.id, sync.clock() - reach)
    for one in written:
        if any(_stood(sync, obj.id, name, shown[name], one.before) for name in shown):
            return one.ended_at
    return None


def _stood(
    sync: Sync, object_id: int, name: str, value: Json, before: Mapping[str, list[list[str]]]
) -> bool:
    """What stood under a key that we don't have may have been this: it is looked at again."""
    return any(
        sync.digests.same(object_id, name, value, key_id, digest) is not False
        for key_id, digest in before.get(name, ())
    )


def _apart_from(sync: Sync, at: datetime) -> datetime:
    return at + timedelta(seconds=sync.settings.apart_seconds)


def _look_until(sync: Sync, lease: Lease, system: str, since: datetime, until: datetime) -> None:
    """Raise LaterError until a moment; each look is as far off as `since` is by then.

    It is no failure: no attempt is used up.
    """
    now = sync.clock()
    if now >= until:
        return
    hints = Hints(
        lease.hints.drchrono or system == "drchrono", lease.hints.oncall or system == "oncall"
    )
    own = system == "drchrono"
    raise LaterError(min(until, now + max(LOOK_AGAIN, now - since)), hints, own=own)


LOOKS_AGAIN = 3


def look_again_for(lease: Lease, hints: Hints, now: datetime) -> None:
    """What was read is older than what is known: raises LaterError for some looks."""
    if lease.attempts < LOOKS_AGAIN:
        raise LaterError(now + LOOK_AGAIN, hints, failed=True)
