"""Keep what the next writing transaction of this process is to take along, for want of its own.

So is the outcome of a read stored: nothing is decided by it, and who dies before has lost no more
than who dies before a transaction made for it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Executable

from sync.store import counting

# Where a run's end, or another write of its, follows soon, only so much is taken along.
MANY = 50


class Debt(NamedTuple):
    """A row for a statement, and what is to be counted with it (a counter's name and labels)."""

    statement: Executable
    row: Mapping[str, Any]
    counts: tuple[str, str]


class Owed:
    """What is owed by this process; any of its threads may pay."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._debts: list[Debt] = []

    def __len__(self) -> int:
        return len(self._debts)

    def add(self, debt: Debt) -> None:
        """Have it stored by the next transaction that takes along what is owed."""
        with self._lock:
            self._debts.append(debt)

    @contextmanager
    def taken(self, least: int = 1) -> Iterator[list[Debt]]:
        """What is owed, where it is so much; owed again when the block fails."""
        with self._lock:
            enough = len(self._debts) >= least
            taken, self._debts = (self._debts, []) if enough else ([], self._debts)
        try:
            yield taken
        except BaseException:
            with self._lock:
                self._debts = taken + self._debts
            raise


# By connection, as long as its transaction pays at its end.
_paying: WeakKeyDictionary[Connection, list[Debt]] = WeakKeyDictionary()


def pay(conn: Connection, debt: Debt) -> None:
    """Store a row with what is owed, as this transaction ends; at once where it pays nothing."""
    due = _paying.get(conn)
    if due is None:
        _store(conn, [debt])
    else:
        due.append(debt)


@contextmanager
def paid(conn: Connection, debts: list[Debt]) -> Iterator[None]:
    """Store these at the end of the block, with what it is told to `pay`."""
    due = _paying[conn] = [*debts]
    try:
        yield
    finally:
        del _paying[conn]
    _store(conn, due)


def _store(conn: Connection, debts: list[Debt]) -> None:
    """Store rows, each statement once with all of its own."""
    rows: dict[Executable, list[Mapping[str, Any]]] = {}
    for debt in debts:
        rows.setdefault(debt.statement, []).append(debt.row)
        counting.add(conn, *debt.counts, by=1.0)
    for statement, told in rows.items():
        conn.execute(statement, told)
