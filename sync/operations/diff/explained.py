"""Say of each difference what is known of it: asked, waiting, paused, meant, or on its way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sync.core.causes.waits import EXCLUDED
from sync.operations.diff.model import Found, Standing, What
from sync.store import pauses
from sync.store.compared import linked
from sync.store.compared.known_of import Blocked, KnownOf, known_of
from sync.store.service import installation

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.runtime import Sync
    from sync.store.pauses import Pause

# What is due later than this is not merely on its way.
_SOON: Final = timedelta(minutes=10)
# Told, and explains no difference.
_NO_REASON: Final = frozenset({"noted", "profile_renamed"})
_BLOCKED: Final = {"mode": "not_live", "pause": "paused"}


@dataclass(frozen=True)
class Service:
    """How the service stands: does it write, was going live accepted, what is paused."""

    live: bool
    accepted: bool
    paused: tuple[Pause, ...]
    now: datetime


def service(conn: Connection, sync: Sync) -> Service:
    """How the service stands now."""
    now = sync.clock()
    accepted = installation.accepted_at(conn) is not None
    return Service(sync.live, accepted, tuple(pauses.active(conn, now)), now)


def explained(conn: Connection, sync: Sync, found: Iterable[Found]) -> list[Found]:
    """The same differences, each with its aggregate and with what is known of it."""
    listed = _with_aggregates(conn, list(found))
    open_ones = (one for one in listed if one.standing is Standing.DIFFERENT)
    known = known_of(conn, {one.aggregate for one in open_ones})
    stands = service(conn, sync)
    return [_explain(one, known.get(one.aggregate), stands) for one in listed]


def _with_aggregates(conn: Connection, found: list[Found]) -> list[Found]:
    """Give each that stands alone the aggregate of its object, where it has a row."""
    kinds = {
        (What.VISIT, True): ("drchrono", "appointment"),
        (What.VISIT, False): ("oncall", "appointment"),
        (What.PERSON, True): ("drchrono", "patient"),
        (What.PERSON, False): ("oncall", "contact"),
    }
    for (what, here), (system, kind) in kinds.items():
        alone = {
            at: one.drchrono or one.oncall
            for at, one in enumerate(found)
            if one.standing is not Standing.MEANT
            and not one.aggregate
            and one.what is what
            and bool(one.drchrono) is here
        }
        rows = linked.known(conn, system, kind, set(alone.values()))
        for at, remote_id in alone.items():
            row = rows.get(remote_id)
            if row is None:
                continue
            found[at] = replace(found[at], aggregate=row.aggregate)
            if row.told and found[at].standing is Standing.DIFFERENT:
                found[at] = found[at].explained(Standing.ON_ITS_WAY, "queued")
    return found


def _explain(one: Found, known: KnownOf | None, stands: Service) -> Found:
    """The first that knows one says it: a worker, a question, a person's word, the queue."""
    if one.standing is not Standing.DIFFERENT:
        return one
    known = known or KnownOf()
    for way in (_at_work, _asked, _excluded, _queued, _parked, _not_writing):
        found = way(one, known, stands)
        if found is not None:
            return found
    return one


def _at_work(one: Found, known: KnownOf, stands: Service) -> Found | None:
    work = known.work
    if work is None or work.leased is None or work.leased <= stands.now:
        return None
    return one.explained(Standing.ON_ITS_WAY, "working", since=work.since)


def _asked(one: Found, known: KnownOf, _stands: Service) -> Found | None:
    asked = next((item for item in known.items if item.cause not in _NO_REASON), None)
    if asked is None:
        return None
    more = {"item": asked.id, "since": asked.since}
    return one.explained(Standing.EXPLAINED, f"asked:{asked.cause}", **more)


def _excluded(one: Found, known: KnownOf, _stands: Service) -> Found | None:
    for blocked in known.blocked:
        if blocked.ref.startswith(EXCLUDED):
            return one.explained(Standing.MEANT, "excluded", since=blocked.since)
    return None


def _queued(one: Found, known: KnownOf, stands: Service) -> Found | None:
    work = known.work
    if work is None or not work.waits:
        return None
    everything = [one for one in stands.paused if one.what == pauses.EVERYTHING]
    if everything:
        return one.explained(Standing.EXPLAINED, "paused", since=everything[0].at)
    if work.due > stands.now + _SOON:
        return None
    return one.explained(Standing.ON_ITS_WAY, "queued", since=work.since or work.due)


def _parked(one: Found, known: KnownOf, _stands: Service) -> Found | None:
    if not known.blocked:
        return None
    first = known.blocked[0]
    return one.explained(Standing.EXPLAINED, _waits(first), since=first.since)


def _not_writing(one: Found, known: KnownOf, stands: Service) -> Found | None:
    if known.writing:
        return one.explained(Standing.ON_ITS_WAY, "written")
    if not stands.live:
        return one.explained(Standing.EXPLAINED, "not_live")
    return None if stands.accepted else one.explained(Standing.EXPLAINED, "not_accepted")


def _waits(blocked: Blocked) -> str:
    if blocked.kind == "operator" and blocked.ref == "go-live":
        return "not_accepted"
    if blocked.kind == "mapping" and blocked.ref == "direction":
        return "one_way"
    return _BLOCKED.get(blocked.kind, f"waits:{blocked.kind}")
