"""Notice that this database knows less than both systems do: it was lost, or is an older copy.

A marker of ours that names a visit, or a counterpart, that no row of ours holds is the proof; its
seal must hold for the object that bears it (ADR 0025).
Until the links are rebuilt from the markers (`relink`) nothing is worked on: what looks missing may
stand.
After any time in which nobody was alive the newest of OnCall is looked at first, for such markers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sync.core.records import Marker, Visit
from sync.run.evidence import sealing
from sync.run.evidence.sealing import Origin
from sync.store import attention
from sync.store.service import ticks
from sync.store.tables import facts, links, scans

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.digests import Digests

log = structlog.get_logger(__name__)

CAUSE = "database_behind"
RELINKED = "relinked"
GAP = "gap"
NEWEST = "oncall_newest"


def agrees(conn: Connection, system: str, remote_id: str, marker: Marker) -> bool:
    """Whether what an object's marker says is what our rows say.

    The visit it names is known, in that generation, and holds the counterpart it names. A marker
    without a counterpart (a group's) must be that visit's own, or of one that is being made.

    What says no is asked twice: each statement sees what was committed before it, so a worker that
    names or merges something between two of them makes rows look torn (PostgreSQL, Read Committed).
    """
    return any(_agrees(conn, system, remote_id, marker) for _ in range(2))


def _agrees(conn: Connection, system: str, remote_id: str, marker: Marker) -> bool:
    if links.kind_of(conn, marker.aggregate) != "visit":
        return False
    target = links.survivor(conn, marker.aggregate)
    if marker.generation > links.generation_of(conn, target):
        return False
    if marker.other is not None:
        there = "oncall" if system == "drchrono" else "drchrono"
        other = links.find(conn, there, "appointment", marker.other)
        return other is not None and links.survivor(conn, other.aggregate) == target
    own = links.find(conn, system, "appointment", remote_id)
    return (own is not None and own.aggregate == target) or _is_making(conn, system, target)


def _is_making(conn: Connection, system: str, key: int) -> bool:
    """Whether a create of ours there has no outcome yet."""
    return any(
        one.system == system and one.kind == "appointment" and one.remote_id is None
        for one in links.objects_of(conn, key)
    )


def is_lost(conn: Connection, digests: Digests, ours: frozenset[str], shown: Visit) -> bool:
    """Whether an OnCall visit that no read has shown was made by us, and not just now.

    Only a marker whose seal holds there says so: who can edit a visit stops nothing by it. Asked
    twice, as in `agrees`: its create may come to its end between two statements.
    """
    return all(_is_lost(conn, digests, ours, shown) for _ in range(2))


def _is_lost(conn: Connection, digests: Digests, ours: frozenset[str], shown: Visit) -> bool:
    marker = shown.marker
    if not isinstance(marker, Marker):
        return False
    known = links.find(conn, "oncall", "appointment", shown.remote_id)
    if known is not None and not known.told:
        return False
    if sealing.judge(conn, digests, ours, "oncall", shown.remote_id, marker) is not Origin.OURS:
        return False
    if links.kind_of(conn, marker.aggregate) != "visit":
        return True
    return not _is_making(conn, "oncall", links.survivor(conn, marker.aggregate))


def is_news(
    conn: Connection,
    digests: Digests,
    ours: frozenset[str],
    system: str,
    remote_id: str,
    marker: object,
    *,
    also: frozenset[Origin] = frozenset(),
) -> bool:
    """Whether an object bears a marker of ours (one of these installations') that we contradict.

    One whose seal holds, or that stands as `also` says.
    """
    if not isinstance(marker, Marker):
        return False
    if sealing.judge(conn, digests, ours, system, remote_id, marker) not in {Origin.OURS, *also}:
        return False
    return not agrees(conn, system, remote_id, marker)


def notice(
    conn: Connection, now: datetime, *, system: str | None = None, aggregate: int | None = None
) -> None:
    """The database is behind: nothing is worked on from now until the links were rebuilt.

    `system` and `aggregate` are those of the marker that says so.
    """
    log.warning("the database knows less than the two systems", system=system, aggregate=aggregate)
    facts.put(conn, CAUSE, "yes", now)
    attention.open_item(conn, 0, CAUSE, now=now)


def is_noticed(conn: Connection) -> bool:
    """Whether the links are to be rebuilt."""
    return facts.get(conn, CAUSE) == "yes"


def over(conn: Connection, now: datetime) -> None:
    """The links were rebuilt: what the markers still say otherwise is old, and all is looked at."""
    if is_noticed(conn):
        ticks.all_due(conn, now)
    facts.put(conn, CAUSE, "no", now)
    facts.put(conn, RELINKED, "yes", now)
    attention.close_cause(conn, 0, CAUSE, now)


def was_looked_at(conn: Connection, seen: datetime) -> bool:
    """Whether the links were rebuilt since an object was first met: its marker was judged then."""
    at = facts.told_at(conn, RELINKED)
    return at is not None and seen <= at


def begin_gap(conn: Connection, now: datetime) -> None:
    """Nobody was alive for a while: this may be an older copy."""
    facts.put(conn, GAP, "yes", now)


def holds(conn: Connection) -> bool:
    """Whether nothing may be worked on: the database is behind, or may be."""
    looked = scans.done_at(conn, NEWEST)
    return is_behind(facts.get(conn, CAUSE), facts.told_at(conn, GAP), looked)


def is_behind(noticed: str | None, gap: datetime | None, looked: datetime | None) -> bool:
    """The same of what is stored: the fact, the last gap, when OnCall's newest were looked at."""
    return noticed == "yes" or (gap is not None and (looked is None or looked < gap))
