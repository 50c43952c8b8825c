"""Read each kind of event of one visit or person, newest first, below a place in their one order.

Events of one time are ordered by their stream's rank, then by number: so a page ends anywhere and
the next goes on there. Each stream reads as many rows as a page has, along an index.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    cast,
    false,
    func,
    or_,
    select,
    type_coerce,
    union_all,
)

from sync.core.answers.endpoints import REPEATABLE
from sync.store.history.subject import Subject
from sync.store.schema import (
    attention,
    audit,
    audit_subject,
    call,
    conflict,
    decision,
    delivery,
)

RANKS: Final = (
    *("answered", "closed", "opened", "conflict", "written", "written_for", "read", "came"),
    *("parked", "linked"),
)
# Who pairs names OnCall's visit `visit`; elsewhere that is one of our own.
_OF_BOTH: Final = ("pair", "unlink")


class Point(NamedTuple):
    """A place in the order of all events: time, rank of the stream, number."""

    at: datetime
    rank: int
    number: int


class Row(NamedTuple):
    """One event as it is stored."""

    stream: str
    point: Point
    told: Mapping[str, Any]


class Deeds(NamedTuple):
    """Which deeds are asked for: writes, others, and of those not these actions."""

    writes: bool = True
    others: bool = True
    but: tuple[str, ...] = ()

    @property
    def condition(self) -> ColumnElement[bool]:
        """As a condition on the audit."""
        is_write = audit.c.action == "write"
        wanted = or_(
            and_(is_write, _IS_NO_CALL) if self.writes else false(),
            ~is_write if self.others else false(),
        )
        return and_(wanted, audit.c.action.not_in(self.but)) if self.but else wanted


_EVERY_DEED: Final = Deeds()


def rank(stream: str) -> int:
    """A stream's place among events of one time: the lower is the newer."""
    return RANKS.index(stream)


def _after(
    at: ColumnElement[Any], number: ColumnElement[int], stream: str, after: Point | None
) -> ColumnElement[bool]:
    """Whether a row of a stream comes after a point, newest first."""
    if after is None:
        return at.is_not(None)
    mine = rank(stream)
    if mine < after.rank:
        return at < after.at
    if mine > after.rank:
        return at <= after.at
    return and_(at <= after.at, or_(at < after.at, and_(at == after.at, number < after.number)))


def read(
    conn: Connection,
    subject: Subject,
    stream: str,
    after: Point | None,
    most: int,
    deeds: Deeds = _EVERY_DEED,
) -> list[Row]:
    """At most so many events of a stream below a point; `parked` and `linked` are none of these."""
    query, at, number = _QUERIES[stream](subject)
    if stream == "answered":
        query = query.where(deeds.condition)
    rows = conn.execute(
        query.where(_after(at, number, stream, after))
        .order_by(at.desc(), number.desc())
        .limit(most)
    ).mappings()
    mine = rank(stream)
    return [
        Row(stream, Point(row["point_at"], mine, row["point_number"]), dict(row)) for row in rows
    ]


_Query = tuple[Select[Any], ColumnElement[Any], ColumnElement[int]]


def _pointed(columns: Iterable[Any], at: Any, number: Any) -> _Query:
    return select(*columns, at.label("point_at"), number.label("point_number")), at, number


# --- what came ------------------------------------------------------------------------------------


def _deliveries(subject: Subject) -> _Query:
    """Each with what the delivery before it said of the same object."""

    def before_it(column: Any) -> Any:
        order = (delivery.c.at, delivery.c.id)
        told = func.lag(column).over(partition_by=delivery.c.object, order_by=order)
        return type_coerce(told, column.type)

    before, key = before_it(delivery.c.digests), before_it(delivery.c.key_id)
    rows = (
        select(delivery, before.label("digests_before"), key.label("key_id_before"))
        .where(delivery.c.object.in_(subject.objects))
        .subquery()
    )
    return _pointed(rows.c, rows.c.at, rows.c.id)


# --- what was read and written --------------------------------------------------------------------

_READS = or_(call.c.method.in_(("GET", "HEAD")), call.c.endpoint.in_(REPEATABLE))


def _calls(*wanted: ColumnElement[bool]) -> _Query:
    query, at, number = _pointed(call.c, call.c.at, call.c.id)
    return query.where(*wanted), at, number


