"""Write deeds into the audit, in the transaction of the deed: no row, no deed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, func, insert, select

from sync.core.actor import Actor
from sync.store.schema import ONE, audit
from sync.store.trail.acting import somebody
from sync.store.trail.seal import ChainKeys, mac

_TURN: Final = 0x0D2C0CA12  # any number that no other application of this database takes
_ID: Final = re.compile(r"[0-9A-Za-z_.:@+-]{1,80}")
_WORD: Final = re.compile(r"[0-9A-Za-z_. -]{0,64}")
_MOST: Final = {"subjects": 400, "fields": 200}


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did: to what (kind and id), names of fields, and how it ended.

    Ids, names of fields and words of ours only (docs/architecture.md, invariant 5); what can't be
    an id is left out.
    """

    action: str
    subjects: tuple[tuple[str, object], ...] = ()
    fields: tuple[str, ...] = ()
    outcome: str = "done"

    def __post_init__(self) -> None:
        """Refuse what could be anything but words. Raises ValueError that repeats none."""
        if not all(map(_WORD.fullmatch, (self.action, self.outcome, *self.fields))):
            raise ValueError("the audit holds words and names of fields only")


@dataclass(frozen=True, slots=True)
class Chain:
    """What a process writes its deeds with: its keys, and who does what nobody else does."""

    keys: ChainKeys
    itself: Actor


@dataclass(slots=True)
class _Open:
    """What was noted in a transaction."""

    itself: Actor
    deeds: list[tuple[Deed, Actor, datetime]]


# By connection, as long as its transaction lasts.
_open: WeakKeyDictionary[Connection, _Open] = WeakKeyDictionary()


def note(conn: Connection, deed: Deed, now: datetime) -> None:
    """Have a deed written when this transaction ends, or not at all when it fails.

    It is whoever's that acts now (`acting`). Raises LookupError outside a writing transaction of a
    `Store` that has a chain.
    """
    opened = _open[conn]
    opened.deeds.append((deed, somebody() or opened.itself, now))


def whose(conn: Connection) -> str:
    """The name of whoever acts in this writing transaction. Raises LookupError as `note`."""
    return (somebody() or _open[conn].itself).name


@contextmanager
def kept(conn: Connection, chain: Chain | None) -> Iterator[None]:
    """Write what is noted in this block when it ends well: the very last of its transaction.

    The chain has one end, so who writes waits for who writes before. Taken last, that lock is
    never held by somebody who waits for another.
    """
    if chain is None:
        yield
        return
    opened = _open[conn] = _Open(chain.itself, [])
    try:
        yield
    finally:
        del _open[conn]
    if opened.deeds:
        _write(conn, chain.keys, opened.deeds)


LAST = select(audit.c.seq, audit.c.mac).order_by(audit.c.seq.desc()).limit(ONE)
_ADD = insert(audit)


def _write(conn: Connection, keys: ChainKeys, noted: list[tuple[Deed, Actor, datetime]]) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_TURN)))
    last = conn.execute(LAST).first()
    seq, previous = (0, "") if last is None else (last.seq, last.mac)
    rows = []
    for deed, actor, now in noted:
        seq += 1
        row = {"seq": seq, "at": now, "key_id": keys.key_id, "previous": previous}
        row |= _told(deed, actor)
        previous = row["mac"] = mac(keys, row)
        rows.append(row)
    conn.execute(_ADD, rows)


def _told(deed: Deed, actor: Actor) -> dict[str, str]:
    return {
        "kind": actor.kind,
        "actor": actor.name,
        "door": actor.door,
        "action": deed.action,
        "subjects": _joined(" ", tuple(map(_named, deed.subjects)), _MOST["subjects"]),
        "fields": _joined(",", deed.fields, _MOST["fields"]),
        "outcome": deed.outcome,
        "request": actor.request,
    }


def _named(subject: tuple[str, object]) -> str:
    kind, identity = subject
    return f"{kind}:{identity if _ID.fullmatch(str(identity)) else '-'}"


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
