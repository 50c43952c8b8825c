"""Count the calls that went out, for the budget and the brake, and keep when a system is closed.

The statements are built once: one of them runs with every call.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Executable,
    Integer,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert

from sync.store import pauses, upsert
from sync.store.schema import (
    IS_WRITE,
    ONE,
    UtcTime,
    aggregate,
    attendance,
    attention,
    blocker,
    call,
    decision,
    throttle,
)

_UNDONE = ("refused", "redirected", "unsent")  # states of calls that did nothing
_UNKNOWN = ("unresolved", "looked")  # of calls that were not known to have done something

# --- what one more call needs ---------------------------------------------------------------------

_SYSTEM: BindParameter[str] = bindparam("system")
_NOW: BindParameter[datetime] = bindparam("at", type_=UtcTime())
_HOUR_AGO = bindparam("hour_ago", type_=UtcTime())
_SECOND_AGO = bindparam("second_ago", type_=UtcTime())
# The calls that the remote may have counted: an unsent one it never saw.
_SPENT = and_(call.c.system == _SYSTEM, call.c.state != "unsent")
_IN_HOUR = select(func.count()).select_from(call).where(_SPENT, call.c.at > _HOUR_AGO)
_USED = _IN_HOUR.scalar_subquery()
_CLOSED = select(throttle.c.closed_until).where(throttle.c.system == _SYSTEM).scalar_subquery()
_LATEST = (
    select(call.c.at)
    .where(_SPENT, call.c.at > _SECOND_AGO)
    .order_by(call.c.at.desc())
    .offset(bindparam("before_last"))
    .limit(ONE)
).scalar_subquery()
_WHY = select(_CLOSED.label("closed"), _USED.label("used"), _LATEST.label("full"))
_LEFT = select(_CLOSED.label("closed"), _USED.label("used"))
_OPENS = (
    select(call.c.at)
    .where(_SPENT, call.c.at > _HOUR_AGO)
    .order_by(call.c.at)
    .offset(bindparam("beyond"))
    .limit(ONE)
)


class Spent(NamedTuple):
    """A system's calls of the hour, and until when it is closed.

    `full`: when the last call went out that this second still has room for; None where it has more.
    """

    closed: datetime | None
    used: int
    full: datetime | None = None


def _turning(insert: upsert.Insert) -> Executable:
    made = insert.values(system=_SYSTEM, turn=1)
    return made.on_conflict_do_update(
        index_elements=[throttle.c.system], set_={"turn": throttle.c.turn + 1}
    )


_TURN = upsert.of_each(throttle, _turning)


def my_turn(conn: Connection, system: str) -> None:
    """Lock the system's row: takers of all processes go one by one, so that no count is stale.

    The time that a call's row must bear is read after it: who waited for its turn would note an
    earlier time than it calls at.
    """
    conn.execute(_TURN[conn.dialect.name], {"system": system})


# --- what a visit's cap counts --------------------------------------------------------------------


def _did_something() -> ColumnElement[bool]:
    """Whether a call is taken to have done something.

    One that was answered, by something in front of the API or by a failure, is looked at before the
    next: what it did is done, and is not tried again. So a gateway that fails for hours fills no
    brake, and one change is one write.
    """
    answered = and_(call.c.state.in_(_UNKNOWN), call.c.status.is_not(None))
    return and_(call.c.state.not_in(_UNDONE), not_(answered))


_KEY: BindParameter[int] = bindparam("aggregate", type_=Integer())
_KIND = select(aggregate.c.kind).where(aggregate.c.id == _KEY).scalar_subquery()
_WRITTEN = (
    select(func.count())
    .select_from(call)
    .where(
        call.c.aggregate == _KEY,
        call.c.effect.not_in(bindparam("quiet", expanding=True)),
        _did_something(),
        call.c.at > bindparam("day_ago", type_=UtcTime()),
    )
    .scalar_subquery()
)
_MEMBERS = (
    select(func.count())
    .select_from(attendance)
    .where(attendance.c.visit == _KEY, attendance.c.current)
    .scalar_subquery()
)

# --- what one more call may be ------------------------------------------------------------------


def _conditions(*, hourly: bool, burst: bool, capped: bool) -> list[ColumnElement[bool]]:
    """Under which one more call may be written down; bound to what `why` is asked with.

    `capped`: it is a write, bound to how many an attendance of its visit may have in a day, and to
    what may be paused (`any_of`).
    """
    found: list[ColumnElement[bool]] = [or_(_CLOSED.is_(None), _CLOSED <= _NOW)]
    if capped:
        most = bindparam("most", type_=Integer()) * case((_MEMBERS > 1, _MEMBERS), else_=1)
        found += [pauses.none_of(_NOW), or_(_KIND != "visit", most > _WRITTEN)]
    if hourly:
        found.append(bindparam("allowed", type_=Integer()) > _USED)
    if burst:
        found.append(_LATEST.is_(None))
    return found


# Each column of a call's new row but its id, as it is bound.
_COLUMNS = (
    *("aggregate", "fence", "system", "object", "method", "endpoint", "fields", "effect"),
    *("doctor", "lane", "state", "at", "before"),
)


def entering(*, hourly: bool, burst: bool, capped: bool = False) -> ReturningInsert[tuple[int]]:
    """Build the statement that writes a call down, and returns its id, while there is room."""
    told = [bindparam(name, type_=call.c[name].type) for name in _COLUMNS]
    row = select(*told).where(*_conditions(hourly=hourly, burst=burst, capped=capped))
    return insert(call).from_select(_COLUMNS, row).returning(call.c.id)


# Writes down how a call ended; bound to `ended` (its id), `became`, `answered` and `now`.
ENDING = (
    update(call)
    .where(call.c.id == bindparam("ended"))
    .values(
        state=bindparam("became"),
        status=bindparam("answered"),
        ended_at=bindparam("now", type_=UtcTime()),
    )
)


def why(conn: Connection, asked: Mapping[str, Any]) -> Spent:
    """What the conditions rest on, bound to the same."""
    return Spent(*conn.execute(_WHY, asked).one())


def opens(conn: Connection, system: str, hour_ago: datetime, beyond: int) -> datetime:
    """When the call went out that leaves the hour with so many others before it."""
    told = {"system": system, "hour_ago": hour_ago, "beyond": beyond}
    at: datetime = conn.execute(_OPENS, told).scalar_one()
    return at


_ALL = select(
    throttle.c.system,
    throttle.c.closed_until,
    case(
        (
            throttle.c.system.in_(bindparam("limited", expanding=True)),
            select(func.count())
            .select_from(call)
            .where(call.c.system == throttle.c.system)
            .where(call.c.state != "unsent", call.c.at > _HOUR_AGO)
            .scalar_subquery(),
        ),
        else_=0,
    ).label("used"),
)


def of_every(conn: Connection, limited: list[str], hour_ago: datetime) -> dict[str, Spent]:
    """The same of each system that was ever called; counted only of the limited ones."""
    rows = conn.execute(_ALL, {"limited": limited, "hour_ago": hour_ago})
    return {row.system: Spent(row.closed_until, row.used) for row in rows}


def of(conn: Connection, system: str, hour_ago: datetime) -> Spent:
    """The same of one system."""
    return Spent(*conn.execute(_LEFT, {"system": system, "hour_ago": hour_ago}).one())


def close_until(conn: Connection, system: str, until: datetime) -> None:
    """Close a system for all processes until a time; a later time stays."""
    made = upsert.insert(conn, throttle).values(system=system, closed_until=until, turn=0)
    conn.execute(
        made.on_conflict_do_update(
            index_elements=[throttle.c.system],
            set_={"closed_until": until},
            where=or_(throttle.c.closed_until.is_(None), throttle.c.closed_until < until),
        )
    )


# --- what the brake counts ------------------------------------------------------------------------

# What was released in the last hour counts against nobody else.
_RELEASED = select(decision.c.a).where(decision.c.kind == "release", decision.c.at > _HOUR_AGO)
_IS_ASKED = (
    exists()
    .where(blocker.c.aggregate == attention.c.aggregate)
    .where(
        attention.c.cause == bindparam("cause"),
        attention.c.closed_at.is_(None),
        blocker.c.kind == "operator",
        blocker.c.ref == bindparam("ref"),
    )
)
_RECENT = (
    select(func.count())
    .select_from(call)
    .where(
        IS_WRITE,
        call.c.effect.in_(bindparam("effects", expanding=True)),
        _did_something(),
        call.c.at > _HOUR_AGO,
        func.coalesce(call.c.doctor, "").not_in(_RELEASED),
    )
)
_STANDS = select(
    bindparam("doctor", type_=String()).in_(_RELEASED).label("released"),
    _IS_ASKED.label("asked"),
    _RECENT.scalar_subquery().label("recent"),
)
_OF_A_DAY = select(_KIND, _WRITTEN, _MEMBERS)


class Stands(NamedTuple):
    """Whether a doctor was released this hour, or is asked about; the effects of all others."""

    released: bool
    asked: bool
    recent: int


def effects(
    conn: Connection,
    counted: Collection[str],
    doctor: str,
    *,
    cause: str,
    ref: str,
    hour_ago: datetime,
) -> Stands:
    """How many calls since a time had one of these effects, and how it stands with one doctor.

    Somebody is asked by an open item of `cause` whose aggregate waits for an operator's `ref`.
    """
    told = {"effects": list(counted), "doctor": doctor, "cause": cause, "ref": ref}
    return Stands(*conn.execute(_STANDS, {**told, "hour_ago": hour_ago}).one())


class Written(NamedTuple):
    """The kind of an aggregate, how many calls since a time wrote to it, and who attends it."""

    kind: str | None
    writes: int
    members: int


def written(conn: Connection, asked: Mapping[str, Any]) -> Written:
    """What the cap rests on, bound as the condition is."""
    return Written(*conn.execute(_OF_A_DAY, asked).one())
