"""Find a group that was entered by hand on both sides, before anything is made for it.

Whichever side came first, the DrChrono group takes the OnCall visit as its own; an OnCall visit
waits while such a group is still being made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.records import Absent, Visit
from sync.core.rules.same import Here, Same, same_visit, who_comes
from sync.people import by_index
from sync.run import allowed
from sync.run.outcomes import BUSY, LaterError, ParkedError
from sync.store import attention
from sync.store.lanes import Hints
from sync.store.tables import attendances, blockers, decisions, links, work
from sync.store.visits import visits
from sync.visits.linking import join

if TYPE_CHECKING:
    from sync.run.transfer import Held
    from sync.store.tables.links import Obj
    from sync.visits.linking.invited import Invited
    from sync.visits.state.model import VisitRun


# --- an OnCall visit that nobody has booked in DrChrono yet, as it seems --------------------------


def wait_for_group(run: VisitRun) -> None:
    """Let a group that stands where this OnCall visit does come first: it may be its own.

    Raises LaterError while such a group has no OnCall visit yet and is being worked on, ParkedError
    when it has one with one of these people (this was entered a second time, and is told), or when
    somebody is asked which visit is the group's.
    """
    shown = run.state.read["oncall"].visit
    if isinstance(shown.starts, Absent):
        return
    with run.sync.store.read() as conn:
        doctor = None if isinstance(shown.provider, Absent) else shown.provider
        for key in visits.groups_at(conn, shown.starts, doctor, besides=run.state.key):
            made = [o for o in links.objects_of(conn, key) if _is_visit(o) and o.known]
            if made and _attend_too(conn, run, key, shown):
                also = ((blockers.RUN, str(key)),)
                raise ParkedError("operator", "slot_taken", "slot_taken", also=also)
            if not made and shown.remote_id in attention.named_in(conn, key, allowed.UNSURE):
                ids = tuple(
                    str(one.remote_id)
                    for one in links.objects_of(conn, key)
                    if one.system == "drchrono" and one.known
                )
                raise allowed.unsure(ids, (key,))
            due = work.waits_until(conn, key)
            if not made and due is not None:
                raise LaterError(max(due, run.state.now) + BUSY, Hints.both())


def _is_visit(obj: Obj) -> bool:
    return (obj.system, obj.kind) == ("oncall", "appointment")


def _attend_too(conn: Connection, run: VisitRun, key: int, shown: Visit) -> bool:
    members = {a.person for a in attendances.attendances(conn, key) if a.current}
    coming = by_index.those_coming(conn, run.sync.digests, who_comes(shown.attendees))
    return not members.isdisjoint(coming)


# --- a group that has no OnCall visit yet ---------------------------------------------------------


def take(run: VisitRun, invited: Invited) -> None:
    """Take the OnCall visit that staff booked for this group, if there is one.

    It stands in this slot, bears no marker, and one of its participants is a member. The next run
    finds each member's participant in it, and adds who is missing.
    Raises LaterError when it was taken or is busy, ParkedError when it may be one of several.
    """
    slot = run.slot
    charts = tuple(met.person for met in invited.met.values())
    here = Here(slot.starts, slot.doctor, charts, group=True)
    found = [
        twin
        for twin, _json, shown in join.read(
            run, join.candidates(run, "oncall", slot.doctor, slot.starts)
        )
        if not shown.marker and same_visit(here, shown) is Same.CERTAIN
    ]
    if not found:
        return
    join.refuse_unsure(run, found)
    if len(found) > 1:
        raise join.which_of(found)

    def attend(held: Held) -> None:
        for one, met in invited.met.items():
            values = {"person": met.key, "person_version": met.version}
            attendances.change_attendance(held.conn, one, **values)

    join.absorb(run, found[0], attend)


def stands_elsewhere(conn: Connection, run: VisitRun, person: int) -> bool:
    """Whether another open visit has this person with the doctor at that time.

    One that has no participant yet counts when it was told apart from this visit by hand.
    """
    slot, there = run.slot, run.state.object("oncall")
    found = attendances.elsewhere(conn, person, slot.doctor, slot.starts, besides=run.state.key)
    if any(participant is not None for participant, _ in found):
        return True
    ids = [remote_id for _, remote_id in found if remote_id is not None]
    named = "visit", str(there.remote_id if there is not None else None)
    return bool(decisions.apart(conn, *named, "appointment", ids))
