"""List, prove and hand out the audit; read and write AUDIT_SINK."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sync.runtime import Sync
from sync.store.trail import proof, rows
from sync.store.trail.proof import Head, Report, RowFault
from sync.store.trail.rows import Filter, Row

__all__ = ["Filter", "Report", "Row", "RowFault", "add_to_sink", "every", "newest", "verify"]


class SinkError(Exception):
    """AUDIT_SINK can't be read as what this service wrote there; the text says which line."""


def newest(sync: Sync, asked: Filter, most: int) -> list[Row]:
    """At most so many deeds, newest first. Raises SQLAlchemyError."""
    with sync.store.read() as conn:
        return rows.newest(conn, asked, most)


def every(sync: Sync, asked: Filter) -> Iterator[Row]:
    """Every deed, oldest first, in bounded memory. Raises SQLAlchemyError."""
    with sync.store.read() as conn:
        yield from rows.every(conn, asked)


def verify(sync: Sync) -> Report:
    """Walk the chain, and compare it with what AUDIT_SINK was told.

    Raises SQLAlchemyError, SinkError, and OSError when the file that is set can't be read; one that
    is not there yet was told nothing.
    """
    path = sync.settings.audit_sink
    told = list(read_sink(Path(path))) if path and Path(path).exists() else []
    with sync.store.read() as conn:
        return proof.verify(conn, sync.digests, told)


def read_sink(path: Path) -> Iterator[Head]:
    """The ends of the chain that were written to a file. Raises OSError and SinkError."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                told = json.loads(line)
                yield Head(int(told["seq"]), str(told["mac"]))
            except (ValueError, KeyError, TypeError):
                raise SinkError(f"line {number} is not the end of an audit") from None


def add_to_sink(path: str, end: Head, now: datetime) -> None:
    """Add the end of the chain to a file, for its owner alone. Raises OSError."""
    line = json.dumps({"at": now.isoformat(), "seq": end.seq, "mac": end.mac}) + "\n"
    written = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(written, line.encode())
        os.fsync(written)
    finally:
        os.close(written)
