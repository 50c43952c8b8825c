"""Keep what is paused on an operator's word: everything, a system's writes, a lane, a doctor.

One that has an end counts no more after it, whether or not its row was taken away yet.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    literal,
    or_,
    select,
)

from sync.store import upsert
from sync.store.lanes import Lane
from sync.store.schema import ONE, UtcTime, pause, work

EVERYTHING = "everything"
_LANE = "lane:"


class Pause(NamedTuple):
    """What is paused since when, until when and by whom; `until` None: until it is resumed."""

    what: str
    until: datetime | None
    at: datetime
    by: str


def lane(which: Lane) -> str:
    """How the pause of a lane is written."""
    return f"{_LANE}{int(which)}"


def doctor(remote_id: str) -> str:
    """How the pause of a doctor (DrChrono's id) is written."""
    return f"doctor:{remote_id}"


def of_a_write(system: str, lane_: Lane, doctor_: str | None) -> list[str]:
    """What may hold a write back: everything, its system, its lane, its doctor."""
    held = [EVERYTHING, system, lane(lane_)]
    return [*held, doctor(doctor_)] if doctor_ else held


Time = (
    datetime | BindParameter[datetime]
)  # or the parameter that a statement built once binds it to


def _alive(now: Time) -> ColumnElement[bool]:
    return or_(pause.c.until.is_(None), pause.c.until > now)


_ALIVE = _alive(bindparam("now", type_=UtcTime()))
# The widest first: it is what somebody has to resume.
_WIDEST = case((pause.c.what == EVERYTHING, 0), else_=1)
_ROW = tuple(pause.c[name] for name in Pause._fields)
_HOLDING = (
    select(*_ROW)
    .where(pause.c.what.in_(bindparam("any_of", expanding=True)), _ALIVE)
    .order_by(_WIDEST, pause.c.what)
    .limit(ONE)
)


def none_of(now: BindParameter[datetime]) -> ColumnElement[bool]:
    """Whether nothing that is bound to `any_of` is paused at that time."""
    return ~exists().where(pause.c.what.in_(bindparam("any_of", expanding=True)), _alive(now))


def lets_begin(now: Time) -> ColumnElement[bool]:
    """Whether an item of `work` may be begun: neither everything nor its lane is paused."""
    its_lane = literal(_LANE).concat(cast(work.c.lane, String))
    held = or_(pause.c.what == EVERYTHING, pause.c.what == its_lane)
    return ~exists(select(pause.c.what).where(held, _alive(now)))


def put(conn: Connection, made: Pause) -> None:
    """Pause something; paused again it has the new end."""
    row = made._asdict()
    said = upsert.insert(conn, pause).values(**row)
    conn.execute(said.on_conflict_do_update(index_elements=[pause.c.what], set_=row))


def drop(conn: Connection, what: str) -> bool:
    """Resume something; False when it was not paused."""
    return bool(conn.execute(delete(pause).where(pause.c.what == what)).rowcount)


def holding(conn: Connection, any_of: list[str], now: datetime) -> Pause | None:
    """What of these is paused now, the widest; None: nothing."""
    row = conn.execute(_HOLDING, {"any_of": any_of, "now": now}).first()
    return None if row is None else Pause(*row)


def active(conn: Connection, now: datetime) -> list[Pause]:
    """Everything that is paused now."""
    query = select(*_ROW).where(_ALIVE).order_by(_WIDEST, pause.c.what)
    return [Pause(*row) for row in conn.execute(query, {"now": now})]


def ended(conn: Connection, now: datetime) -> list[str]:
    """Take away what has come to its end; returns what it was."""
    over = and_(pause.c.until.is_not(None), pause.c.until <= now)
    return sorted(conn.execute(delete(pause).where(over).returning(pause.c.what)).scalars())
