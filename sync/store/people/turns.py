"""Let one transaction at a time decide about somebody: who comes second sees what the first did.

Two that both look and then both write would each see nothing (PostgreSQL, Read Committed); SQLite's
write lock is held already.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select


def take(conn: Connection, digest: str) -> None:
    """Wait for the turn of this digest (hex), and keep it to the transaction's end."""
    if conn.dialect.name == "postgresql":
        number = int.from_bytes(bytes.fromhex(digest[:16]), signed=True)
        conn.execute(select(func.pg_advisory_xact_lock(number)))
