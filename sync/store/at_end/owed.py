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

from sync.store.at_end import counting

# Where a run's end, or another write of its, follows soon, only so much is taken along.
MANY = 50


class Debt(NamedTuple):
    """A row for a statement, and what is to be counted with it (a counter's name and labels).

    Without a statement it is only counted.
    """

    statement: Executable | None
    row: Mapping[str, Any]
    counts: tuple[str, str]


class Taken(NamedTuple):
    """What a transaction takes along, and what it leaves to the next, once it has committed."""

    debts: list[Debt]
    left: list[Debt]


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
    def taken(self, least: int = 1) -> Iterator[Taken]:
        """What is owed, where it is so much; owed again when the block fails."""
        with self._lock:
            enough = len(self._debts) >= least
            debts, self._debts = (self._debts, []) if enough else ([], self._debts)
        taken = Taken(debts, [])
        try:
            yield taken
        except BaseException:
            with self._lock:
                self._debts = debts + self._debts
            raise
        with self._lock:
            self._debts += taken.left


# By connection, as long as its transaction pays at its end.
_paying: WeakKeyDictionary[Connection, list[Debt]] = WeakKeyDictionary()


def pay(conn: Connection, debt: Debt) -> None:
    """Store a row with what is owed, as this transaction ends; at once where it pays nothing.

    A transaction that counts nothing else leaves its counts to the next.
    """
    due = _paying.get(conn)
    if due is None:
        _store(conn, [debt])
    else:
        due.append(debt)


@contextmanager
def paid(conn: Connection, taken: Taken) -> Iterator[None]:
    """Store these at the end of the block, with what it is told to `pay`."""
    due: list[Debt] = []
    _paying[conn] = due
    try:
        yield
    finally:
        del _paying[conn]
    debts = taken.debts + due
    if due and not counting.collects(conn):
        taken.left.extend(debt._replace(statement=None, row={}) for debt in debts)
        _write(conn, debts)
    else:
        _store(conn, debts)


def _store(conn: Connection, debts: list[Debt]) -> None:
    for debt in debts:
        counting.add(conn, *debt.counts, by=1.0)
    _write(conn, debts)


def _write(conn: Connection, debts: list[Debt]) -> None:
    """Write the rows, each statement once with all of its own."""
    rows: dict[Executable, list[Mapping[str, Any]]] = {}
    for debt in debts:
        if debt.statement is not None:
            rows.setdefault(debt.statement, []).append(debt.row)
    for statement, told in rows.items():
        conn.execute(statement, told)
