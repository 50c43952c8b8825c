"""Keep where each visit stands: its life, place, slot, and until when it is held.

A slot is one doctor's at one time: of one person, or of a group in one office. One open visit at a
time has it (a unique index).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    select,
    update,
)

from sync.core.records import Absent, Visit
from sync.core.rules.place import Slot, slot_from
from sync.store.schema import IS_OPEN, UtcTime, attendance, baseline, object_, visit, work
from sync.store.tables.baselines import WALL_CLOCK


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One visit as it is stored."""

    aggregate: int
    generation: int
    state: str  # open | closed
    shared: bool
    starts_at: datetime | None
    doctor: str | None
    slot_key: str | None
    occurrence_key: str | None
    hold_until: datetime | None
    frozen_at: datetime | None


_OPEN: ColumnElement[str] = literal_column("'open'")  # in these words the index of slots has it
ROW = tuple(visit.c[name] for name in VisitRow.__slots__)


def get(conn: Connection, key: int) -> VisitRow:
    """A visit. Raises sqlalchemy's NoResultFound for what is no visit."""
    return VisitRow(*conn.execute(select(*ROW).where(visit.c.aggregate == key)).one())


_CHANGE = update(visit).where(visit.c.aggregate == bindparam("of"))
_OTHER = visit.alias("other")
_TAKEN = exists().where(
    _OTHER.c.slot_key == bindparam("slot"),
    _OTHER.c.state == _OPEN,
    _OTHER.c.aggregate != bindparam("of"),
)
_PLACE = _CHANGE.values(slot_key=case((_TAKEN, null()), else_=bindparam("slot")))


def place(conn: Connection, key: int, **values: Any) -> None:
    """Set columns of a visit, its slot only where no other open visit has that."""
    if values.get("slot_key") is None:
        change(conn, key, **values)
        return
    slot = values.pop("slot_key")
    conn.execute(_PLACE, {"of": key, "slot": slot, **values})


def change(conn: Connection, key: int, **values: Any) -> None:
    """Set columns of a visit, several at once."""
    conn.execute(_CHANGE, {"of": key, **values})


# --- its place ------------------------------------------------------------------------------------


def stand(conn: Connection, key: int, slot: Slot, **values: Any) -> None:
    """Have a group stand in a slot: a visit of one becomes a group's by it, and by nothing else.

    Raises sqlalchemy's IntegrityError where another open visit does.
    """
    where = {"slot_key": slot.key, "doctor": slot.doctor, "starts_at": slot.starts}
    change(conn, key, shared=True, **where, **values)


def is_shared(conn: Connection, key: int) -> bool:
    """Whether a visit is a group's. Raises sqlalchemy's NoResultFound for what is no visit."""
    shared: bool = conn.execute(select(visit.c.shared).where(visit.c.aggregate == key)).scalar_one()
    return shared


_PLACE_FIRST = _CHANGE.where(visit.c.starts_at.is_(None))


def note_place(conn: Connection, key: int, shown: Visit, *, first: bool = False) -> None:
    """Note when and with whom a visit stands, so that its twin is found by that.

    `first`: only where nobody has noted it yet.
    """
    values: dict[str, object] = {}
    if not isinstance(shown.starts, Absent):
        values["starts_at"] = shown.starts
    if not isinstance(shown.provider, Absent):
        values["doctor"] = shown.provider
    if values:
        conn.execute(_PLACE_FIRST if first else _CHANGE, {"of": key, **values})


def doctor_of(conn: Connection, key: int) -> str | None:
    """With which doctor a visit stands; None where that is not known."""
    doctor: str | None = conn.execute(
        select(visit.c.doctor).where(visit.c.aggregate == key)
    ).scalar_one_or_none()
    return doctor


def doctors_of(conn: Connection, keys: Collection[int]) -> list[str]:
    """The doctors of these visits, each once, in order."""
    rows = conn.execute(
        select(visit.c.doctor)
        .where(visit.c.aggregate.in_(keys), visit.c.doctor.is_not(None))
        .distinct()
        .order_by(visit.c.doctor)
    )
    return list(rows.scalars())


def appointments_between(
    conn: Connection,
    system: str,
    doctor: str,
    since: datetime,
    until: datetime,
    *,
    alone: bool = False,
) -> list[str]:
    """The ids of a system's open visits of a doctor between two times, by time.

    `alone`: only those that have nothing in the other system.
    """
    other = object_.alias()
    counterpart = select(other.c.id).where(
        other.c.aggregate == visit.c.aggregate,
        other.c.system != system,
        other.c.kind == "appointment",
        other.c.state != "gone",
    )
    rows = conn.execute(
        select(object_.c.remote_id)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(visit.c.doctor == doctor, IS_OPEN)
        .where(visit.c.starts_at >= since, visit.c.starts_at < until)
        .where(object_.c.system == system, object_.c.kind == "appointment")
        .where(object_.c.state == "live", object_.c.remote_id.is_not(None))
        .where(*([~counterpart.exists()] if alone else []))
        .order_by(visit.c.starts_at, object_.c.id)
    )
    return list(rows.scalars())


# --- its slot -------------------------------------------------------------------------------------


def holder(conn: Connection, slot: str, *, besides: int = 0) -> int | None:
    """The open visit that has a slot, or None."""
    found: int | None = conn.execute(
        select(visit.c.aggregate).where(
            visit.c.slot_key == slot, IS_OPEN, visit.c.aggregate != besides
        )
    ).scalar_one_or_none()
    return found


