"""Plan a visit that several attendances share: who joins, leaves and moves, and where it stands.

Appointments with a group profile that stand in one slot are attendances of one OnCall visit (R36).
Pure, as `plan`.

R… are rules of docs/rules.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sync.core.records import ABSENT, Life, State, Visit
from sync.core.rules.effects import (
    Book,
    CancelParticipant,
    Effect,
    Invite,
    Mark,
    Patch,
    SendAway,
    TakeSlot,
)
from sync.core.rules.fates import CANCELS, PRESENT, Fate, Lived, Member, fate_in
from sync.core.rules.fields import plan_fields
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Seen
from sync.core.rules.place import PLACE, Slot, differing, slot_of
from sync.core.rules.policy import Policy
from sync.core.rules.views import Plan, Presence, SideView, VisitView

_AGAIN = (Fate.REVIVED, Fate.SWAPPED)


def plan_several(view: VisitView, policy: Policy, now: datetime) -> Plan:
    """The plan of a shared visit; `view.slot` says where it stands."""
    at, over = view.slot, view.oncall.over
    assert at is not None and view.there is not None  # noqa: S101, PT018 - it is shared
    follows = _moved_by_oncall(view)
    imminent = at.starts <= now + policy.imminent
    placed = place_members(
        view.members,
        view.there if follows else at,
        policy,
        follows=follows,
        over=over is not None,
        waited=imminent or (view.hold_until is not None and view.hold_until <= now),
        past=at.starts < now,
        taken=view.taken,
    )
    emptied = placed.ends is not None and view.newcomers
    if emptied:
        placed = replace(placed, ends=None)
    fields = Plan()
    if view.oncall.visit is not None and over is None and placed.ends is None:
        # When OnCall moved it, DrChrono's side still stands in the old slot.
        fields = _fields(view, at, at if follows else placed.slot, policy, now)
    waits = bool(placed.of(Fate.WAITS))
    why = tuple(f"member {one}: {lived.fate}" for one, lived in placed.lived.items())
    asks = {lived.ask for lived in placed.lived.values() if lived.ask}
    asks |= {"left_scope"} if placed.of(Fate.LEFT_SCOPE) else set()
    return replace(
        fields,
        effects=_effects(view, placed, fields, follows=follows, now=now),
        asks=tuple(dict.fromkeys((*fields.asks, *sorted(asks)))),
        held=(*fields.held, *(("participants",) if placed.of(Fate.HELD) else ())),
        wait_until=(view.hold_until or now + policy.grace) if waits else None,
        closed=_closed(view, placed),
        why=(*why, *fields.why),
        fates={one: lived.fate for one, lived in placed.lived.items()},
        slot=placed.slot,
        ends=placed.ends,
        emptied=emptied,
    )


def _closed(view: VisitView, placed: Placed) -> bool:
    """Whether nobody is left; one that was booked in OnCall waits for its first appointment."""
    waits = not placed.lived and view.oncall.over is None and bool(placed.slot.born)
    return not (placed.of(*PRESENT) or waits)


def _moved_by_oncall(view: VisitView) -> bool:
    """Whether OnCall's place is news while no member moved: then the members follow it."""
    oncall = view.oncall
    if oncall.visit is None or oncall.over is not None:
        return False
    news = any(oncall.seen.get(name) is Seen.CHANGED for name in PLACE)
    return news and not any(member.moved for member in view.members)


# --- who stays ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Placed:
    """Where the visit shall stand, what becomes of each member, and how it ends if it does."""

    slot: Slot
    lived: Mapping[int, Lived] = field(default_factory=dict)
    ends: Life | None = None

    @property
    def fates(self) -> dict[int, Fate]:
        """Each member's fate."""
        return {one: lived.fate for one, lived in self.lived.items()}

    @property
    def lives(self) -> dict[int, Life]:
        """What is written to the appointment of a member whose participant has ended."""
        return {
            one: lived.life
            for one, lived in self.lived.items()
            if lived.fate is Fate.ENDED and lived.life is not None
        }

    def of(self, *fates: Fate) -> list[int]:
        """The members that have one of these fates."""
        return [one for one, lived in self.lived.items() if lived.fate in fates]


