"""Keep each credential's token buckets: how many unknown ids it may still have read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from sync.core.bucket import Level, Rates
from sync.store import upsert
from sync.store.schema import bucket


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a credential's buckets hold now, and their row as it was read; None: there is none."""

    level: Level
    row: tuple[float, float, datetime] | None = None


def peek(conn: Connection, name: str, rates: Rates, now: datetime) -> Level:
    """What a credential's buckets hold now, for a decision that takes nothing: locks no row."""
    return bucket_of(conn, name, rates, now).level


def bucket_of(conn: Connection, name: str, rates: Rates, now: datetime) -> Bucket:
    """The same with the row as it was read, for `spend`."""
    row = conn.execute(select(bucket).where(bucket.c.name == name)).first()
    return Bucket(rates.full) if row is None else as_read(row, rates, now, row.at)


def as_read(row: Any, rates: Rates, now: datetime, at: datetime | None) -> Bucket:
    """The buckets of a row as it was read; `at` is its time, None where there is no row."""
    if at is None:
        return Bucket(rates.full)
    return Bucket(_as_of(row, at, rates, now), (row.soon, row.share, at))


_LEVEL = select(bucket).where(bucket.c.name == bindparam("of")).with_for_update()


def level(conn: Connection, name: str, rates: Rates, now: datetime) -> Level:
    """What a credential's buckets hold now; their row is locked until the transaction ends."""
    row = conn.execute(_LEVEL, {"of": name}).first()
    if row is None:
        full = {"soon": rates.full.soon, "share": rates.full.share, "at": now}
        made = upsert.insert(conn, bucket).values(name=name, **full)
        conn.execute(made.on_conflict_do_nothing())
        row = conn.execute(_LEVEL, {"of": name}).one()
    return _as_of(row, row.at, rates, now)


def _as_of(row: Any, at: datetime, rates: Rates, now: datetime) -> Level:
    return rates.later(Level(row.soon, row.share), (now - at).total_seconds())


_PUT_LEVEL = update(bucket).where(bucket.c.name == bindparam("of"))


def put_level(conn: Connection, name: str, held: Level, now: datetime) -> None:
    """Store what the buckets hold as of now."""
    conn.execute(_PUT_LEVEL, {"of": name, "soon": held.soon, "share": held.share, "at": now})


def spend(
    conn: Connection,
    name: str,
    rates: Rates,
    now: datetime,
    tokens: int = 1,
    *,
    held: Bucket | None = None,
) -> None:
    """Take tokens out of a credential's buckets; below zero when others took the last ones.

    `held`: the buckets as they were read; while nobody changed them since, one statement will do.
    """
    if held is not None and _spent(conn, name, held, now, tokens):
        return
    put_level(conn, name, level(conn, name, rates, now).taken(tokens), now)


def _spent(conn: Connection, name: str, held: Bucket, now: datetime, tokens: int) -> bool:
    """Take tokens by compare-and-set; False when somebody was faster."""
    left = held.level.taken(tokens)
    if held.row is None:
        first = {"soon": left.soon, "share": left.share, "at": now}
        made = upsert.insert(conn, bucket).values(name=name, **first).on_conflict_do_nothing()
        return conn.execute(made.returning(bucket.c.name)).first() is not None
    same = zip((bucket.c.soon, bucket.c.share, bucket.c.at), held.row, strict=True)
    changed = conn.execute(
        update(bucket)
        .where(bucket.c.name == name, *(column == value for column, value in same))
        .values(soon=left.soon, share=left.share, at=now)
    )
    return changed.rowcount == 1
