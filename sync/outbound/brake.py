"""The brake: cancelling and blanking in bulk stops and asks; so does writing one visit too often.

A wiped or half-answering remote looks like many cancellations. The windows slide; an operator's
release per doctor lifts the brake for the hour.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from sync.store import links
from sync.store.schema import call, decision

COUNTED = ("cancel", "blank")
QUIET = ("", "marker")  # effects nobody is mailed about


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
    """Raise BrakedError when one more cancelling effect would be too many in this hour."""
    if effect not in COUNTED:
        return
    since = now - timedelta(hours=1)
    recent = conn.execute(
        select(func.count()).where(call.c.effect.in_(COUNTED), call.c.at > since)
    ).scalar_one()
    if recent < rule.count or recent < rule.share * links.count_open_future(conn, now):
        return
    released = conn.execute(
        select(decision.c.at).where(
            decision.c.kind == "release", decision.c.a == (doctor or ""), decision.c.at > since
        )
    ).first()
    if released is None:
        raise BrakedError("brake", doctor or "")


def check_cap(conn: Connection, aggregate: int, most: int, now: datetime) -> None:
    """Raise BrakedError when an aggregate was written to `most` times in a day."""
    written = conn.execute(
        select(func.count()).where(
            call.c.aggregate == aggregate,
            call.c.effect.not_in(QUIET),
            call.c.state != "refused",
            call.c.at > now - timedelta(days=1),
        )
    ).scalar_one()
    if written >= most:
        raise BrakedError("too_many_writes", str(aggregate))
