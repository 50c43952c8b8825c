"""Look at each line of a list; one that can't be read is told and stops no other."""

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from sqlalchemy import Connection

from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.intake.sightings import Receipt
from sync.oncall import newest
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.tables import facts

CAUSE = "malformed_record"
LookAtLine: TypeAlias = Callable[[Connection, Sync, dict[str, Json]], Receipt]


def each(
    conn: Connection, sync: Sync, kind: str, records: Iterable[dict[str, Json]], look: LookAtLine
) -> list[Ring]:
    """Look at each record of a list of one kind; returns whom to ring for.

    One that can't be read is remembered by its id: when each of them was read in some list, the
    item that tells of it ends.
    """
    rings, odd = list[Ring](), facts.malformed(conn)
    readable = set[str]()
    for json in records:
        name = unreadable(kind, json)
        try:
            rings += look(conn, sync, json).rings
        except MalformedError as error:
            facts.put(conn, name, error.field, sync.clock())
            attention.open_item(conn, 0, CAUSE, now=sync.clock(), candidates=[error.field])
            continue
        readable |= {name} & odd
    for name in readable:
        facts.forget(conn, name)
    if readable and not facts.malformed(conn):
        attention.close_cause(conn, 0, CAUSE, sync.clock())
    return rings


def unreadable(kind: str, json: dict[str, Json]) -> str:
    """The fact that this record of a kind can't be read; ids are all that is kept of it."""
    named = newest.record_id(json) or json.get("id")
    known = str(named) if re.fullmatch(r"[0-9_-]{1,30}", str(named)) else ""
    return f"{facts.MALFORMED}{kind}:{known}"
