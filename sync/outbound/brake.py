"""Brake bulk cancelling and blanking, and too many writes to one visit: stop, and ask a person.

A wiped or half-answering remote looks like many cancellations. The windows slide; a doctor about
whom somebody was asked stays stopped until they answer. An operator's release per doctor lifts the
brake for the hour, and what was released counts against nobody else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    bindparam,
    exists,
    func,
    not_,
    select,
)

from sync.store.schema import UtcTime, aggregate, attention, blocker, call, decision
from sync.store.tables import attendances

CAUSE = "brake"
# What is written in a doctor's place where none is known.
NO_DOCTOR = "brake"
COUNTED = ("cancel", "blank")
QUIET = ("", "marker")  # effects nobody is mailed about
UNDONE = ("refused", "redirected", "unsent")  # states of calls that did nothing
UNKNOWN = ("unresolved", "looked")  # of calls that were not known to have done something


class BrakedError(Exception):
    """Stopped before the call: `cause` is the attention item's, `ref` what to release."""

    def __init__(self, cause: str, ref: str) -> None:
        super().__init__(cause, ref)
        self.cause = cause
        self.ref = ref


@dataclass(frozen=True, slots=True)
class Rule:
    """More than `count` and more than `share` of open future visits in an hour is too many."""

    count: int
    share: float


def _counts() -> ColumnElement[bool]:
    """Whether a call is taken to have done something.

    One that was answered, by something in front of the API or by a failure, is looked at before the
    next: what it did is done, and is not tried again. So a gateway that fails for hours fills no
    brake, and one change is one write.
    """
    answered = and_(call.c.state.in_(UNKNOWN), call.c.status.is_not(None))
    return and_(call.c.state.not_in(UNDONE), not_(answered))


# What was released in the last hour counts against nobody else.
_RELEASED = select(decision.c.a).where(
    decision.c.kind == "release", decision.c.at > bindparam("hour_ago", type_=UtcTime())
)
_IS_ASKED = (
    exists()
    .where(blocker.c.aggregate == attention.c.aggregate)
    .where(
        attention.c.cause == CAUSE,
        attention.c.closed_at.is_(None),
        blocker.c.kind == "operator",
        blocker.c.ref == bindparam("ref"),
    )
)
_RECENT = (
    select(func.count())
    .select_from(call)
    .where(
        call.c.effect.in_(COUNTED),
        _counts(),
        call.c.at > bindparam("hour_ago", type_=UtcTime()),
        func.coalesce(call.c.doctor, "").not_in(_RELEASED),
    )
)
_STANDS = select(
    bindparam("doctor", type_=String()).in_(_RELEASED).label("released"),
    _IS_ASKED.label("asked"),
    _RECENT.scalar_subquery().label("recent"),
)


def check(conn: Connection, rule: Rule, effect: str, doctor: str | None, now: datetime) -> None:
    """Raise BrakedError when one more cancelling effect would be too many in this hour.

    Or while somebody was asked about this doctor's and has not answered: a remote that stays wiped
    would else get its share of every hour.
    """
    if effect not in COUNTED:
        return
    told = {"hour_ago": now - timedelta(hours=1), "doctor": doctor or ""}
    row = conn.execute(_STANDS, {**told, "ref": doctor or NO_DOCTOR}).one()
    if row.released:
        return
    with_this = row.recent + 1
    if row.asked or (
        with_this > rule.count and with_this > rule.share * attendances.count_open_future(conn, now)
    ):
        raise BrakedError(CAUSE, doctor or "")


_OF_A_DAY = select(
    select(aggregate.c.kind).where(aggregate.c.id == bindparam("key")).scalar_subquery(),
    select(func.count())
    .select_from(call)
    .where(
        call.c.aggregate == bindparam("key"),
        call.c.effect.not_in(QUIET),
        _counts(),
        call.c.at > bindparam("day_ago", type_=UtcTime()),
    )
    .scalar_subquery(),
)


def check_cap(conn: Connection, key: int, most: int, now: datetime) -> None:
    """Raise BrakedError when a visit was written to `most` times in a day.

    A group's cap is that for each of its members: one move of the group is a write for each. A
    person is not capped: its writes are as many as its contacts.
    """
    told = {"key": key, "day_ago": now - timedelta(days=1)}
    kind, written = conn.execute(_OF_A_DAY, told).one()
    if kind != "visit" or written < most:
        return
    current = sum(one.current for one in attendances.attendances(conn, key))
    if written >= most * max(1, current):
        raise BrakedError("too_many_writes", str(key))
