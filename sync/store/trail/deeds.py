"""Write deeds into the audit, in the transaction of the deed: no row, no deed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, func, insert, select

from sync.core.actor import Actor
from sync.store.schema import audit
from sync.store.trail.seal import Keys, mac

_TURN: Final = 0x0D2C0CA12  # any number that no other application of this database takes
_SUBJECT: Final = re.compile(r"[a-z][a-z_-]{0,29}:[0-9A-Za-z_.:@+-]{1,80}")
_WORD: Final = re.compile(r"[0-9A-Za-z_. -]{0,64}")
_MOST: Final = {"subjects": 400, "fields": 200}


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did: `subjects` as `kind:id`, names of fields, and how it ended.

    Ids, names of fields and words of ours only (docs/architecture.md, invariant 5).
    """

    by: Actor
    action: str
    subjects: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    outcome: str = "done"

    def __post_init__(self) -> None:
        """Refuse what could be anything but ids and words. Raises ValueError that repeats none."""
        if not all(_SUBJECT.fullmatch(one) for one in self.subjects):
            raise ValueError("a subject of the audit is `kind:id`")
        if not all(map(_WORD.fullmatch, (self.action, self.outcome, *self.fields))):
            raise ValueError("the audit holds words and names of fields only")


Noted = list[tuple[Deed, datetime]]
# By connection, as long as its transaction lasts.
_noted: WeakKeyDictionary[Connection, Noted] = WeakKeyDictionary()


def note(conn: Connection, deed: Deed, now: datetime) -> None:
    """Have a deed written when this transaction ends, or not at all when it fails.

    Raises LookupError outside a writing transaction of a `Store` that has keys.
    """
    _noted[conn].append((deed, now))


@contextmanager
def kept(conn: Connection, keys: Keys | None) -> Iterator[None]:
    """Write what is noted in this block when it ends well: the very last of its transaction.

    The chain has one end, so who writes waits for who writes before. Taken last, that lock is
    never held by somebody who waits for another.
    """
    if keys is None:
        yield
        return
    noted: Noted = []
    _noted[conn] = noted
    try:
        yield
    finally:
        del _noted[conn]
    if noted:
        _write(conn, keys, noted)


_LAST = select(audit.c.seq, audit.c.mac).order_by(audit.c.seq.desc()).limit(1)
_ADD = insert(audit)


def _write(conn: Connection, keys: Keys, noted: Noted) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_TURN)))
    last = conn.execute(_LAST).first()
    seq, previous = (0, "") if last is None else (last.seq, last.mac)
    rows = []
    for deed, now in noted:
        seq += 1
        row = _row(deed, now, seq, previous, keys.key_id)
        previous = row["mac"] = mac(keys, row)
        rows.append(row)
    conn.execute(_ADD, rows)


def _row(deed: Deed, now: datetime, seq: int, previous: str, key_id: str) -> dict[str, Any]:
    return {
        "seq": seq,
        "at": now,
        "kind": deed.by.kind,
        "actor": deed.by.name,
        "door": deed.by.door,
        "action": deed.action,
        "subjects": _joined(" ", deed.subjects, _MOST["subjects"]),
        "fields": _joined(",", deed.fields, _MOST["fields"]),
        "outcome": deed.outcome,
        "request": deed.by.request,
        "key_id": key_id,
        "previous": previous,
    }


def _joined(by: str, parts: tuple[str, ...], most: int) -> str:
    """As many as there is room for, and how many more there were."""
    whole = by.join(parts)
    if len(whole) <= most:
        return whole
    taken: list[str] = []
    for at, part in enumerate(parts):
        more = f"{by}and:{len(parts) - at}"
        if len(by.join([*taken, part])) + len(more) + 4 > most:
            return by.join(taken) + more
        taken.append(part)
    return whole[:most]