def place_members(
    members: Sequence[Member],
    slot: Slot,
    policy: Policy,
    *,
    follows: bool = False,
    over: bool = False,
    waited: bool = False,
    past: bool = False,
    taken: Callable[[Slot], bool] = lambda _slot: False,
) -> Placed:
    """Decide what becomes of the members of a visit that shall stand at `slot`.

    `follows`: OnCall moved the visit there, so members that did not move themselves are taken
    along. `over`: the OnCall visit itself has ended. `waited`: the grace of rescheduled members has
    passed. `taken` tells whether another open visit stands in a slot: then a visit never moves
    there, its members do.
    """
    if not follows:
        target = replace(_most_moved_to(members, slot), born=slot.born)
        slot = slot if target != slot and taken(target) else target
    lived = {
        member.id: fate_in(member, slot, policy, follows=follows, waited=waited, past=past)
        for member in members
    }
    placed = Placed(slot, lived)
    return placed if over else replace(placed, ends=_ends(members, placed.fates, policy))


def _most_moved_to(members: Sequence[Member], slot: Slot) -> Slot:
    """Where most of those who come stand now; the present slot unless most moved to one other."""
    there = [m for m in members if m.open and m.there is not None and not terminal(m.there)]
    slots = Counter(m.slot for m in there if m.slot is not None and m.grouped)
    best, count = max(slots.items(), key=lambda item: item[1], default=(slot, 0))
    return best if best is not None and 2 * count > len(there) else slot


def _ends(members: Sequence[Member], fates: Mapping[int, Fate], policy: Policy) -> Life | None:
    """How the visit ends when nobody is left: one write to the visit, not one for each member."""
    if any(fate in PRESENT for fate in fates.values()):
        return None
    if not any(fate in CANCELS or fate is Fate.NOTED for fate in fates.values()):
        # The last one was cancelled in OnCall: what is left there is empty.
        return Life.CANCELLED if Fate.ENDED in fates.values() and policy.to_oncall else None
    lives = {m.state.life for m in members if m.state is not None and terminal(m.state)}
    for life in (Life.COMPLETE, Life.NO_SHOW):
        if life in lives:
            return life if policy.fees else None
    return Life.CANCELLED


# --- its fields -----------------------------------------------------------------------------------


def _fields(view: VisitView, at: Slot, slot: Slot, policy: Policy, now: datetime) -> Plan:
    """The plan for time, length, type and provider; life and death are the members'."""
    left = as_one(view.members, at, slot)
    return replace(plan_fields(left, view.oncall, policy, now), notes=view.oncall.notes)


