"""Check by its seal that we wrote a marker, and into this very object (ADR 0025).

Whoever can edit an appointment can edit or copy a marker. One whose seal does not hold claims
nothing and proves nothing; it parks the object that bears it, and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from sync.core.markers import bound
from sync.core.records import Marker
from sync.store import objects
from sync.store.tables import facts, links

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.digests import Digests
    from sync.store.tables.links import Obj

SINCE = "markers_sealed"  # from when on every marker of this database has a seal


class Origin(Enum):
    """What a marker on an object is."""

    OURS = auto()  # sealed for this very object, or for one that was made with it in it
    OLD = auto()  # from before there were seals: it may link, it proves nothing
    COPY = auto()  # sealed for another object of ours that we know
    FOREIGN = auto()  # another installation's, edited, or copied from we know not where


def seal(
    digests: Digests, marker: Marker, system: str, kind: str, remote_id: str | None = None
) -> Marker:
    """The marker with its seal. `remote_id` None: the object is made with the marker in it."""
    return replace(marker, seal=digests.seal(bound(marker, system, kind, remote_id)))


def holds(digests: Digests, marker: Marker, system: str, kind: str, remote_id: str | None) -> bool:
    """Whether a marker's seal is ours for that place."""
    return marker.seal is not None and digests.sealed(
        bound(marker, system, kind, remote_id), marker.seal
    )


def is_broken(digests: Digests, marker: object, system: str, kind: str, remote_id: str) -> bool:
    """Whether a marker has a seal that holds neither for its object nor for one being made."""
    if not isinstance(marker, Marker) or marker.seal is None:
        return False
    return not any(holds(digests, marker, system, kind, place) for place in (remote_id, None))


def judge(
    conn: Connection,
    digests: Digests,
    ours: frozenset[str],
    system: str,
    remote_id: str,
    marker: Marker,
) -> Origin:
    """What a marker on an appointment is; `ours` are the names of this installation."""
    if marker.installation not in ours:
        return Origin.FOREIGN
    if marker.seal is None:
        return Origin.FOREIGN if _lost_its_seal(conn, marker) else Origin.OLD
    if holds(digests, marker, system, "appointment", remote_id):
        return Origin.OURS
    named = _named(conn, system, marker)
    if holds(digests, marker, system, "appointment", None):
        return Origin.COPY if _was_made(named, marker, remote_id) else Origin.OURS
    elsewhere = [place for one in named for place in objects.ids_of(conn, one)]
    if any(holds(digests, marker, system, "appointment", place) for place in elsewhere):
        return Origin.COPY
    return Origin.FOREIGN


def is_of_a_former(conn: Connection, digests: Digests, system: str, marker: Marker) -> bool:
    """Whether a marker was sealed for an appointment of ours that stands for no visit any more.

    A clone bears its original's marker and takes the original's place in the visit that it names
    (ADR 0009): the original is found by its own id only. Not for lists: each of those is tried.
    """
    return any(
        holds(digests, marker, system, "appointment", place)
        for place in objects.skipped_with_marker(conn, system)
    )


def _named(conn: Connection, system: str, marker: Marker) -> list[Obj]:
    """The appointments of that system that we know of the visit a marker names."""
    keys = {links.survivor(conn, marker.aggregate)}
    if marker.other is not None:
        there = "oncall" if system == "drchrono" else "drchrono"
        other = links.find(conn, there, "appointment", marker.other)
        keys |= {links.survivor(conn, other.aggregate)} if other is not None else set()
    return [
        one
        for key in keys
        for one in links.objects_of(conn, key)
        if (one.system, one.kind) == (system, "appointment")
    ]


def _was_made(named: Iterable[Obj], marker: Marker, remote_id: str) -> bool:
    """Whether what was made with this marker stands under another id, so that this is a copy.

    While something is being made there it may be this.
    """
    same = [one for one in named if one.system == "drchrono" or one.generation == marker.generation]
    ids = {one.remote_id for one in same}
    return bool(ids) and None not in ids and remote_id not in ids


def _lost_its_seal(conn: Connection, marker: Marker) -> bool:
    """Whether a marker without a seal names something that only sealed ones were written for."""
    since = facts.told_at(conn, SINCE)
    made = objects.made_at(conn, marker.aggregate)
    return since is not None and made is not None and made > since
