"""Brake bulk cancelling and blanking, and too many writes to one visit: stop, and ask a person.

A wiped or half-answering remote looks like many cancellations. The windows slide; a doctor about
whom somebody was asked stays stopped until they answer. An operator's release per doctor lifts the
brake for the hour, and what was released counts against nobody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from sync.store.service import spending
from sync.store.tables import attendances

CAUSE = "brake"
# What is written in a doctor's place where none is known.
NO_DOCTOR = "brake"
COUNTED = ("cancel", "blank")
QUIET = ("", "marker")  # effects nobody is mailed about


class BrakedError(Exception):
    """Stopped before the call: `cause` is the attention item's, `ref` what to release."""

    waits_for = "operator"  # the kind of its blocker

    def __init__(self, cause: str | None, ref: str) -> None:
        super().__init__(cause, ref)
        self.cause = cause
        self.ref = ref


@dataclass(frozen=True, slots=True)
class BrakeRule:
    """More than `count` and more than `share` of open future visits in an hour is too many."""

    count: int
    share: float


def check(
    conn: Connection, rule: BrakeRule, effect: str, doctor: str | None, now: datetime
) -> None:
    """Raise BrakedError when one more cancelling effect would be too many in this hour.

    Or while somebody was asked about this doctor's and has not answered: a remote that stays wiped
    would else get its share of every hour.
    """
    if effect not in COUNTED:
        return
    stands = spending.effects(
        conn,
        COUNTED,
        doctor or "",
        cause=CAUSE,
        ref=doctor or NO_DOCTOR,
        hour_ago=now - timedelta(hours=1),
    )
    if stands.released:
        return
    with_this = stands.recent + 1
    if stands.asked or (
        with_this > rule.count and with_this > rule.share * attendances.count_open_future(conn, now)
    ):
        raise BrakedError(CAUSE, doctor or "")


def cap(most: int, now: datetime) -> dict[str, Any]:
    """What a write's row is bound to, so that it is not written beyond `most` a day and attendance.

    One move of a group is a write for each of its members. A person is not capped: its writes are
    as many as its contacts.
    """
    return {"most": most, "quiet": list(QUIET), "day_ago": now - timedelta(days=1)}


def check_cap(conn: Connection, asked: Mapping[str, Any]) -> None:
    """Raise BrakedError where the cap, bound to this, was why a row was not written."""
    found = spending.written(conn, asked)
    if found.kind == "visit" and found.writes >= asked["most"] * max(1, found.members):
        raise BrakedError("too_many_writes", str(asked["aggregate"]))
