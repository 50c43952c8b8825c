"""Keep which digest keys the rows were made with, and count the rows that still need each.

Of a key only a proof made with it is stored, never the key (ADR 0018).
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, text, update

from sync.store.schema import (
    baseline,
    call,
    delivery,
    digest_key,
    object_,
    pending,
    person_key,
    visit,
)


@dataclass(frozen=True, slots=True)
class DigestKey:
    """One key that was written down; `lost_at`: since when nobody has it any more."""

    key_id: str
    proof: str
    lost_at: datetime | None


def written_down(conn: Connection) -> dict[str, DigestKey]:
    """Every key that was written down, by its id."""
    rows = conn.execute(select(digest_key.c.key_id, digest_key.c.proof, digest_key.c.lost_at))
    return {row.key_id: DigestKey(*row) for row in rows}


def lock(conn: Connection) -> None:
    """Let one transaction write keys down at a time; SQLite's write lock is held already."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("LOCK TABLE digest_key IN SHARE ROW EXCLUSIVE MODE"))


def add(
    conn: Connection, key_id: str, proof: str, now: datetime, *, lost_at: datetime | None = None
) -> None:
    """Write a key down; one that is lost has no proof."""
    values = {"key_id": key_id, "proof": proof, "since": now, "lost_at": lost_at}
    conn.execute(insert(digest_key).values(**values))


def set_lost(conn: Connection, key_id: str, lost_at: datetime | None) -> None:
    """Note since when nobody has a key any more; None: somebody has it again."""
    conn.execute(update(digest_key).where(digest_key.c.key_id == key_id).values(lost_at=lost_at))


def forget(conn: Connection, key_ids: Collection[str]) -> None:
    """Drop keys that no row needs."""
    conn.execute(delete(digest_key).where(digest_key.c.key_id.in_(key_ids)))


# --- what needs a key -----------------------------------------------------------------------------

# Of people, and of visits that may still change.
_OPEN = or_(visit.c.aggregate.is_(None), visit.c.state == "open")
_BASELINES = (
    select(baseline.c.key_id, func.count())
    .join(object_, object_.c.id == baseline.c.object)
    .outerjoin(visit, visit.c.aggregate == object_.c.aggregate)
    .where(_OPEN, object_.c.state.not_in(("gone", "skipped")))
    .group_by(baseline.c.key_id)
)
_DELIVERIES = (
    select(delivery.c.key_id, func.count())
    .where(delivery.c.explained_at.is_(None), delivery.c.key_id.is_not(None))
    .group_by(delivery.c.key_id)
)
_MARKERS = (
    select(object_.c.marker_key, func.count())
    .outerjoin(visit, visit.c.aggregate == object_.c.aggregate)
    .where(_OPEN, object_.c.marker_key.is_not(None), object_.c.state == "live")
    .group_by(object_.c.marker_key)
)
_NEEDING = {
    "baselines": _BASELINES,
    "pending": select(pending.c.key_id, func.count()).group_by(pending.c.key_id),
    "people": select(person_key.c.key_id, func.count()).group_by(person_key.c.key_id),
    "deliveries": _DELIVERIES,
    "markers": _MARKERS,
}


def needed(conn: Connection) -> Iterator[tuple[str, str, int]]:
    """What needs which key, and how many rows: baselines, pending, people, deliveries, markers."""
    for what, counting in _NEEDING.items():
        for key_id, count in conn.execute(counting):
            yield what, key_id, count


def needed_by_calls(conn: Connection, since: datetime) -> Counter[str]:
    """How often calls since a time hold what stood before them under each key."""
    found: Counter[str] = Counter()
    rows = conn.execute(select(call.c.before).where(call.c.at > since, call.c.before.is_not(None)))
    for (before,) in rows:
        found.update({key_id for told in before.values() for key_id, _digest in told})
    return found
