"""What no run may do before a person has said so: go live, pick one of several, meet the excluded.

A run that meets it parks; the decision raises it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sync.run.outcomes import ParkedError
from sync.store.schema import attendance, attention, installation, object_, person, visit
from sync.store.tables import blockers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.runtime import Sync

UNSURE = "visit_unsure"


def until_accepted(sync: Sync) -> None:
    """Raises ParkedError while going live was not accepted: nothing may be made."""
    with sync.store.read() as conn:
        at = conn.execute(select(installation.c.accepted_at)).scalar_one_or_none()
    if at is None:
        raise ParkedError("operator", "go-live", None)


def unsure(ids: tuple[str, ...], runs: Iterable[int]) -> ParkedError:
    """What to raise when a person is to say which of these visits it is.

    `runs` are the aggregates that hold them. The end of a run there may settle it: a visit that is
    gone, over, or another's is none of them any more.
    """
    also = tuple((blockers.RUN, str(one)) for one in runs)
    return ParkedError("operator", UNSURE, UNSURE, candidates=ids, also=also)


def of_visit(sync: Sync, key: int) -> None:
    """Raises ParkedError for a visit that may be one of several, or whose patients are excluded."""
    with sync.store.read() as conn:
        left = _candidates_left(conn, key) if is_unsure(conn, key) else ()
        if left:
            raise unsure((), left)
        patients = excluded_patients(conn, key)
    if patients:
        raise ParkedError("operator", f"excluded:{patients[0]}", None)


def _candidates_left(conn: Connection, key: int) -> tuple[int, ...]:
    """The aggregates of the candidates that may still be it; 0 for one that we know nothing of.

    One that is gone, over, or linked with another is none any more; without any left nothing is
    asked.
    """
    asked = select(attention.c.candidates).where(
        attention.c.aggregate == key,
        attention.c.cause == UNSURE,
        attention.c.closed_at.is_(None),
    )
    ids = {str(one) for listed in conn.execute(asked).scalars() for one in (listed or ())}
    if not ids:
        return (0,)
    rows = conn.execute(
        select(object_.c.remote_id, object_.c.aggregate, object_.c.state, visit.c.state.label("of"))
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(object_.c.kind == "appointment", object_.c.remote_id.in_(ids))
        .where(object_.c.aggregate != key)
    ).all()
    unknown = ids - {str(row.remote_id) for row in rows}
    open_ones = [row.aggregate for row in rows if row.state == "live" and row.of == "open"]
    left = [one for one in open_ones if not _is_linked(conn, one)]
    return (*([0] if unknown else []), *left)


def _is_linked(conn: Connection, key: int) -> bool:
    systems = select(object_.c.system).where(
        object_.c.aggregate == key,
        object_.c.kind == "appointment",
        object_.c.state == "live",
        object_.c.remote_id.is_not(None),
    )
    return len(set(conn.execute(systems).scalars())) > 1


def is_unsure(conn: Connection, key: int) -> bool:
    """Whether a person is still to say which visit of the other system this one is."""
    row = conn.execute(
        select(attention.c.id).where(
            attention.c.aggregate == key,
            attention.c.cause == UNSURE,
            attention.c.closed_at.is_(None),
        )
    )
    return row.first() is not None


def excluded_patients(conn: Connection, key: int) -> list[str]:
    """The ids of a visit's patients where every one of them is excluded, else none."""
    rows = conn.execute(
        select(person.c.excluded, object_.c.remote_id)
        .join(attendance, attendance.c.person == person.c.aggregate)
        .join(object_, object_.c.aggregate == person.c.aggregate)
        .where(attendance.c.visit == key, attendance.c.current, attendance.c.role == "patient")
        .where(object_.c.system == "drchrono", object_.c.kind == "patient")
        .order_by(object_.c.id)
    ).all()
    return [row.remote_id for row in rows] if rows and all(row.excluded for row in rows) else []


def is_excluded(conn: Connection, key: int) -> bool:
    """Whether nothing is written about this person any more."""
    return bool(
        conn.execute(select(person.c.excluded).where(person.c.aggregate == key)).scalar_one()
    )
