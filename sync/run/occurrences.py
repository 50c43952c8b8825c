"""Follow an occurrence of a series through its ids: virtual first, then real.

A virtual occurrence's id (`<date>_<series>`) ends when it becomes an appointment of its own, or
when its series is split and it belongs to another base. It is found again by
`recurrence_instance_key`, which not every account has; else by series and day, else by what we know
of it.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING

from sync.core.records import Absent
from sync.core.rules.merge import Seen
from sync.drchrono import translate as drchrono
from sync.run.changes import compare
from sync.store import objects
from sync.store.tables import baselines, links
from sync.store.visits import occurrences

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.outbound.gate import Ticket
    from sync.runtime import Sync
    from sync.store.tables.links import Obj
    from sync.store.visits.occurrences import Keyed

KNOWN_BY = ("starts", "patient", "provider")
# A baseline under a key that we don't have says nothing against it.
KNOWN = frozenset({Seen.SAME, Seen.OURS, Seen.UNKNOWN})
# `since` is a date in no known zone (docs/api-facts.md, D27): a day more, and one for the overlap.
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
    if shown is not None and shown.occurrence_key is not None:
        occurrences.note(conn, key, shown.occurrence_key)


def is_one(shown: Visit) -> bool:
    """Whether what is shown is an occurrence of a series."""
    return shown.occurrence_key is not None and not shown.virtual_base


def known_as(conn: Connection, sync: Sync, shown: Visit | None, json: Json) -> Obj | None:
    """The occurrence that this new id stands for, which is known by it from now on.

    `json` was read from DrChrono: a webhook's body renames nothing. DrChrono's own key says it
    through every change of the id; else a real one is found by series and day, or by what we know
    of it, and a virtual one of a series that was split off by that alone. None when it never was
    one that we know.
    """
    if shown is None or not is_one(shown):
        return None
    held = _by_own_key(conn, shown)
    if held is None:
        found = _of_the_day(conn, shown) if shown.virtual else _of_the_series(conn, shown)
        same = [one for one, key in found if key == shown.occurrence_key and not shown.virtual]
        same = same or [one for one, _key in found if _looks_like(conn, sync, one, json)]
        held = same[0] if len(same) == 1 else None
    return None if held is None else objects.rename(conn, held, shown.remote_id)


def _by_own_key(conn: Connection, shown: Visit) -> Obj | None:
    """The occurrence that has this key, where DrChrono itself tells it; a clone is another visit.

    A group visit holds several appointments: the key's series says which one, else nothing does.
    """
    if not shown.keyed or shown.cloned_from:
        return None
    found = occurrences.with_key(conn, str(shown.occurrence_key))
    series = str(shown.occurrence_key).rpartition("_")[0]
    own = [one for one, _ in found if str(one.remote_id).endswith(f"_{series}")]
    whole = [one for one, _ in found]
    return own[0] if len(own) == 1 and len(whole) > 1 else whole[0] if len(whole) == 1 else None


def _of_the_series(conn: Connection, shown: Visit) -> list[Keyed]:
    return occurrences.virtual_of_series(conn, str(shown.occurrence_key).rpartition("_")[0])


def _of_the_day(conn: Connection, shown: Visit) -> list[Keyed]:
    """The virtual occurrences of other series on the day of a virtual one without a key."""
    if shown.keyed:
        return []
    return occurrences.virtual_of_day(conn, shown.remote_id.partition("_")[0])


def of_series(conn: Connection, series: str) -> list[Obj]:
    """The occurrences of a series that we know and that are not over, virtual and real."""
    return occurrences.open_of_series(conn, series)


def _looks_like(conn: Connection, sync: Sync, one: Obj, json: Json) -> bool:
    """Whether it stands as we know that occurrence to: it was our write that made it real.

    Its webhook may be here before our write's own answer, so what is on its way counts too.
    """
    wire = drchrono.wire("appointment", json)
    told = {name: wire[name] for name in KNOWN_BY if name in wire}
    stored = baselines.stored_fields(conn, [one.id])
    seen = compare(sync.digests, one.id, told, stored)
    return len(seen) == len(KNOWN_BY) and KNOWN.issuperset(seen.values())


def changed_base(
    conn: Connection, sync: Sync, base: Obj | None, shown: Visit, json: Json
) -> Obj | None:
    """A series' base that a list shows other than it was read; its run looks what occurs then.

    One that nothing is settled of is settled as it is shown: the lists show what occurs too.
    """
    if base is None:
        base = links.first_sight(conn, "drchrono", "appointment", shown.remote_id, now=sync.clock())
        links.change(conn, base.id, state="skipped")
    elif base.state != "skipped":
        return None
    if baselines.stored_fields(conn, [base.id]):
        return base
    digests = sync.digests.fields(base.id, drchrono.wire("appointment", json))
    baselines.settle(conn, base.id, digests, sync.digests.key_id, zone=shown.zone)
    return None


def look_for_real(sync: Sync, ticket: Ticket, gone: Obj) -> Obj | None:
    """Where an occurrence that can't be read went: the row under its new id, or None.

    Its own day is looked at first, then what was changed since it was last seen. None at once for
    what is no occurrence.
    """
    day = _day_of(sync, gone)
    if day is None:
        return None
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


def _day_of(sync: Sync, one: Obj) -> str | None:
    """The day on which an occurrence was planned, ISO; None for what is none."""
    day, _, series = str(one.remote_id).partition("_")
    if series:
        return day
    with sync.store.read() as conn:
        key = occurrences.key_of(conn, one.aggregate)
    planned = (key or "").rpartition("_")[2]
    return f"{planned[:4]}-{planned[4:6]}-{planned[6:]}" if len(planned) == 8 else None
