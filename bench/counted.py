"""Count what a process of the service asks of its database: statements and transactions.

`python bench/counted.py web` is `drchrono-oncall web` with two numbers in the file of COUNT_FILE:
counted at SQLAlchemy's engine, in whatever thread, also after a fork. A driver's own words about
transactions are no statements; a savepoint is one, as it is a round trip.
"""

import mmap
import os
import runpy
import struct
import threading
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, event

_NO_STATEMENTS = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")
_NUMBERS = struct.Struct("QQ")


class Asked(NamedTuple):
    """How many statements were sent, and how many transactions began."""

    statements: int
    transactions: int


def read(path: Path) -> Asked:
    """What was counted so far."""
    return Asked(*_NUMBERS.unpack(path.read_bytes()))


def start(path: Path) -> None:
    """Make the file of one process, at nought."""
    path.write_bytes(_NUMBERS.pack(0, 0))


def _count(path: str) -> None:
    with Path(path).open("r+b") as file:
        numbers = mmap.mmap(file.fileno(), _NUMBERS.size)  # shared with those who are forked
    lock = threading.Lock()

    def add(statements: int, transactions: int) -> None:
        with lock:
            asked, begun = _NUMBERS.unpack(numbers[:])
            numbers[:] = _NUMBERS.pack(asked + statements, begun + transactions)

    def asked(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(_NO_STATEMENTS):
            add(1, 0)

    event.listen(Engine, "before_cursor_execute", asked)
    event.listen(Engine, "begin", lambda _conn: add(0, 1))


def main() -> None:
    """Run a command of the service, counted."""
    _count(os.environ["COUNT_FILE"])
    runpy.run_module("cli.main", run_name="__main__")


if __name__ == "__main__":
    main()
