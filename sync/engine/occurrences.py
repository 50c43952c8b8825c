"""An occurrence of a series is one visit, under whatever id it stands: virtual first, then real.

A virtual occurrence's id (`<date>_<series>`) ends when it becomes an appointment of its own. It is
found again by `recurrence_instance_key`, which not every account has; else by series and day, else
by what we know of it.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update

from sync.core.merge import Seen
from sync.core.records import Absent
from sync.drchrono import translate as drchrono
from sync.engine.seen import compare
from sync.store import baselines, links, upsert
from sync.store.schema import object_, object_alias, visit

if TYPE_CHECKING:
    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.engine.context import Sync
    from sync.outbound.gate import Ticket
    from sync.store.links import Obj

KNOWN_BY = ("starts", "patient", "provider")
# A baseline under a key that we don't have says nothing against it.
KNOWN = frozenset({Seen.SAME, Seen.OURS, Seen.UNKNOWN})
# `since` is a date in an undecided zone (API v4, facts): a day more, and one for the overlap.
OVERLAP = timedelta(days=2)


def is_far(sync: Sync, shown: Visit) -> bool:
    """Whether an occurrence that is still virtual is too far ahead to be followed at all."""
    ahead = sync.clock() + timedelta(days=sync.settings.occurrence_days)
    if not isinstance(shown.starts, Absent):
        return shown.virtual and shown.starts > ahead
    # While its doctor's zone is unknown its day says enough.
    day = shown.remote_id.partition("_")[0]
    return shown.virtual and day > (ahead + timedelta(days=1)).date().isoformat()


def note(conn: Connection, key: int, shown: Visit | None) -> None:
    """Remember which occurrence a new visit is; the first that claims a key has it."""
    if shown is None or shown.occurrence_key is None:
        return
    taken = select(visit.c.aggregate).where(visit.c.occurrence_key == shown.occurrence_key)
    if conn.execute(taken).first() is None:
        conn.execute(
            update(visit)
            .where(visit.c.aggregate == key)
            .values(occurrence_key=shown.occurrence_key)
        )


def known_as(conn: Connection, sync: Sync, shown: Visit | None, json: Json) -> Obj | None:
    """The virtual occurrence that this new appointment was, which is known by its id from now on.

    None when it never was one that we know.
    """
    if shown is None or shown.occurrence_key is None or shown.virtual:
        return None
    series = shown.occurrence_key.rpartition("_")[0]
    rows = conn.execute(
        select(object_, visit.c.occurrence_key)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(
            object_.c.system == "drchrono",
            object_.c.kind == "appointment",
            object_.c.state == "live",
            object_.c.remote_id.like(f"%\\_{series}", escape="\\"),
        )
    ).mappings()
    found = [(links.get(conn, row["id"]), row["occurrence_key"]) for row in rows]
    same = [one for one, key in found if key == shown.occurrence_key]
    same = same or [one for one, _key in found if _looks_like(conn, sync, one, json)]
    if len(same) != 1:
        return None
    return _rename(conn, same[0], shown.remote_id)


def _looks_like(conn: Connection, sync: Sync, one: Obj, json: Json) -> bool:
    """Whether it stands as we know that occurrence to: it was our write that made it real.

    Its webhook may be here before our write's own answer, so what is on its way counts too.
    """
    wire = drchrono.wire("appointment", json)
    told = {name: wire[name] for name in KNOWN_BY if name in wire}
    stored = baselines.stored_fields(conn, [one.id])
    seen = compare(sync.digests, one.id, told, stored)
    return len(seen) == len(KNOWN_BY) and KNOWN.issuperset(seen.values())


def _rename(conn: Connection, one: Obj, remote_id: str) -> Obj:
    alias = upsert.insert(conn, object_alias).values(
        system=one.system, kind=one.kind, remote_id=one.remote_id, object=one.id
    )
    conn.execute(alias.on_conflict_do_nothing())
    links.change(conn, one.id, remote_id=remote_id, marked=False, mark=None)
    return links.get(conn, one.id)


def look_for_real(sync: Sync, ticket: Ticket, gone: Obj) -> Obj | None:
    """Where a virtual occurrence that can't be read went: the row under its new id, or None.

    Its own day is looked at first, then what was changed since it was last seen.
    """
    day, _, _series = str(gone.remote_id).partition("_")
    since = ((gone.seen_at or gone.created_at) - OVERLAP).date().isoformat()
    pages = chain(
        sync.drchrono.list_appointments(ticket, date=day),
        sync.drchrono.list_appointments(ticket, since=since),
    )
    for page in pages:
        with sync.store.write() as conn:
            for json in page.results:
                shown = drchrono.to_visit(json, sync.mapping)
                if links.find(conn, "drchrono", "appointment", shown.remote_id) is None:
                    found = known_as(conn, sync, shown, json)
                    if found is not None and found.id == gone.id:
                        return found
    return None
