"""Keep what each field of an object last settled at, and what our own calls are writing.

Both are keyed digests of the field in that side's wire form, never values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    Executable,
    bindparam,
    cast,
    delete,
    exists,
    insert,
    null,
    or_,
    select,
    union_all,
    update,
)

from sync.store import upsert
from sync.store.schema import baseline, pending

WALL_CLOCK = "starts"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of one field: the settled digest and those of writes on their way.

    `zone` is by which a wall clock was read when it was settled.
    """

    key_id: str | None = None
    digest: str | None = None
    ours: tuple[tuple[str, str, int], ...] = ()  # key id, digest, call
    zone: str | None = None


# What is stored of each field of some objects, by object and field.
StoredFields = Mapping[tuple[int, str], Stored]


_OF: BindParameter[list[int]] = bindparam("of", expanding=True)
# What is on its way comes in the order in which the calls were made.
_STORED = union_all(
    select(
        baseline.c.object,
        baseline.c.field,
        baseline.c.key_id,
        baseline.c.digest,
        baseline.c.zone,
        cast(null(), pending.c.call.type).label("call"),
    ).where(baseline.c.object.in_(_OF)),
    select(
        pending.c.object,
        pending.c.field,
        pending.c.key_id,
        pending.c.digest,
        cast(null(), baseline.c.zone.type),
        pending.c.call,
    ).where(pending.c.object.in_(_OF)),
)


def stored_fields(conn: Connection, object_ids: list[int]) -> dict[tuple[int, str], Stored]:
    """Baselines and pending digests of the given objects, by (object, field)."""
    if not object_ids:
        return {}
    found: dict[tuple[int, str], Stored] = {}
    ours: dict[tuple[int, str], list[tuple[str, str, int]]] = {}
    for object_id, field, key_id, digest, zone, call in conn.execute(_STORED, {"of": object_ids}):
        place = object_id, field
        if call is None:
            found[place] = Stored(key_id, digest, zone=zone)
        else:
            ours.setdefault(place, []).append((key_id, digest, call))
    for place, sent in ours.items():
        in_order = tuple(sorted(sent, key=lambda one: one[2]))
        found[place] = replace(found.get(place, Stored()), ours=in_order)
    return found


_SETTLED = select(baseline.c.field, baseline.c.key_id, baseline.c.digest).where(
    baseline.c.object == bindparam("object")
)


def settled_fields(conn: Connection, object_id: int) -> dict[str, tuple[str, str]]:
    """Key and digest of what each field of an object last settled at."""
    rows = conn.execute(_SETTLED, {"object": object_id})
    return {field: (key_id, digest) for field, key_id, digest in rows}


def rekey(
    conn: Connection, object_id: int, field: str, before: Stored, digest: str, key_id: str
) -> None:
    """Store the same settled value under another key; not when it has moved since."""
    conn.execute(
        update(baseline)
        .where(
            baseline.c.object == object_id,
            baseline.c.field == field,
            baseline.c.key_id == before.key_id,
            baseline.c.digest == before.digest,
        )
        .values(key_id=key_id, digest=digest)
    )


_KEPT = ("key_id", "digest", "zone")


def _putting(made: upsert.Insert) -> Executable:
    return made.on_conflict_do_update(
        index_elements=[baseline.c.object, baseline.c.field],
        set_={name: made.excluded[name] for name in _KEPT},
    )


_PUT = upsert.of_each(baseline, _putting)
_FULFIL = delete(pending).where(
    pending.c.object == bindparam("object"),
    pending.c.field == bindparam("field"),
    pending.c.digest == bindparam("digest"),
)


class Settled(NamedTuple):
    """What an object's fields settle at: digests, and the zone that its wall clock is read by."""

    object: int
    digests: Mapping[str, str]
    zone: str | None = None


def settle(
    conn: Connection,
    object_id: int,
    digests: Mapping[str, str],
    key_id: str,
    zone: str | None = None,
) -> None:
    """Move the baselines of the given fields; pending writes of the same digest are fulfilled."""
    settle_each(conn, [Settled(object_id, digests, zone)], key_id)


def settle_each(conn: Connection, settled: Iterable[Settled | None], key_id: str) -> None:
    """The same of several objects at once.

    The zone is kept beside the wall clock alone (ADR 0021): no other field is read by it.
    """
    rows = [
        {
            "object": one.object,
            "field": field,
            "key_id": key_id,
            "digest": digest,
            "zone": one.zone if field == WALL_CLOCK else None,
        }
        for one in settled
        if one is not None
        for field, digest in one.digests.items()
    ]
    if rows:
        conn.execute(_PUT[conn.dialect.name], rows)
        conn.execute(_FULFIL, rows)


def forget(conn: Connection, object_id: int) -> None:
    """Have nothing of an object count as settled."""
    conn.execute(delete(baseline).where(baseline.c.object == object_id))


# --- what a call is writing -----------------------------------------------------------------------

_AWAIT = insert(pending)
_OF_CALL = pending.c.call == bindparam("of_call")
_UNEXPECT = delete(pending).where(_OF_CALL)


def _promoting(insert: upsert.Insert) -> Executable:
    fields = ("object", "field", "key_id", "digest")
    sent = select(*(pending.c[name] for name in fields)).where(_OF_CALL)
    made = insert.from_select(fields, sent)
    return made.on_conflict_do_update(
        index_elements=[baseline.c.object, baseline.c.field],
        set_={name: made.excluded[name] for name in _KEPT},
    )


_PROMOTE = upsert.of_each(baseline, _promoting)
_SAME = pending.alias()
_FULFILLED = delete(pending).where(
    or_(
        _OF_CALL,
        exists().where(
            _SAME.c.call == bindparam("of_call"),
            _SAME.c.object == pending.c.object,
            _SAME.c.field == pending.c.field,
            _SAME.c.digest == pending.c.digest,
        ),
    )
)


def expect(
    conn: Connection, call_id: int, digests: Mapping[tuple[int, str], str], key_id: str
) -> None:
    """Store what a call is about to write, by (object, field)."""
    rows = [
        {"object": object_id, "field": field, "call": call_id, "key_id": key_id, "digest": digest}
        for (object_id, field), digest in digests.items()
    ]
    if rows:
        conn.execute(_AWAIT, rows)


def promote(conn: Connection, call_id: int) -> None:
    """Settle what a call was writing: it was done."""
    conn.execute(_PROMOTE[conn.dialect.name], {"of_call": call_id})
    conn.execute(_FULFILLED, {"of_call": call_id})


def unexpect(conn: Connection, call_id: int) -> None:
    """Expect nothing of a call any more: it was not done."""
    conn.execute(_UNEXPECT, {"of_call": call_id})


_NOTE_ZONE = (
    update(baseline)
    .where(baseline.c.object == bindparam("of"), baseline.c.field == WALL_CLOCK)
    .values(zone=bindparam("read_by"))
)


def note_zone(conn: Connection, object_id: int, zone: str) -> None:
    """Keep beside a settled wall clock by which zone it was read or written."""
    conn.execute(_NOTE_ZONE, {"of": object_id, "read_by": zone})
