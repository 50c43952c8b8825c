"""Find the rows of patients, and of the creates that may have made one."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, select

from sync.store.schema import object_

_PATIENT = object_.c.system == "drchrono", object_.c.kind == "patient"
_THERE = object_.c.state == "live", object_.c.remote_id.is_not(None)


def of_people(conn: Connection, people: Collection[int]) -> list[tuple[int, str]]:
    """Person and id of the patients of these people that are there, as far as we know."""
    rows = conn.execute(
        select(object_.c.aggregate, object_.c.remote_id)
        .where(object_.c.aggregate.in_(people), *_PATIENT, *_THERE)
        .order_by(object_.c.id)
    )
    return [(row.aggregate, row.remote_id) for row in rows]


def count(conn: Connection) -> int:
    """How many patients are there, as far as we know."""
    rows = select(func.count()).select_from(object_).where(*_PATIENT, *_THERE)
    return int(conn.execute(rows).scalar_one())


def people_of(conn: Connection, ids: Collection[str]) -> list[int]:
    """The people of these patients."""
    rows = conn.execute(select(object_.c.aggregate).where(*_PATIENT, object_.c.remote_id.in_(ids)))
    return list(rows.scalars())


def without_contact(conn: Connection) -> list[int]:
    """The people who have a patient and no contact."""
    contact = object_.alias()
    known = select(contact.c.id).where(
        contact.c.aggregate == object_.c.aggregate, contact.c.kind == "contact"
    )
    rows = conn.execute(select(object_.c.aggregate).where(*_PATIENT, *_THERE, ~known.exists()))
    return list(rows.scalars())


def heard_of_since(conn: Connection, since: datetime, most: int) -> list[str]:
    """The ids of up to `most` patients, not made by us, that we first heard of since a time."""
    heard = (
        select(object_.c.remote_id)
        .where(*_PATIENT, *_THERE)
        .where(object_.c.made_by_us.is_(False), object_.c.created_at >= since)
        .order_by(object_.c.id)
        .limit(most)
    )
    return [str(one) for one in conn.execute(heard).scalars()]


def live_of(conn: Connection, person: int) -> list[str | None]:
    """The ids of a person's patients that are there or being looked for."""
    rows = conn.execute(
        select(object_.c.remote_id)
        .where(object_.c.aggregate == person, *_PATIENT, object_.c.state == "live")
        .order_by(object_.c.id)
    )
    return list(rows.scalars())