def _reads(subject: Subject) -> _Query:
    return _calls(call.c.aggregate.in_(subject.keys), _READS)


def _writes(subject: Subject) -> _Query:
    return _calls(call.c.aggregate.in_(subject.keys), ~_READS)


def _writes_for(subject: Subject) -> _Query:
    """Those that another run made: a person's, into their visits' participants."""
    others = or_(call.c.aggregate.is_(None), call.c.aggregate.not_in(subject.keys))
    return _calls(call.c.object.in_(subject.objects), others, ~_READS)


def _conflicts(subject: Subject) -> _Query:
    query, at, number = _pointed(conflict.c, conflict.c.at, conflict.c.id)
    return query.where(conflict.c.object.in_(subject.objects)), at, number


# --- what was asked, and what people did ----------------------------------------------------------


def _opened(subject: Subject) -> _Query:
    query, at, number = _pointed(attention.c, attention.c.opened_at, attention.c.id)
    return query.where(attention.c.aggregate.in_(subject.keys)), at, number


def _closed(subject: Subject) -> _Query:
    query, at, number = _pointed(attention.c, attention.c.closed_at, attention.c.id)
    return query.where(attention.c.aggregate.in_(subject.keys)), at, number


def _deeds(subject: Subject) -> _Query:
    """What somebody did to it; of writes those alone whose call is not kept any more.

    A call and the deed of its write bear one time, and calls go by their time: what is older than
    the oldest that is left is gone.
    """
    numbers = union_all(*_naming(subject))
    query, at, number = _pointed(audit.c, audit.c.at, audit.c.seq)
    return (
        query.where(audit.c.seq.in_(numbers)),
        at,
        number,
    )


def _naming(subject: Subject) -> Iterator[Select[Any]]:
    """The numbers of the deeds that name it; each by itself, so that each goes along the index."""
    of, numbers = audit_subject.c, select(audit_subject.c.seq)
    keys = [str(key) for key in subject.keys]
    visits = subject.visits_of_oncall()
    named = [one for one in subject.named() if one[0] != "visit"]
    yield numbers.where(or_(*(and_(of.named == name, of.kind == kind) for kind, name in named)))
    items = select(cast(attention.c.id, String)).where(attention.c.aggregate.in_(subject.keys))
    yield numbers.where(of.named.in_(items), of.kind == "item")
    with_action = numbers.join(audit, audit.c.seq == of.seq)
    both = audit.c.action.in_(_OF_BOTH)
    if subject.kind == "visit":
        yield with_action.where(of.named.in_(keys), of.kind == "visit", ~both)
    if visits:
        yield with_action.where(of.named.in_(visits), of.kind == "visit", both)


def _oldest(system: str) -> Any:
    return select(func.min(call.c.at)).where(call.c.system == system).scalar_subquery()


def _is_older(system: str) -> ColumnElement[bool]:
    oldest = _oldest(system)
    return or_(oldest.is_(None), audit.c.at < oldest)


_IS_NO_CALL: Final = and_(_is_older("drchrono"), _is_older("oncall"))

_QUERIES: Final = {
    "came": _deliveries,
    "read": _reads,
    "written": _writes,
    "written_for": _writes_for,
    "conflict": _conflicts,
    "opened": _opened,
    "closed": _closed,
    "answered": _deeds,
}


# --- what is told beside them ---------------------------------------------------------------------


def deeds_naming(conn: Connection, kind: str, named: Iterable[object]) -> list[dict[str, Any]]:
    """The deeds that name any of these, oldest first, each with what it `names`."""
    ids = [str(one) for one in named]
    if not ids:
        return []
    of = audit_subject.c
    rows = (
        select(audit, of.named.label("names"))
        .join(audit, audit.c.seq == of.seq)
        .where(of.kind == kind, of.named.in_(ids))
        .order_by(audit.c.seq)
    )
    return [dict(row) for row in conn.execute(rows).mappings()]


def decisions_on(conn: Connection, items: Iterable[int]) -> list[dict[str, Any]]:
    """Who answered items, as `decision` keeps it: from before there was an audit."""
    ids = [str(one) for one in items]
    kinds = ("retry", "drop", "resolve")
    rows = select(decision).where(decision.c.kind.in_(kinds), decision.c.a.in_(ids))
    return [dict(row) for row in conn.execute(rows).mappings()] if ids else []
