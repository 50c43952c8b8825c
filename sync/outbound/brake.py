"""The brake: cancelling and blanking in bulk stops and asks; so does writing one visit too often.

A wiped or half-answering remote looks like many cancellations. The windows slide; a doctor about
whom somebody was asked stays stopped until they answer. An operator's release per doctor lifts the
brake for the hour, and what was released counts against nobody else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, not_, select

from sync.store.schema import attention, blocker, call, decision
from sync.store.tables import attendances, links

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


def check(conn: Connection, rule: Rule, effect: str, doctor: str | None, now: datetime) -> None:
    """Raise BrakedError when one more cancelling effect would be too many in this hour.

    Or while somebody was asked about this doctor's and has not answered: a remote that stays wiped
    would else get its share of every hour.
    """
    if effect not in COUNTED:
        return
    since = now - timedelta(hours=1)
    released = set(
        conn.execute(
            select(decision.c.a).where(decision.c.kind == "release", decision.c.at > since)
        ).scalars()
    )
    if (doctor or "") in released:
        return
    if _is_asked(conn, doctor):
        raise BrakedError(CAUSE, doctor or "")
    recent = conn.execute(
        select(func.count())
        .select_from(call)
        .where(
            call.c.effect.in_(COUNTED),
            _counts(),
            call.c.at > since,
            func.coalesce(call.c.doctor, "").not_in(released),
        )
    ).scalar_one()
    with_this = recent + 1
    if with_this > rule.count and with_this > rule.share * attendances.count_open_future(conn, now):
        raise BrakedError(CAUSE, doctor or "")


def _counts() -> ColumnElement[bool]:
    """Whether a call is taken to have done something.

    One that was answered, by something in front of the API or by a failure, is looked at before the
    next: what it did is done, and is not tried again. So a gateway that fails for hours fills no
    brake, and one change is one write.
    """
    answered = and_(call.c.state.in_(UNKNOWN), call.c.status.is_not(None))
    return and_(call.c.state.not_in(UNDONE), not_(answered))


def _is_asked(conn: Connection, doctor: str | None) -> bool:
    asked = (
        select(attention.c.id)
        .join(blocker, blocker.c.aggregate == attention.c.aggregate)
        .where(
            attention.c.cause == CAUSE,
            attention.c.closed_at.is_(None),
            blocker.c.kind == "operator",
            blocker.c.ref == (doctor or NO_DOCTOR),
        )
    )
    return conn.execute(asked.limit(1)).first() is not None


def check_cap(conn: Connection, aggregate: int, most: int, now: datetime) -> None:
    """Raise BrakedError when a visit was written to `most` times in a day.

    A group's cap is that for each of its members: one move of the group is a write for each. A
    person is not capped: its writes are as many as its contacts.
    """
    if links.kind_of(conn, aggregate) != "visit":
        return
    written = conn.execute(
        select(func.count()).where(
            call.c.aggregate == aggregate,
            call.c.effect.not_in(QUIET),
            _counts(),
            call.c.at > now - timedelta(days=1),
        )
    ).scalar_one()
    if written < most:
        return
    current = sum(one.current for one in attendances.attendances(conn, aggregate))
    if written >= most * max(1, current):
        raise BrakedError("too_many_writes", str(aggregate))
