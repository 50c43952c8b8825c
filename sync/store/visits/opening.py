"""Load what each run of a visit begins with, in few statements.

The visit's row comes with what is asked of it anew by every run, the visit's own objects with those
of who attends it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, exists, func, select, union_all
from sqlalchemy.exc import NoResultFound

from sync.store import calls
from sync.store.people import persons
from sync.store.schema import (
    attendance,
    attention,
    blocker,
    call,
    delivery,
    object_,
    person,
    visit,
)
from sync.store.tables import baselines, links
from sync.store.tables.attendances import Attendance
from sync.store.tables.baselines import StoredFields
from sync.store.tables.journal import Delivery
from sync.store.tables.links import Obj
from sync.store.visits.visits import ROW, VisitRow


@dataclass(frozen=True, slots=True)
class Opened:
    """A visit's row, who attends it now, and how the run finds it.

    `parked`: something is waited for about it. `asked`: a question of the cause that was given is
    open about it; `told`: anything is. `unresolved`: a write of an earlier run has no known
    outcome. `written`: when a call last ended well that had an effect on OnCall's side of it.
    """

    row: VisitRow
    attending: list[Attendance]
    parked: bool
    asked: bool
    told: bool
    unresolved: bool
    written: datetime | None


class Attending(NamedTuple):
    """One who attends a visit: their chart and contacts, and whether nothing is written of them."""

    objects: tuple[Obj, ...]
    stored: StoredFields | None  # None: it was not asked for
    excluded: bool

    @property
    def chart(self) -> Obj | None:
        """Their patient."""
        return links.patient_in(self.objects)


class Objects(NamedTuple):
    """A visit's own objects, oldest first, what is stored of them, and who attends, by person."""

    own: list[Obj]
    stored: StoredFields
    people: dict[int, Attending]


_OPEN = exists().where(attention.c.aggregate == visit.c.aggregate, attention.c.closed_at.is_(None))
_THERE = select(object_.c.id).where(
    object_.c.aggregate == bindparam("key"), object_.c.system == "oncall"
)
_SEAT = tuple(attendance.c[name] for name in Attendance.__slots__)
_OPENED = (
    select(
        *ROW,
        *_SEAT,
        exists().where(blocker.c.aggregate == visit.c.aggregate, links.PARKS).label("parked"),
        _OPEN.where(attention.c.cause == bindparam("cause")).label("asked"),
        _OPEN.label("told"),
        exists().where(call.c.aggregate == visit.c.aggregate, calls.UNRESOLVED).label("unresolved"),
        select(func.max(call.c.ended_at))
        .where(call.c.object.in_(_THERE), call.c.effect != "", call.c.state == "done")
        .scalar_subquery()
        .label("written"),
    )
    .select_from(visit)
    .outerjoin(attendance, and_(attendance.c.visit == visit.c.aggregate, attendance.c.current))
    .where(visit.c.aggregate == bindparam("key"))
    .order_by(attendance.c.id)
)


def row(conn: Connection, key: int, cause: str) -> Opened:
    """A visit. Raises sqlalchemy's NoResultFound for what is no visit."""
    found = conn.execute(_OPENED, {"key": key, "cause": cause}).all()
    if not found:
        raise NoResultFound("no visit")
    first, seats, rest = found[0], len(ROW), len(ROW) + len(_SEAT)
    attending = [Attendance(*one[seats:rest]) for one in found if one[seats] is not None]
    return Opened(VisitRow(*first[:seats]), attending, *first[rest:])


_PEOPLE = select(attendance.c.person).where(
    attendance.c.visit == bindparam("key"), attendance.c.current, attendance.c.person.is_not(None)
)
_OBJECT = tuple(object_.c[name] for name in Obj.__slots__)
_TOLD = tuple(delivery.c[name] for name in Delivery.__slots__)
_OBJECTS = (
    select(*_OBJECT, person.c.excluded)
    .outerjoin(person, person.c.aggregate == object_.c.aggregate)
    .where(object_.c.aggregate.in_(union_all(select(bindparam("key")), _PEOPLE)))
    .order_by(object_.c.id)
)
_OBJECTS_AND_TOLD = (
    _OBJECTS.add_columns(*_TOLD)
    .outerjoin(
        delivery,
        and_(
            object_.c.aggregate == bindparam("key"),
            delivery.c.object == object_.c.id,
            delivery.c.explained_at.is_(None),
        ),
    )
    .order_by(delivery.c.id)
)


def first(conn: Connection, key: int) -> tuple[Objects, list[Delivery]]:
    """The objects of a visit, and what was told of them that no read has explained, oldest first.

    As `objects` gives them, of which a run loads no more.
    """
    found = conn.execute(_OBJECTS_AND_TOLD, {"key": key}).all()
    told = [Delivery(*one[len(_OBJECT) + 1 :]) for one in found if one[-len(_TOLD)] is not None]
    once = {one[0]: one for one in found}
    return _stored(conn, _gathered(key, once.values())), sorted(told, key=lambda one: one.id)


def objects(conn: Connection, key: int) -> Objects:
    """The objects of a visit and of who attends it, with what is stored of their fields."""
    return _stored(conn, rows(conn, key))


def _stored(conn: Connection, found: Objects) -> Objects:
    everyone = [*found.own, *(obj for who in found.people.values() for obj in who.objects)]
    # Of what nobody has read nothing is stored.
    stored = baselines.stored_fields(conn, [obj.id for obj in everyone if not obj.told])
    people = {
        hub: who._replace(stored=_of(stored, who.objects)) for hub, who in found.people.items()
    }
    return Objects(found.own, _of(stored, found.own), people)


def rows(conn: Connection, key: int) -> Objects:
    """The same without what is stored of their fields."""
    return _gathered(key, conn.execute(_OBJECTS, {"key": key}))


def _gathered(key: int, rows: Iterable[Row[Any]]) -> Objects:
    own: list[Obj] = []
    people: dict[int, Attending] = {}
    for one in rows:
        obj = Obj(*one[: len(_OBJECT)])
        if obj.aggregate == key:
            own.append(obj)
            continue
        excluded = bool(one[len(_OBJECT)])
        before = people.get(obj.aggregate, Attending((), None, excluded=excluded))
        people[obj.aggregate] = before._replace(objects=(*before.objects, obj))
    return Objects(own, {}, people)


def who(conn: Connection, key: int) -> Attending:
    """One person who has come to attend."""
    objs = tuple(links.objects_of(conn, key))
    stored = baselines.stored_fields(conn, [obj.id for obj in objs])
    return Attending(objs, stored, persons.get(conn, key).excluded)


def _of(stored: StoredFields, objs: list[Obj] | tuple[Obj, ...]) -> StoredFields:
    ids = {obj.id for obj in objs}
    return {place: one for place, one in stored.items() if place[0] in ids}
