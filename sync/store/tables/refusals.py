"""Remember by digest which optional fields of an object a remote refused; told once."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from sync.core.wording import Json
from sync.digests import Digests, UnknownKeyError
from sync.store import attention as items
from sync.store import upsert
from sync.store.attention import FIELD_REFUSED as CAUSE
from sync.store.schema import attention, call, object_, refused_field


def row_of(conn: Connection, object_id: int | None, call_id: int | None) -> int | None:
    """The row that a call was about, by now: of a create, it may be another that stands for it."""
    rows = [object_id]
    if call_id is not None:
        about = select(call.c.object).where(call.c.id == call_id)
        rows.insert(0, conn.execute(about).scalar_one_or_none())
    there = select(object_.c.id).where(object_.c.id.in_([row for row in rows if row is not None]))
    found = set(conn.execute(there).scalars())
    return next((row for row in rows if row in found), None)


_OF_OBJECT = select(refused_field).where(refused_field.c.object == bindparam("of"))
_OF_CALL = select(refused_field.c.object, refused_field.c.name).where(
    refused_field.c.object.in_(
        [
            bindparam("of"),
            select(call.c.object).where(call.c.id == bindparam("made_by")).scalar_subquery(),
        ]
    )
)


def of(conn: Connection, object_id: int) -> dict[str, tuple[str, str]]:
    """The keys of its body that were refused last, with the key and digest of the value."""
    rows = conn.execute(_OF_OBJECT, {"of": object_id})
    return {row.name: (row.key_id, row.digest) for row in rows}


def of_call(conn: Connection, object_id: int, call_id: int | None) -> dict[int, set[str]]:
    """By row: the keys refused last of what a call was about, and of what stands for it by now."""
    found: dict[int, set[str]] = {}
    for row in conn.execute(_OF_CALL, {"of": object_id, "made_by": call_id}):
        found.setdefault(row.object, set()).add(row.name)
    return found


def is_known(conn: Connection, digests: Digests, object_id: int, key: str, value: Json) -> bool:
    """Whether this very value of a key was refused for this object."""
    return bool(known(digests, object_id, of(conn, object_id), {key: value}))


def known(
    digests: Digests,
    object_id: int,
    refused: Mapping[str, tuple[str, str]],
    values: Mapping[str, Json],
) -> set[str]:
    """The keys whose very values were refused for this object, by what is stored of it."""
    found = set()
    for key in values.keys() & refused.keys():
        key_id, digest = refused[key]
        try:
            same = digest == _digest(digests, object_id, key, values[key], key_id)
        except UnknownKeyError:
            continue  # sent once more, and remembered under the present key
        if same:
            found.add(key)
    return found


def remember(
    conn: Connection,
    digests: Digests,
    object_id: int,
    values: Mapping[str, Json],
    *,
    told: list[str],
    now: datetime,
) -> None:
    """Keep what was refused, and tell of these fields (by our names), once for the object."""
    for key, value in values.items():
        digest = _digest(digests, object_id, key, value, digests.key_id)
        put = upsert.insert(conn, refused_field).values(
            object=object_id, name=key, key_id=digests.key_id, digest=digest, at=now
        )
        conn.execute(
            put.on_conflict_do_update(
                index_elements=[refused_field.c.object, refused_field.c.name],
                set_={"key_id": digests.key_id, "digest": digest, "at": now},
            )
        )
    if not told:
        return
    key = conn.execute(select(object_.c.aggregate).where(object_.c.id == object_id)).scalar_one()
    if not items.open_item(conn, key, CAUSE, now=now, object_id=object_id, candidates=told):
        items.list_more(conn, key, CAUSE, object_id, told)


def forget(conn: Connection, object_id: int, keys: Iterable[str], *, now: datetime) -> None:
    """A value went through: nothing is to be told of these; of the last one the item is closed."""
    conn.execute(
        delete(refused_field).where(
            refused_field.c.object == object_id, refused_field.c.name.in_(list(keys))
        )
    )
    if of(conn, object_id):
        return
    items.close_object(conn, None, object_id, now, cause=CAUSE)


def hand_on(conn: Connection, source: int, target: int) -> None:
    """What was refused of a row that goes is remembered of the one that stands for it."""
    taken = select(refused_field.c.name).where(refused_field.c.object == target)
    conn.execute(
        delete(refused_field).where(
            refused_field.c.object == source, refused_field.c.name.in_(taken)
        )
    )
    for table in (refused_field, attention):
        conn.execute(update(table).where(table.c.object == source).values(object=target))


def _digest(digests: Digests, object_id: int, key: str, value: Json, key_id: str) -> str:
    return digests.field(object_id, f"refused:{key}", value, key_id)