def give_slot(conn: Connection, key: int, slot: str | None) -> None:
    """Give a visit of one person a slot, if it has none."""
    without = visit.c.aggregate == key, visit.c.slot_key.is_(None), ~visit.c.shared
    conn.execute(update(visit).where(*without).values(slot_key=slot))


def free_slot(conn: Connection, key: int) -> None:
    """Let a visit have no slot: another may take it."""
    change(conn, key, slot_key=None)


def standing_groups(conn: Connection) -> dict[Slot, int]:
    """Where the open groups that OnCall has already stand, and how many participants they have."""
    rows = conn.execute(
        select(visit.c.slot_key, func.count(attendance.c.participant))
        .join(attendance, attendance.c.visit == visit.c.aggregate)
        .where(visit.c.shared, visit.c.slot_key.is_not(None))
        .where(IS_OPEN, attendance.c.current)
        .group_by(visit.c.slot_key)
    )
    return {slot_from(key): count for key, count in rows if count}


# --- what holds it --------------------------------------------------------------------------------


def hold(conn: Connection, key: int, until: datetime | None) -> None:
    """Have a visit looked at again at a time whether or not it changes; None: no more."""
    change(conn, key, hold_until=until)


def no_longer_held(conn: Connection, now: datetime) -> list[int]:
    """The visits whose time to be looked at again has come, and of which nothing is wanted."""
    rows = conn.execute(
        select(visit.c.aggregate)
        .join(work, work.c.aggregate == visit.c.aggregate)
        .where(visit.c.hold_until <= now, work.c.wanted == work.c.done)
    )
    return list(rows.scalars())


def freeze(conn: Connection, key: int, now: datetime | None) -> None:
    """Write nothing of a visit until an operator has it looked at; None: it thaws."""
    change(conn, key, frozen_at=now)


# --- what stands in both systems ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KnownVisit:
    """A visit that an appointment's id is known in; open: neither is over, as far as we know."""

    remote_id: str
    visit: int
    is_open: bool


def standing_under(conn: Connection, ids: Collection[str], *, besides: int) -> list[KnownVisit]:
    """The visits, but for one, in which appointments with these ids are."""
    rows = conn.execute(
        select(object_.c.remote_id, object_.c.aggregate, object_.c.state, visit.c.state)
        .join(visit, visit.c.aggregate == object_.c.aggregate)
        .where(object_.c.kind == "appointment", object_.c.remote_id.in_(ids))
        .where(object_.c.aggregate != besides)
    )
    return [KnownVisit(row[0], row[1], (row[2], row[3]) == ("live", "open")) for row in rows]


def is_linked(conn: Connection, key: int) -> bool:
    """Whether a visit stands in both systems."""
    systems = select(object_.c.system).where(
        object_.c.aggregate == key,
        object_.c.kind == "appointment",
        object_.c.state == "live",
        object_.c.remote_id.is_not(None),
    )
    return len(set(conn.execute(systems).scalars())) > 1


def count_linked(conn: Connection, now: datetime) -> int:
    """How many open visits to come stand in both systems."""
    sides = (
        select(object_.c.aggregate)
        .where(object_.c.kind == "appointment", object_.c.state == "live")
        .group_by(object_.c.aggregate)
        .having(func.count(object_.c.system.distinct()) == 2)
    )
    counted: int = conn.execute(
        select(func.count())
        .select_from(visit)
        .where(visit.c.aggregate.in_(sides), IS_OPEN, visit.c.starts_at >= now)
    ).scalar_one()
    return counted


@dataclass(frozen=True, slots=True)
class ByZone:
    """A linked visit, and by which zone its wall clock was settled."""

    visit: int
    doctor: str
    starts_at: datetime
    zone: str


_MADE = object_.alias()
_LINKED_BY_ZONE = (
    select(visit.c.aggregate, visit.c.doctor, visit.c.starts_at, baseline.c.zone)
    .join(object_, object_.c.aggregate == visit.c.aggregate)
    .join(baseline, baseline.c.object == object_.c.id)
    .where(
        object_.c.system == "drchrono",
        object_.c.kind == "appointment",
        object_.c.state == "live",
        baseline.c.field == WALL_CLOCK,
        baseline.c.zone.is_not(None),
        IS_OPEN,
        visit.c.starts_at >= bindparam("since", type_=UtcTime()),
        visit.c.doctor.in_(bindparam("doctors", expanding=True)),
        exists().where(
            _MADE.c.aggregate == visit.c.aggregate,
            _MADE.c.system == "oncall",
            _MADE.c.kind == "appointment",
            _MADE.c.state == "live",
        ),
    )
    .order_by(visit.c.aggregate)
)


def linked_by_zone(conn: Connection, doctors: Collection[str], since: datetime) -> list[ByZone]:
    """The open linked visits of these doctors that begin at a time or later, with their zone."""
    rows = conn.execute(_LINKED_BY_ZONE, {"doctors": list(doctors), "since": since})
    return [ByZone(*row) for row in rows]


def groups_at(conn: Connection, starts: datetime, doctor: str | None, *, besides: int) -> list[int]:
    """The open shared visits that begin at a time; None: with any doctor."""
    query = select(visit.c.aggregate).where(
        visit.c.shared,
        IS_OPEN,
        visit.c.starts_at == starts,
        visit.c.aggregate != besides,
    )
    if doctor is not None:
        query = query.where(visit.c.doctor == doctor)
    return list(conn.execute(query.order_by(visit.c.aggregate)).scalars())
