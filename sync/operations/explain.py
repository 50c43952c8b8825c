"""Explain one visit or person: links, work, what it waits for, what was done last.

No remote is asked, and nothing is changed.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, or_, select

from sync.core.causes import table, waits
from sync.operations.lookup import aggregate_of, object_words
from sync.operations.report import Explanation, Line
from sync.runtime import Sync
from sync.store.lanes import Lane
from sync.store.schema import aggregate, attention, blocker, call, conflict, person, visit, work
from sync.store.tables import attendances, journal, links

LAST_CALLS: Final = 10
LAST_CONFLICTS: Final = 10


def explain(sync: Sync, kind: str, object_id: str) -> Explanation:
    """What this database holds of one thing; KIND and ID as for `resync`.

    Raises UnknownError (a LookupError) and SQLAlchemyError.
    """
    with sync.store.read() as conn:
        key = aggregate_of(conn, kind, object_id)
        its_kind = links.kind_of(conn, key) or ""
        objects = links.objects_of(conn, key)
        return Explanation(
            its_kind,
            key,
            _visit(conn, key) if its_kind == "visit" else _person(conn, key),
            {
                "objects": tuple(_object(one) for one in objects),
                "attendances": tuple(_attendances(conn, key, its_kind, sync.clock())),
                "work": tuple(_work(conn, key)),
                "waits_for": tuple(_blockers(conn, key)),
                "attention": tuple(_attention(conn, key)),
                "last_calls": tuple(_calls(conn, key, [one.id for one in objects])),
                "conflicts": tuple(_conflicts(conn, [one.id for one in objects])),
                "unexplained_deliveries": tuple(_deliveries(conn, key)),
            },
        )


def _visit(conn: Connection, key: int) -> Line:
    row = conn.execute(select(visit).where(visit.c.aggregate == key)).one()
    return Line.of(
        generation=row.generation,
        state=row.state,
        doctor=row.doctor,
        hold_until=row.hold_until,
        frozen_at=row.frozen_at,
        absorbed=_absorbed(conn, key),
    )


def _person(conn: Connection, key: int) -> Line:
    row = conn.execute(select(person).where(person.c.aggregate == key)).one()
    return Line.of(version=row.version, excluded=row.excluded, absorbed=_absorbed(conn, key))


def _absorbed(conn: Connection, key: int) -> list[int]:
    """The aggregates merged into this one: markers may still name them."""
    rows = conn.execute(select(aggregate.c.id).where(aggregate.c.merged_into == key))
    return sorted(rows.scalars())


def _object(one: links.Obj) -> Line:
    return Line.of(
        system=one.system,
        kind=one.kind,
        id=one.remote_id,
        state=one.state,
        has_marker=one.has_marker,
        generation=one.generation,
        seen_at=one.seen_at,
    )


def _attendances(conn: Connection, key: int, kind: str, now: datetime) -> Iterable[Line]:
    """All of a visit's; of a person's, those of open visits still to come."""
    if kind == "visit":
        listed = attendances.attendances(conn, key)
    else:
        listed = attendances.open_attendances_of_person(conn, key, now=now)
    for one in listed:
        yield Line.of(
            visit=one.visit,
            life=one.life,
            current=one.current,
            appointment=object_words(conn, one.appointment),
            participant=object_words(conn, one.participant),
            person=one.person,
        )


def _work(conn: Connection, key: int) -> Iterable[Line]:
    for row in conn.execute(select(work).where(work.c.aggregate == key)):
        hints = {"drchrono": row.hint_drchrono, "oncall": row.hint_oncall}
        yield Line.of(
            waiting=row.wanted > row.done,
            wanted=row.wanted,
            done=row.done,
            lane=Lane(row.lane).name.lower(),
            due=row.due,
            attempts=row.attempts,
            hinted=[system for system, hinted in hints.items() if hinted],
            held_by=row.lease_by,
            held_until=row.lease_until,
        )


def _blockers(conn: Connection, key: int) -> Iterable[Line]:
    rows = conn.execute(select(blocker).where(blocker.c.aggregate == key).order_by(blocker.c.since))
    for row in rows:
        yield Line.of(
            kind=row.kind,
            ref=row.ref,
            object=object_words(conn, row.object),
            since=row.since,
            sentence=waits.sentence(row.kind, row.ref),
        )


def _attention(conn: Connection, key: int) -> Iterable[Line]:
    rows = conn.execute(
        select(attention)
        .where(attention.c.aggregate == key, attention.c.closed_at.is_(None))
        .order_by(attention.c.id)
    )
    for row in rows:
        said = table.say(row.cause)
        yield Line.of(
            item=row.id,
            cause=row.cause,
            object=object_words(conn, row.object),
            candidates=row.candidates,
            opened_at=row.opened_at,
            sentence=said.sentence,
            press=said.press,
        )


def _calls(conn: Connection, key: int, objects: list[int]) -> Iterable[Line]:
    """The newest first; of a participant's, those that its person's run made too."""
    about: ColumnElement[bool] = or_(call.c.aggregate == key, call.c.object.in_(objects))
    rows = conn.execute(select(call).where(about).order_by(call.c.id.desc()).limit(LAST_CALLS))
    for row in rows:
        yield Line.of(
            at=row.at,
            system=row.system,
            method=row.method,
            endpoint=row.endpoint,
            status=row.status,
            state=row.state,
            effect=row.effect,
            fields=row.fields.split(",") if row.fields else [],
        )


def _conflicts(conn: Connection, objects: list[int]) -> Iterable[Line]:
    rows = conn.execute(
        select(conflict)
        .where(conflict.c.object.in_(objects))
        .order_by(conflict.c.id.desc())
        .limit(LAST_CONFLICTS)
    )
    for row in rows:
        yield Line.of(
            at=row.at, object=object_words(conn, row.object), field=row.field, how=row.how
        )


def _deliveries(conn: Connection, key: int) -> Iterable[Line]:
    for one in journal.unexplained(conn, key):
        yield Line.of(
            at=one.at, source=one.source, event=one.event, object=object_words(conn, one.object)
        )
