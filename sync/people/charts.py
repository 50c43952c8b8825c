"""Read a chart or contact as it may be carried: without impossible values, which are told once.

What is left out is neither written over there nor a trait by which people are told apart, and what
stands there stays. It is carried when staff have put it right; then it is told no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.records import Absent, Person, present
from sync.core.rules import people, plausible
from sync.core.rules.merge import Seen
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.run.changes import compare
from sync.store import attention
from sync.store.lanes import Hints
from sync.store.tables import baselines, links, person_index, told, work

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.wording import Json
    from sync.runtime import Sync

ODD_BIRTH_DATE = "birth_date_implausible"


def read(sync: Sync, json: dict[str, Json]) -> Person:
    """The person in a patient of any shape, as may be carried. Raises MalformedError."""
    return carried(sync, drchrono.to_person(json, sync.mapping.addresses))


def contact(sync: Sync, json: dict[str, Json]) -> Person:
    """The person in a contact of any shape, as may be carried. Raises MalformedError."""
    return carried(sync, oncall.to_person(json, sync.mapping.addresses))


def said(who: Person, name: str) -> object:
    """What a field says: nothing, where it holds what can't be a value."""
    return None if name in who.odd else getattr(who, name)


def carried(sync: Sync, shown: Person) -> Person:
    """The person without what can't be a value today."""
    return plausible.sure(shown, sync.clock().date())


def tell(conn: Connection, sync: Sync, key: int, chart: Person, *, stands: bool = True) -> None:
    """Tell of what was left out of a person's chart, until the chart says what can be.

    `stands`: something that was told about them may still stand.
    What a contact said (`tell_contact`) stands until the chart itself has a date.
    """
    now = sync.clock()
    if chart.odd:
        attention.open_item(conn, key, ODD_BIRTH_DATE, now=now, candidates=list(chart.odd))
    elif not stands:
        return
    elif present(chart.birth_date, None) is not None:
        attention.close_cause(conn, key, ODD_BIRTH_DATE, now)
    elif not isinstance(chart.birth_date, Absent):
        attention.close_cause(conn, key, ODD_BIRTH_DATE, now, object_id=0)


def tell_contact(
    conn: Connection, sync: Sync, key: int, shown: Person | None, chart: Person
) -> None:
    """Tell of what a chart that was made of a contact lacks, as the contact's can't be one."""
    if shown is None or not carried(sync, shown).odd or present(chart.birth_date, None):
        return
    row = links.patient_row(conn, key)
    if row is not None:
        attention.open_item(
            conn,
            key,
            ODD_BIRTH_DATE,
            now=sync.clock(),
            object_id=row.id,
            candidates=["birth_date"],
        )


def note(
    conn: Connection, sync: Sync, obj: links.Obj, json: dict[str, Json], shown: Person
) -> None:
    """Index who a patient is; settle them at the first meeting, raise their hub when they changed.

    `json` is the chart as it was read, of any shape, `shown` the person in it.
    """
    now, wire = sync.clock(), drchrono.wire("patient", json)
    stored = baselines.stored_fields(conn, [obj.id])
    seen = compare(sync.digests, obj.id, wire, stored)
    person_index.remember(conn, sync.digests, obj.aggregate, people.known_by(shown))
    if all(one is Seen.NEW for one in seen.values()):
        baselines.settle(conn, obj.id, sync.digests.fields(obj.id, wire), sync.digests.key_id)
    elif any(one in {Seen.CHANGED, Seen.NEW} for one in seen.values()):
        work.raise_(conn, obj.aggregate, now=now, hints=Hints.of("drchrono"))
    links.change(conn, obj.id, seen_at=now, revision=shown.revision, told=False)
    told.settled(conn, "drchrono", "patient", shown.remote_id)
