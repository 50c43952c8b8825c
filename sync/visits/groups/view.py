"""A group visit as its plan sees it: members, the visit's two sides, and where OnCall has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.core.records import ABSENT, Absent, Life, State, Visit
from sync.core.rules import group, plausible
from sync.core.rules.group import PLACE, Member, Slot
from sync.core.rules.lifecycle import attendee_state
from sync.core.rules.merge import Seen
from sync.core.rules.plan import Presence, SideView
from sync.mapping import out_of_scope
from sync.oncall.translate import participants_wire
from sync.run.changes import compare
from sync.visits.state.load import has_participant
from sync.visits.state.model import Seat, VisitRun
from sync.visits.state.summary import as_settled

if TYPE_CHECKING:
    from collections.abc import Iterable


def members(run: VisitRun) -> list[Member]:
    """Each seat for the plan."""
    return [_member(run, seat) for seat in run.seats]


def _member(run: VisitRun, seat: Seat) -> Member:
    there, there_seen = _there(run, seat)
    found = Member(seat.attended.id, there=there, there_seen=there_seen)
    if seat.gone:
        carried = seat.appointment.state == "gone"
        state = State(Life.DELETED)
        return replace(found, state=state, seen=Seen.SAME if carried else Seen.CHANGED)
    if seat.shown is None:
        return replace(found, parked=seat.parked)
    shown, seen = seat.shown.visit, seat.shown.seen
    return replace(
        found,
        slot=group.slot_of(shown),
        grouped=shown.group or bool(run.slot.born),
        in_scope=bool(shown.patient) and not out_of_scope(run.mapping, shown),
        moved=any(seen.get(name) is Seen.CHANGED for name in PLACE),
        swapped=seen.get("patient") is Seen.CHANGED,
        state=shown.state if isinstance(shown.state, State) else None,
        seen=seen.get("state", Seen.ABSENT),
    )


def _there(run: VisitRun, seat: Seat) -> tuple[State | None, Seen]:
    """The participant's state: the visit's own where that has ended."""
    row = seat.participant
    if row is None or row.remote_id is None:
        return None, Seen.ABSENT
    over, shown = run.oncall_over(), run.oncall()
    if over is not None:
        seen = shown.seen.get("state", Seen.NEW) if shown is not None else _gone_seen(run)
        return over, seen
    if shown is None:
        return as_settled(run, row)
    wire = participants_wire(shown.json).get(str(row.remote_id))
    if wire is None:
        # Not in the list any more: told (`tell_lost`), and nobody's appointment is cancelled.
        return as_settled(run, row)
    told = compare(run.sync.digests, row.id, wire, run.state.stored)
    return attendee_state(cancelled=wire.get("state") is True), told.get("state", Seen.NEW)


def _gone_seen(run: VisitRun) -> Seen:
    obj = run.state.object("oncall")
    return Seen.SAME if obj is not None and obj.state == "gone" else Seen.CHANGED


def sides(run: VisitRun, slot: Slot) -> tuple[SideView, SideView]:
    """Both sides of the visit's own fields; life and death are the members'.

    DrChrono's is one visit in the place of all members that stand at `slot`; a field of it changed
    when it did for one of them (the type: for most), or when `slot` is not where the visit stood:
    a run that ended early settled nothing of its members.
    """
    state, standing = run.state, []
    for seat in run.seats:
        shown = seat.shown
        if shown is None or not has_participant(seat) or shown.visit.type is None:
            continue
        if group.slot_of(shown.visit) == slot:
            standing.append(shown)
    seen = {name: _most_news(one.seen.get(name, Seen.SAME) for one in standing) for name in PLACE}
    seen |= dict.fromkeys(group.differing(run.slot, slot), Seen.CHANGED)
    types = [one.visit.type for one in standing if one.seen.get("type") is Seen.CHANGED]
    most = max(types, key=types.count, default=None)
    changed = most is not None and 2 * types.count(most) > len(_open_seats(run))
    first = next((one.visit.type for one in standing), ABSENT)
    left = Visit(
        "drchrono",
        "",
        starts=slot.starts,
        minutes=slot.minutes,
        provider=slot.doctor,
        type=most if changed else first,
        state=State(Life.OPEN),
    )
    told = {**seen, "type": Seen.CHANGED if changed else Seen.SAME}
    told |= {"state": Seen.SAME, "patient": Seen.SAME}
    view = SideView(Presence.LIVE, left, told, marked=True)
    obj, there = state.object("oncall"), run.oncall()
    right = SideView(
        presence=state.presence("oncall"),
        visit=there.visit if there else None,
        seen=there.seen if there else {},
        marked=obj.marked if obj else False,
    )
    return view, right


def _open_seats(run: VisitRun) -> list[Seat]:
    return [seat for seat in run.seats if has_participant(seat) and not seat.gone]


def _most_news(seen: Iterable[Seen]) -> Seen:
    found = set(seen)
    return Seen.CHANGED if Seen.CHANGED in found else Seen.SAME


def moved_by_oncall(run: VisitRun) -> bool:
    """Whether OnCall's place is news while no member moved: then the members follow it."""
    shown = run.oncall()
    if shown is None or run.oncall_over() is not None:
        return False
    news = any(shown.seen.get(name) is Seen.CHANGED for name in PLACE)
    return news and not any(member.moved for member in members(run))


def slot_in_oncall(run: VisitRun) -> Slot:
    """The slot with what OnCall shows of it."""
    shown, slot = run.oncall(), run.slot
    if shown is None:
        return slot
    seen = shown.visit
    if not isinstance(seen.starts, Absent) and plausible.starts(seen.starts, run.state.now):
        slot = replace(slot, starts=seen.starts)
    if not isinstance(seen.minutes, Absent):
        slot = replace(slot, minutes=seen.minutes)
    if not isinstance(seen.provider, Absent) and seen.provider != slot.doctor:
        office = run.mapping.booking_office(seen.provider)
        slot = replace(slot, doctor=seen.provider, office=office or slot.office)
    return slot
