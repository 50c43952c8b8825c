"""Load what each run of a visit begins with, in few statements.

The visit's row comes with what is asked of it anew by every run, the visit's own objects with those
of who attends it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, exists, func, select, union_all

from sync.store import calls
from sync.store.people import persons
from sync.store.schema import attendance, attention, blocker, call, object_, person, visit
from sync.store.tables import baselines, links
from sync.store.tables.baselines import StoredFields
from sync.store.tables.links import Obj
from sync.store.visits.visits import ROW, VisitRow


@dataclass(frozen=True, slots=True)
class Opened:
    """A visit's row, and how the run finds it.

    `parked`: something is waited for about it. `asked`: a question of the cause that was given is
    open about it; `told`: anything is. `unresolved`: a write of an earlier run has no known
    outcome. `written`: when a call last ended well that had an effect on OnCall's side of it.
    """

    row: VisitRow
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
_OPENED = select(
    *ROW,
    exists().where(blocker.c.aggregate == visit.c.aggregate, links.PARKS).label("parked"),
    _OPEN.where(attention.c.cause == bindparam("cause")).label("asked"),
    _OPEN.label("told"),
    exists().where(call.c.aggregate == visit.c.aggregate, calls.UNRESOLVED).label("unresolved"),
    select(func.max(call.c.ended_at))
    .where(call.c.object.in_(_THERE), call.c.effect != "", call.c.state == "done")
    .scalar_subquery()
    .label("written"),
).where(visit.c.aggregate == bindparam("key"))


def row(conn: Connection, key: int, cause: str) -> Opened:
    """A visit. Raises sqlalchemy's NoResultFound for what is no visit."""
    found = conn.execute(_OPENED, {"key": key, "cause": cause}).one()
    return Opened(VisitRow(*found[: len(ROW)]), *found[len(ROW) :])


_PEOPLE = select(attendance.c.person).where(
    attendance.c.visit == bindparam("key"), attendance.c.current, attendance.c.person.is_not(None)
)
_OBJECTS = (
    select(object_, person.c.excluded)
    .outerjoin(person, person.c.aggregate == object_.c.aggregate)
    .where(object_.c.aggregate.in_(union_all(select(bindparam("key")), _PEOPLE)))
    .order_by(object_.c.id)
)
_OF_OBJECT = tuple(object_.c.keys())


def objects(conn: Connection, key: int) -> Objects:
    """The objects of a visit and of who attends it, with what is stored of their fields."""
    found = rows(conn, key)
    everyone = [*found.own, *(obj for who in found.people.values() for obj in who.objects)]
    # Of what nobody has read nothing is stored.
    stored = baselines.stored_fields(conn, [obj.id for obj in everyone if not obj.told])
    people = {
        hub: who._replace(stored=_of(stored, who.objects)) for hub, who in found.people.items()
    }
    return Objects(found.own, _of(stored, found.own), people)


def rows(conn: Connection, key: int) -> Objects:
    """The same without what is stored of their fields."""
    own: list[Obj] = []
    people: dict[int, Attending] = {}
    for one in conn.execute(_OBJECTS, {"key": key}).mappings():
        obj = Obj(**{name: one[name] for name in _OF_OBJECT})
        if obj.aggregate == key:
            own.append(obj)
            continue
        before = people.get(obj.aggregate, Attending((), None, excluded=bool(one["excluded"])))
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
