"""Add to the counters that all processes share: last in a transaction, in one order.

Everybody writes these few rows. Whoever held one while waiting for a lease's row would be waited
for by whoever holds that row and counts: under many deliveries at once, a deadlock each time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Executable

from sync.store import upsert
from sync.store.schema import counter

Counts = dict[tuple[str, str], float]

# By connection, as long as its transaction collects.
_collected: WeakKeyDictionary[Connection, Counts] = WeakKeyDictionary()


def _add(made: upsert.Insert) -> Executable:
    return made.on_conflict_do_update(
        index_elements=[counter.c.name, counter.c.labels],
        set_={"value": counter.c.value + made.excluded.value},
    )


_ADD = upsert.of_each(counter, _add)


def add(conn: Connection, name: str, labels: str, by: float) -> None:
    """Add to a counter; at the end where the transaction collects, else at once."""
    counts = _collected.get(conn)
    if counts is None:
        _write(conn, {(name, labels): by})
    else:
        counts[name, labels] = counts.get((name, labels), 0.0) + by


def collects(conn: Connection) -> bool:
    """Whether something is to be counted when the transaction ends."""
    return bool(_collected.get(conn))


@contextmanager
def collected(conn: Connection) -> Iterator[None]:
    """Collect what is counted in this block, and write it when the block ends well."""
    counts = _collected[conn] = {}
    try:
        yield
    finally:
        del _collected[conn]
    if counts:
        _write(conn, counts)


def _write(conn: Connection, counts: Counts) -> None:
    rows = [
        {"name": name, "labels": labels, "value": counts[name, labels]}
        for name, labels in sorted(counts)
    ]
    conn.execute(_ADD[conn.dialect.name], rows)
