"""Write rows as a block ends, each statement once with all of its rows.

Where many events share a transaction, each changes a row or two by the same few statements.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Executable

Rows = dict[Executable, list[Mapping[str, Any]]]

# By connection, as long as its block gathers.
_gathered: WeakKeyDictionary[Connection, Rows] = WeakKeyDictionary()


def write(conn: Connection, statement: Executable, row: Mapping[str, Any]) -> None:
    """Write a row at the end of the block where one gathers, else at once.

    The statement asks nothing back, and what it writes is read in this transaction only after a
    `flush`.
    """
    rows = _gathered.get(conn)
    if rows is None:
        conn.execute(statement, row)
    else:
        rows.setdefault(statement, []).append(row)


def flush(conn: Connection) -> None:
    """Write what was gathered until now."""
    rows = _gathered.get(conn)
    if not rows:
        return
    for statement, told in rows.items():
        conn.execute(statement, told)
    rows.clear()


@contextmanager
def gathered(conn: Connection) -> Iterator[None]:
    """Gather what is written in this block; lost with its transaction when the block fails."""
    _gathered[conn] = {}
    try:
        yield
        flush(conn)
    finally:
        del _gathered[conn]
