"""Find a group that was entered by hand on both sides, before anything is made for it.

Whichever side came first, the DrChrono group takes the OnCall visit as its own; an OnCall visit
waits while such a group is still being made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Gone
from sync.core.records import Absent, Visit
from sync.core.rules import people
from sync.core.rules.same import Here, Same, same_visit
from sync.oncall import translate as oncall
from sync.run import allowed, transfer
from sync.run.outcomes import BUSY, LaterError, ParkedError
from sync.store import attention, objects
from sync.store.lanes import Hints
from sync.store.tables import attendances, blockers, decisions, links, person_index, work
from sync.store.visits import visits

if TYPE_CHECKING:
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
    for who in shown.attendees:
        named = dict(people.keys(who)).get("email_name")
        if named is None or who.cancelled is True:
            continue
        if members & set(person_index.find(conn, run.sync.digests, "email_name", named)):
            return True
    return False


# --- a group that has no OnCall visit yet ---------------------------------------------------------


def take(run: VisitRun, invited: Invited) -> None:
    """Take the OnCall visit that staff booked for this group, if there is one.

    Raises LaterError when it was taken or is busy, ParkedError when it may be one of several.
    """
    found = [twin for twin in _candidates(run) if _is_for(run, twin, invited)]
    if not found:
        return
    with run.sync.store.read() as conn:
        unsure = any(allowed.is_unsure(conn, twin.aggregate) for twin in found)
    if unsure or len(found) > 1:
        ids = tuple(str(twin.remote_id) for twin in found)
        raise allowed.unsure(ids, (twin.aggregate for twin in found))
    _absorb(run, found[0], invited)


def _candidates(run: VisitRun) -> list[Obj]:
    """OnCall visits without appointments that stand then, or that were not read yet."""
    slot = run.slot
    with run.sync.store.read() as conn:
        found = objects.at_place(
            conn, "oncall", slot.doctor, slot.starts, besides=run.state.key, also_denied=True
        )
        return [twin for twin in found if _is_alone(conn, twin) and not _is_apart(conn, run, twin)]


def _is_alone(conn: Connection, twin: Obj) -> bool:
    others = [one for one in links.objects_of(conn, twin.aggregate) if one.kind == "appointment"]
    return all(one.id == twin.id or one.state == "gone" for one in others)


def _is_apart(conn: Connection, run: VisitRun, twin: Obj) -> bool:
    """Whether somebody has told it apart from one of the members by hand."""
    ids = [str(seat.appointment.remote_id) for seat in run.seats]
    return bool(decisions.apart(conn, "visit", str(twin.remote_id), "appointment", ids))


def _is_for(run: VisitRun, twin: Obj, invited: Invited) -> bool:
    """Whether it stands in this slot, bears no marker, and one of its participants is a member."""
    try:
        json = run.sync.oncall.get_appointment(run.ticket, str(twin.remote_id))
    except Gone:
        return False
    shown = oncall.to_visit(json, run.mapping)
    charts = tuple(met.person for met in invited.met.values())
    here = Here(run.slot.starts, run.slot.doctor, charts, group=True)
    return not shown.marker and same_visit(here, shown) is Same.CERTAIN


def _absorb(run: VisitRun, twin: Obj, invited: Invited) -> None:
    """The next run finds each member's participant in it, and adds who is missing."""
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        held = transfer.hold(conn, sync, twin.aggregate, lease=state.lease, hints=Hints.both())
        now = held.now
        if not _is_alone(conn, twin):
            raise LaterError(now + BUSY, Hints.both())
        transfer.absorb(held, twin.aggregate, state.key, hints=Hints.both())
        links.change(conn, twin.id, generation=state.generation)
        for one, met in invited.met.items():
            attendances.change_attendance(conn, one, person=met.key, person_version=met.version)
    raise LaterError(now, Hints.both())


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
