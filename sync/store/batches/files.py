"""Keep files that wait, in sealed pieces, and how columns of such headers were named before."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select, text

from sync.store import upsert
from sync.store.batches import items, rows
from sync.store.schema import batch_chunk, header_choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


CHUNK = 256 * 1024  # bytes of a file in one row
_HEAD = -1  # the piece that is made of the file: its columns' names, and lines to choose by


def add(conn: Connection, batch: int, number: int, sealed: bytes) -> None:
    """Add a sealed piece of a file; numbers begin with 0."""
    conn.execute(insert(batch_chunk).values(batch=batch, number=number, sealed=sealed))


def piece(conn: Connection, batch: int, number: int) -> bytes | None:
    """A sealed piece of a file; None behind its last."""
    sealed: bytes | None = conn.execute(
        select(batch_chunk.c.sealed).where(
            batch_chunk.c.batch == batch, batch_chunk.c.number == number
        )
    ).scalar_one_or_none()
    return sealed


def put_head(conn: Connection, batch: int, sealed: bytes) -> None:
    """Keep what is made of the file beside it: its columns' names, and lines to choose by."""
    add(conn, batch, _HEAD, sealed)


def head(conn: Connection, batch: int) -> bytes | None:
    """What `put_head` kept, sealed; it stays as long as the lines do."""
    return piece(conn, batch, _HEAD)


def was_read(conn: Connection, batch: int) -> None:
    """Delete the file's pieces: it is read once."""
    with _overwriting(conn):
        conn.execute(
            delete(batch_chunk).where(batch_chunk.c.batch == batch, batch_chunk.c.number > _HEAD)
        )


def drop(conn: Connection, batch: int, now: datetime) -> None:
    """Delete the key of what is sealed, and the file: nobody can read any of it from now on.

    The lines' own cells, which may be many, are taken away in pieces after that: see `wipe`.
    """
    with _overwriting(conn):
        rows.change(conn, batch, sealed_key=None, drop_at=now)
        conn.execute(delete(batch_chunk).where(batch_chunk.c.batch == batch))


def wipe(conn: Connection, batch: int, most: int = 1000) -> bool:
    """Take the cells of some lines away whose key is deleted; False when none are left.

    A transaction for each piece: no webhook waits for a whole file's lines.
    """
    with _overwriting(conn):
        if items.unseal(conn, batch, most):
            return True
        rows.change(conn, batch, drop_at=None)
        return False


@contextmanager
def _overwriting(conn: Connection) -> Iterator[None]:
    """Have SQLite overwrite what is deleted in this block; PostgreSQL's VACUUM takes it away."""
    if conn.dialect.name != "sqlite":
        yield
        return
    conn.execute(text("PRAGMA secure_delete=ON"))
    try:
        yield
    finally:
        conn.execute(text("PRAGMA secure_delete=OFF"))


# --- how columns were named -----------------------------------------------------------------------


def chosen(conn: Connection, headers: str) -> dict[str, str] | None:
    """How the columns of such headers were named before: the column's name → field."""
    found: dict[str, str] | None = conn.execute(
        select(header_choice.c.columns).where(header_choice.c.headers == headers)
    ).scalar_one_or_none()
    return found


def remember(conn: Connection, headers: str, columns: Mapping[str, str], now: datetime) -> None:
    """Remember how columns were named, for files with the same headers."""
    row = {"headers": headers, "columns": dict(columns), "at": now}
    made = upsert.insert(conn, header_choice).values(**row)
    conn.execute(
        made.on_conflict_do_update(
            index_elements=[header_choice.c.headers], set_={"columns": row["columns"], "at": now}
        )
    )
