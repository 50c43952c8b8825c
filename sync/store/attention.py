"""Open, read and close what an operator is asked: one open item per aggregate, object and cause."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, not_, or_, select, update

from sync.store import upsert
from sync.store.schema import ONE, UtcTime, attention

# Told of an object's optional field; closed when a value went through, and by nothing else.
FIELD_REFUSED = "field_refused"
# Told of a participant or contact whose words can't go into the chart; closed when they can, or
# when the chart's go over them.
NOT_BROUGHT_BACK = "not_brought_back"


@dataclass(frozen=True, slots=True)
class Item:
    """One item; `aggregate` 0 is the whole service, `object` 0 none of its objects."""

    id: int
    aggregate: int
    object: int
    cause: str
    candidates: Any  # ids and field names only
    opened_at: datetime

    @property
    def named(self) -> tuple[str, ...]:
        """The ids or field names that it lists."""
        listed = [] if self.candidates is None else self.candidates
        return tuple(str(one) for one in (listed if isinstance(listed, list) else [listed]))


_ROW = tuple(attention.c[name] for name in Item.__slots__)
_OPEN = attention.c.closed_at.is_(None)


def open_item(
    conn: Connection,
    aggregate: int,
    cause: str,
    *,
    now: datetime,
    object_id: int = 0,
    candidates: Any = None,
) -> bool:
    """Tell an operator, once per (aggregate, object, cause); returns whether it was news."""
    made = conn.execute(
        upsert.insert(conn, attention)
        .values(
            aggregate=aggregate,
            object=object_id,
            cause=cause,
            candidates=candidates,
            opened_at=now,
        )
        .on_conflict_do_nothing()
        .returning(attention.c.id)
    )
    return made.first() is not None


def close_rest(
    conn: Connection,
    aggregate: int,
    now: datetime,
    *,
    keep: Iterable[str] = (),
    keep_about: Iterable[str] = (),
) -> None:
    """Close what is open about an aggregate, but for the causes that still hold.

    `keep_about`: those that still hold where they are about one of its objects.
    """
    about = (attention.c.object != 0) & attention.c.cause.in_(list(keep_about))
    conn.execute(
        update(attention)
        .where(
            attention.c.aggregate == aggregate,
            _OPEN,
            attention.c.cause.not_in([*keep, FIELD_REFUSED]),
            not_(about),
        )
        .values(closed_at=now)
    )


def is_open(conn: Connection, aggregate: int, cause: str) -> bool:
    """Whether something is open about one cause."""
    found = select(attention.c.id).where(
        attention.c.aggregate == aggregate,
        attention.c.cause == cause,
        _OPEN,
    )
    return conn.execute(found.limit(ONE)).first() is not None


_CLOSE_CAUSE = (
    update(attention)
    .where(attention.c.aggregate == bindparam("of"), attention.c.cause == bindparam("for"), _OPEN)
    .values(closed_at=bindparam("now", type_=UtcTime()))
)
_CLOSE_ABOUT = _CLOSE_CAUSE.where(attention.c.object == bindparam("about"))


def close_cause(
    conn: Connection, aggregate: int, cause: str, now: datetime, *, object_id: int | None = None
) -> bool:
    """Close what is open about one cause (`object_id`: about that object, 0: about none).

    Returns whether anything was.
    """
    told = {"of": aggregate, "for": cause, "now": now}
    if object_id is None:
        return conn.execute(_CLOSE_CAUSE, told).rowcount > 0
    return conn.execute(_CLOSE_ABOUT, {**told, "about": object_id}).rowcount > 0


def close_object(
    conn: Connection,
    aggregate: int | None,
    object_id: int,
    now: datetime,
    *,
    cause: str | None = None,
) -> None:
    """Close what is open about one object (of that aggregate), whatever its cause or for one."""
    chosen = [attention.c.object == object_id, _OPEN]
    chosen += [attention.c.aggregate == aggregate] if aggregate is not None else []
    chosen += [attention.c.cause == cause] if cause is not None else []
    conn.execute(update(attention).where(*chosen).values(closed_at=now))


# --- what is open ---------------------------------------------------------------------------------


def every_open(conn: Connection, cause: str | None = None) -> list[Item]:
    """Every open item, or those of one cause, oldest first."""
    query = select(*_ROW).where(_OPEN).order_by(attention.c.id)
    if cause is not None:
        query = query.where(attention.c.cause == cause)
    return [Item(*row) for row in conn.execute(query)]


def causes_of_the_whole(conn: Connection, more: Collection[str]) -> list[str]:
    """The causes of open items about the whole service, and those of `more` that are open."""
    wanted = or_(attention.c.aggregate == 0, attention.c.cause.in_(sorted(more)))
    return sorted(conn.execute(select(attention.c.cause).where(_OPEN, wanted).distinct()).scalars())


def of(conn: Connection, aggregate: int) -> list[Item]:
    """The open items about an aggregate, oldest first."""
    query = select(*_ROW).where(attention.c.aggregate == aggregate, _OPEN)
    return [Item(*row) for row in conn.execute(query.order_by(attention.c.id))]


def count_open(conn: Connection) -> int:
    """How many items are open."""
    counted: int = conn.execute(
        select(func.count()).select_from(attention).where(_OPEN)
    ).scalar_one()
    return counted


def get_open(conn: Connection, item: int) -> Item | None:
    """An open item by its number, or None."""
    row = conn.execute(select(*_ROW).where(attention.c.id == item, _OPEN)).first()
    return None if row is None else Item(*row)


def of_one(conn: Connection, aggregates: Collection[int], cause: str) -> Item | None:
    """The open item of a cause about one of these aggregates, or None."""
    query = select(*_ROW).where(attention.c.cause == cause, _OPEN)
    row = conn.execute(query.where(attention.c.aggregate.in_(aggregates)).limit(ONE)).first()
    return None if row is None else Item(*row)


def is_any_open(conn: Connection, aggregate: int, causes: Collection[str]) -> bool:
    """Whether something is open about an aggregate for one of these causes."""
    about = attention.c.aggregate == aggregate, attention.c.cause.in_(causes)
    return conn.execute(select(attention.c.id).where(*about, _OPEN).limit(ONE)).first() is not None


def named_in(conn: Connection, aggregate: int, cause: str) -> set[str]:
    """The ids that the open items of a cause about an aggregate list."""
    about = attention.c.aggregate == aggregate, attention.c.cause == cause
    listed = conn.execute(select(attention.c.candidates).where(*about, _OPEN)).scalars()
    return {str(one) for ids in listed for one in ids or ()}


def aggregates_with(
    conn: Connection, causes: Collection[str], among: Collection[int] | None = None
) -> list[int]:
    """The aggregates (of `among`) that an item of one of these causes is open about."""
    query = select(attention.c.aggregate).where(attention.c.cause.in_(causes), _OPEN)
    if among is not None:
        query = query.where(attention.c.aggregate.in_(among))
    return list(conn.execute(query).scalars())


def list_anew(conn: Connection, item: int, candidates: Collection[str]) -> None:
    """Have an item list these ids."""
    these = update(attention).where(attention.c.id == item)
    conn.execute(these.values(candidates=list(candidates)))


def list_more(
    conn: Connection, aggregate: int, cause: str, object_id: int, names: Collection[str]
) -> None:
    """Have the open item of a cause about an object list these too."""
    about = attention.c.aggregate == aggregate, attention.c.object == object_id
    mine = (*about, attention.c.cause == cause, _OPEN)
    before = conn.execute(select(attention.c.candidates).where(*mine)).scalar_one()
    listed = sorted({*(before or []), *names})
    conn.execute(update(attention).where(*mine).values(candidates=listed))


def list_open_anew(
    conn: Connection, aggregate: int, cause: str, candidates: Collection[str]
) -> None:
    """Have the open items of a cause about an aggregate list these."""
    about = attention.c.aggregate == aggregate, attention.c.cause == cause
    conn.execute(update(attention).where(*about, _OPEN).values(candidates=list(candidates)))


def close(conn: Connection, item: int, now: datetime) -> Item | None:
    """Close an open item; returns it, or None when no such item was open."""
    closed = conn.execute(
        update(attention)
        .where(attention.c.id == item, _OPEN)
        .values(closed_at=now)
        .returning(*_ROW)
    ).first()
    return None if closed is None else Item(*closed)


def close_about(
    conn: Connection,
    aggregate: int,
    now: datetime,
    *,
    keep: Collection[str],
    objects: Collection[int],
) -> None:
    """Close what is open about these objects of an aggregate (0: about none), but some causes."""
    about = attention.c.aggregate == aggregate, attention.c.object.in_(objects)
    closing = update(attention).where(*about, _OPEN, attention.c.cause.not_in(keep))
    conn.execute(closing.values(closed_at=now))


def was_told(conn: Connection, aggregate: int, object_id: int) -> bool:
    """Whether anything was ever told about one object of an aggregate."""
    told = select(attention.c.id).where(
        attention.c.aggregate == aggregate, attention.c.object == object_id
    )
    return conn.execute(told.limit(ONE)).first() is not None


def told_objects(conn: Connection, aggregate: int, cause: str) -> set[int]:
    """The objects of an aggregate about which a cause was ever told."""
    told = select(attention.c.object).where(
        attention.c.aggregate == aggregate, attention.c.cause == cause
    )
    return set(conn.execute(told).scalars())


def close_every(conn: Connection, cause: str, now: datetime) -> None:
    """Close every open item of a cause."""
    conn.execute(update(attention).where(attention.c.cause == cause, _OPEN).values(closed_at=now))