def as_one(members: Sequence[Member], at: Slot, slot: Slot) -> SideView:
    """DrChrono's side: one appointment in the place of all that stand at `slot`.

    A field of it changed when it did for one of them (the type: for most), or when `slot` is not
    `at`, where the visit stood: a run that ended early settled nothing of its members.
    """
    standing = [m for m in members if m.there is not None and m.visit is not None
                and m.visit.type is not None and slot_of(m.visit) == slot]  # fmt: skip
    seen = {name: _most_news(m.told.get(name, Seen.SAME) for m in standing) for name in PLACE}
    seen |= dict.fromkeys(differing(at, slot), Seen.CHANGED)
    types = [m.visit.type for m in standing if m.visit and m.told.get("type") is Seen.CHANGED]
    most = max(types, key=types.count, default=None)
    coming = [m for m in members if m.there is not None and not _is_deleted(m)]
    changed = most is not None and 2 * types.count(most) > len(coming)
    first = next((m.visit.type for m in standing if m.visit), ABSENT)
    visit = Visit(
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
    return SideView(Presence.LIVE, visit, told, has_marker=True)


def _is_deleted(member: Member) -> bool:
    return member.state is not None and member.state.life is Life.DELETED


def _most_news(seen: Iterable[Seen]) -> Seen:
    return Seen.CHANGED if Seen.CHANGED in set(seen) else Seen.SAME


# --- the effects, in order ------------------------------------------------------------------------


def _effects(
    view: VisitView, placed: Placed, fields: Plan, *, follows: bool, now: datetime
) -> tuple[Effect, ...]:
    """Order the effects: who leaves goes first and gets no mail of a move that they miss."""
    moves = [] if placed.slot == view.slot else [TakeSlot(placed.slot)]
    return (
        *_leaving(view, placed),
        # Where OnCall moved it, the members are there before the slot is taken.
        *([] if follows else moves),
        *(e for e in fields.effects if isinstance(e, Patch) and e.system == "oncall"),
        *_appointments(view, placed, fields),
        *(moves if follows else []),
        *_joining(view, placed, now),
        *_marks(view, placed, fields),
        *([SendAway(tuple(leaving))] if (leaving := placed.of(Fate.LEAVES)) else []),
    )


def _leaving(view: VisitView, placed: Placed) -> list[Effect]:
    if placed.ends is None:
        there = {m.id: m.there for m in view.members}
        over = view.oncall.over is not None
        return [
            CancelParticipant(one)
            for one in placed.of(*CANCELS)
            if there[one] is not None and not over
        ]
    if view.oncall.presence is not Presence.LIVE or view.oncall.visit is None:
        return []
    return [Patch("oncall", {"state": placed.ends}, ending(placed.ends))]


def _appointments(view: VisitView, placed: Placed, fields: Plan) -> list[Effect]:
    """Carry what OnCall changed to each appointment; the last of them settles it."""
    read = {m.id for m in view.members if m.visit is not None}
    over = view.oncall.over is not None
    ended = [(one, life) for one, life in placed.lives.items() if one in read]
    found = [
        Patch("drchrono", {"state": life}, ending(life), one, settles=over and at == len(ended))
        for at, (one, life) in enumerate(ended, 1)
    ]
    for patch in fields.effects:
        if isinstance(patch, Patch) and patch.system == "drchrono":
            stay = [one for one in placed.of(Fate.STAYS, Fate.FOLLOWS) if one in read]
            found += [replace(patch, attendance=one, settles=one == stay[-1]) for one in stay]
    return [*found, *_strays(view, placed, frozenset(n for p in found for n in p.values))]


def _strays(view: VisitView, placed: Placed, carried: frozenset[str]) -> list[Effect]:
    """Bring who alone stands elsewhere to where OnCall has the visit, beside what is `carried`."""
    found: list[Effect] = []
    for member in (m for m in view.members if placed.fates.get(m.id) is Fate.FOLLOWS):
        if member.slot is None or member.visit is None:
            continue
        names = differing(member.slot, placed.slot) - carried
        at = {"starts": placed.slot.starts, "minutes": placed.slot.minutes}
        values = {name: {**at, "provider": placed.slot.doctor}[name] for name in sorted(names)}
        if values:
            found.append(Patch("drchrono", values, "update", member.id, settles=False))
    return found


def _joining(view: VisitView, placed: Placed, now: datetime) -> list[Effect]:
    """Add who joins, and who comes again: the first as they are, the others in a new life."""
    assert view.slot is not None  # noqa: S101 - it is shared
    again, joins = tuple(placed.of(*_AGAIN)), tuple(placed.of(Fate.JOINS))
    over = view.oncall.over is not None
    if not (again or joins) or placed.slot.starts < now or (over and placed.of(Fate.ENDED)):
        return []
    return [Invite(joins, again, anew=over, making=view.oncall.presence is Presence.NONE)]


def _marks(view: VisitView, placed: Placed, fields: Plan) -> list[Effect]:
    """Our marker in each appointment that lacks it, and in a visit that was booked in OnCall.

    Who is invited gets it with that.
    """
    here = set(placed.of(*(PRESENT - {Fate.JOINS, *_AGAIN})))
    found: list[Effect] = [
        Mark("drchrono", m.id)
        for m in view.members
        if m.id in here and m.visit is not None and not m.has_marker
    ]
    if placed.ends is None and view.oncall.visit is not None:
        found += [Book()] if view.newcomers else []
        found += [e for e in fields.effects if isinstance(e, Mark) and e.system == "oncall"]
    return found


def ending(life: Life | None) -> str:
    """What the brake is told: completing and no-showing are no cancellations."""
    return "cancel" if life in {Life.CANCELLED, Life.DELETED} else "update"
