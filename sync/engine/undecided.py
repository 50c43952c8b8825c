"""What no run may do before a person has said so: go live, pick one of several, meet the excluded.

A run that meets it parks; the decision raises it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sync.engine.outcomes import ParkedError
from sync.store.schema import attendance, attention, installation, object_, person

if TYPE_CHECKING:
    from sync.engine.context import Sync

UNSURE = "visit_unsure"


def until_accepted(sync: Sync) -> None:
    """Raises ParkedError while going live was not accepted: nothing may be made."""
    with sync.store.read() as conn:
        at = conn.execute(select(installation.c.accepted_at)).scalar_one_or_none()
    if at is None:
        raise ParkedError("operator", "go-live", None)


def of_visit(sync: Sync, key: int) -> None:
    """Raises ParkedError for a visit that may be one of several, or whose patients are excluded."""
    with sync.store.read() as conn:
        if is_unsure(conn, key):
            raise ParkedError("operator", UNSURE, UNSURE)
        patients = excluded_patients(conn, key)
    if patients:
        raise ParkedError("operator", f"excluded:{patients[0]}", None)


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
