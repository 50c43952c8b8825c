"""Pair a group with an OnCall visit by hand: the group takes it with its next run.

Whoever is missing in it is invited then, and its other patients are booked.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from sync.core.records import Attendee, Visit
from sync.core.rules.same import participants_of, who_comes
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.operations.hand import by_hand
from sync.operations.hand.by_hand import NotPossibleError, Preview
from sync.operations.lookup import object_in_words
from sync.run import allowed
from sync.runtime import Sync
from sync.store import attention
from sync.store.tables import decisions, links
from sync.store.tables.links import Obj
from sync.store.visits import visits


def check(conn: Connection, both: "BothVisits") -> None:
    """Raises NotPossibleError where the group could not take this visit as its own."""
    left, right = both.left, both.right
    member = bool(participants_of(drchrono.to_person(both.patient), who_comes(right.attendees)))
    here = links.find(conn, "drchrono", "appointment", left.remote_id)
    asked = _asked(conn, here) if here is not None else set()
    if right.remote_id not in asked and not member:
        raise NotPossibleError(
            "That appointment's patient is not in the visit: name a member who is, or add them."
        )
    if left.starts != right.starts:
        raise NotPossibleError("They begin at different times: move one of them first.")
    for system, remote_id in (("drchrono", left.remote_id), ("oncall", right.remote_id)):
        obj = links.find(conn, system, "appointment", remote_id)
        for other in links.objects_of(conn, obj.aggregate) if obj else []:
            if other.kind != "appointment" or other.system == system or other.state == "gone":
                continue
            named = object_in_words(other)
            raise NotPossibleError(f"{remote_id} is linked with {named} already.")


def preview(both: "BothVisits") -> Preview:
    """What follows, without values."""
    a, b = both.left.remote_id, both.right.remote_id
    return Preview(
        (
            f"OnCall visit {b} stands for the group of appointment {a} (0 mails)",
            "who of the group is not in it is added (a mail each); who else is in it is booked",
        )
    )


def pair(conn: Connection, sync: Sync, both: "BothVisits") -> int:
    """Settle the open question by this answer; returns the aggregate to be raised.

    Raises NotPossibleError, and BusyError while a worker has one of the two.
    """
    check(conn, both)
    now, left, right = sync.clock(), both.left, both.right
    here = links.first_sight(conn, "drchrono", "appointment", left.remote_id, now=now)
    there = links.first_sight(conn, "oncall", "appointment", right.remote_id, now=now)
    by_hand.holding(conn, sync, here.aggregate, there.aggregate)
    for other in _asked(conn, here) - {right.remote_id}:
        decisions.tell_apart(conn, ("appointment", left.remote_id), ("visit", other), now=now)
    for obj in (here, there):
        links.change(conn, obj.id, state="live")
        attention.close_rest(conn, obj.aggregate, now)
        links.unblock(conn, obj.aggregate)
    visits.change(conn, there.aggregate, state="open", starts_at=right.starts, doctor=None)
    return here.aggregate


def _asked(conn: Connection, here: Obj) -> set[str]:
    """The visits that somebody is asked about."""
    return attention.named_in(conn, here.aggregate, allowed.UNSURE)


@dataclass(frozen=True)
class BothVisits:
    """Both sides of a visit as read now, the patient, and who of the attendees that is (1:1)."""

    here: dict[str, Json]
    there: dict[str, Json]
    left: Visit
    right: Visit
    patient: dict[str, Json]
    attendee: Attendee | None
