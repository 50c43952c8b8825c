"""Keep when a thing that may be waited for changed: last in a transaction, in one order (ADR 0043).

Written earlier, a row would be held by whoever still wants an item's row, and wanted by whoever
holds that one.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Executable, bindparam, case, delete, or_, select

from sync.store import upsert
from sync.store.schema import ONE, UtcTime, signal

# A run that began before a signal has parked by then, or its lease has run out.
KEPT: Final = timedelta(hours=1)
# No more are kept, however fast they come: within seconds each has been looked at.
MOST: Final = 10_000
# What a remote shows it showed before we were told. Of all else we are the ones who know: it is
# seen once this transaction is committed, and whoever began to look until then has not seen it.
OF_REMOTES: Final = frozenset({"patient", "visit", "email"})
COMMIT: Final = timedelta(seconds=2)


class _Noted(NamedTuple):
    """When a thing changed, and this process's steady clock then."""

    at: datetime
    then: float

    def seen_from(self, kind: str) -> datetime:
        """From when on everybody sees the change, as the transaction ends.

        Of one that raises thousands the end is seconds later.
        """
        commit = timedelta(0) if kind in OF_REMOTES else COMMIT
        return self.at + timedelta(seconds=time.monotonic() - self.then) + commit


# By connection, as long as its transaction collects.
_collected: WeakKeyDictionary[Connection, dict[tuple[str, str], _Noted]] = WeakKeyDictionary()


def _noting(made: upsert.Insert) -> Executable:
    said = made.excluded.at
    later = case((said > signal.c.at, said), else_=signal.c.at)
    return made.on_conflict_do_update(index_elements=list(signal.primary_key), set_={"at": later})


_NOTE = upsert.of_each(signal, _noting)


def note(conn: Connection, kind: str, ref: str, now: datetime) -> None:
    """Say that a thing changed; written as the transaction ends, or at once outside a `Store`'s."""
    noted = _Noted(now, time.monotonic())
    collected = _collected.get(conn)
    if collected is None:
        _write(conn, {(kind, ref): noted})
    else:
        collected[kind, ref] = noted


@contextmanager
def collected(conn: Connection) -> Iterator[None]:
    """Collect what is noted in this block, and write it when the block ends well."""
    noted = _collected[conn] = {}
    try:
        yield
    finally:
        del _collected[conn]
    if noted:
        _write(conn, noted)


def _write(conn: Connection, noted: Mapping[tuple[str, str], _Noted]) -> None:
    rows: list[dict[str, Any]] = [
        {"kind": kind, "ref": ref, "at": noted[kind, ref].seen_from(kind)}
        for kind, ref in sorted(noted)
    ]
    conn.execute(_NOTE[conn.dialect.name], rows)


_MORE = select(signal.c.at).order_by(signal.c.at.desc()).limit(ONE).offset(bindparam("most"))
_OLD = or_(
    signal.c.at < bindparam("before", type_=UtcTime()),
    signal.c.at <= _MORE.scalar_subquery(),
)


def are_old(conn: Connection, now: datetime) -> bool:
    """Whether there are signals that nobody needs, or more than are kept."""
    query = select(signal.c.at).where(_OLD).limit(ONE)
    return conn.execute(query, _bounds(now)).first() is not None


def drop_old(conn: Connection, now: datetime) -> None:
    """Drop them."""
    conn.execute(delete(signal).where(_OLD), _bounds(now))


def _bounds(now: datetime) -> dict[str, Any]:
    return {"before": now - KEPT, "most": MOST}
