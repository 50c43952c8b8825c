"""Who belongs to a group visit: appointments with a group profile that stand in one slot.

DrChrono has no group visits (design §8): doctor, office, start and length make one. Pure; it names
what becomes of each member and where the visit stands, and does nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sync.core.records import Absent, Life, State, Visit
from sync.core.rules import plausible
from sync.core.rules.lifecycle import Turn, decide, terminal
from sync.core.rules.merge import Seen
from sync.core.rules.plan import Policy

PREFIX: Final = "group:"
PLACE: Final = ("starts", "minutes", "provider")
_TIME: Final = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Slot:
    """Where a group visit stands: a DrChrono doctor and office, its start (UTC) and minutes.

    `born` is the OnCall id of a visit that was booked there: its members need no group profile,
    and nobody joins it but through OnCall. It is no part of the place.
    """

    doctor: str
    office: str
    starts: datetime
    minutes: int
    born: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """What no two open visits may share; never the key of a 1:1 visit."""
        place = f"{PREFIX}{self.doctor}:{self.office}:{self.starts:{_TIME}}:{self.minutes}"
        return f"{place}:{self.born}" if self.born else place


def differing(one: Slot, other: Slot) -> set[str]:
    """The fields of the visit (of PLACE) in which two slots differ."""
    values = ((s.starts, s.minutes, s.doctor) for s in (one, other))
    return {name for name, a, b in zip(PLACE, *values, strict=True) if a != b}


def is_group(slot_key: str | None) -> bool:
    """Whether a visit's slot key is that of a group visit."""
    return slot_key is not None and slot_key.startswith(PREFIX)


def slot_from(key: str) -> Slot:
    """The slot that a group visit's key names."""
    doctor, office, starts, minutes, *born = key.removeprefix(PREFIX).split(":")
    at = datetime.strptime(starts, _TIME).replace(tzinfo=UTC)
    return Slot(doctor, office, at, int(minutes), "".join(born))


def slot_of(shown: Visit) -> Slot | None:
    """The slot of an appointment as read; None when that is not known whole."""
    doctor, office, starts = shown.provider, shown.office, shown.starts
    minutes = plausible.length(shown)
    if isinstance(doctor, Absent) or isinstance(office, Absent):
        return None
    if isinstance(starts, Absent) or isinstance(minutes, Absent):
        return None
    return Slot(doctor, office, starts, minutes)


def kept_in(slot: Slot, shown: Visit, now: datetime) -> tuple[Visit, frozenset[str]]:
    """A member's appointment that stands where it can't: seen in the slot it is in instead.

    Also returns the causes to tell. A place that is the slot's own, however old, is none.
    """
    odd: set[str] = set()
    at = shown.starts
    if not isinstance(at, Absent) and at != slot.starts and not plausible.starts(at, now):
        odd.add("time_implausible")
        shown = replace(shown, starts=slot.starts)
    if isinstance(shown.minutes, Absent):
        odd.add("no_length")
        shown = replace(shown, minutes=slot.minutes)
    return shown, frozenset(odd)


@dataclass(frozen=True)
class Member:
    """One attendance of a group visit, as far as it was read.

    `state` None: the appointment was not read and is as it was. `moved`: its place differs from
    what was last settled. `there` is its participant's state, None when it has no participant;
    `parked`: it can't get one just now.
    """

    id: int
    slot: Slot | None = None
    grouped: bool = True
    in_scope: bool = True
    moved: bool = False
    swapped: bool = False
    parked: bool = False
    state: State | None = None
    seen: Seen = Seen.SAME
    there: State | None = None
    there_seen: Seen = Seen.SAME

    @property
    def open(self) -> bool:
        """Whether its appointment stands, as far as is known."""
        return self.state is None or not terminal(self.state)


class Fate(StrEnum):
    """What becomes of a member in this run."""

    STAYS = "stays"
    JOINS = "joins"  # gets a participant
    FOLLOWS = "follows"  # its appointment is moved to where OnCall has the visit
    LEAVES = "leaves"  # stands in another slot: its participant is cancelled, it goes
    SWAPPED = "swapped"  # another patient: the old participant is cancelled, a new one added
    REVIVED = "revived"  # open again in the record: a new participant
    ENDS = "ends"  # its participant is cancelled
    ENDED = "ended"  # its participant was cancelled: its appointment is
    NOTED = "noted"  # no-shown or completed alone: OnCall knows that of whole visits only
    OVER = "over"
    WAITS = "waits"  # rescheduled: for its successor
    HELD = "held"  # due, but the direction does not allow it
    ASK = "ask"
    LEFT_SCOPE = "left_scope"  # not synced any more, and a person decides


PRESENT: Final = frozenset(
    {Fate.STAYS, Fate.JOINS, Fate.FOLLOWS, Fate.SWAPPED, Fate.REVIVED, Fate.WAITS, Fate.HELD}
    | {Fate.ASK, Fate.LEFT_SCOPE}
)
CANCELS: Final = frozenset({Fate.LEAVES, Fate.SWAPPED, Fate.ENDS})


@dataclass(frozen=True)
class GroupPlan:
    """The slot the visit shall have, each member's fate, and how the visit ends if it does.

    `lives` is what is written to the appointment of an ENDED member.
    """

    slot: Slot
    fates: Mapping[int, Fate]
    lives: Mapping[int, Life] = field(default_factory=dict)
    ends: Life | None = None

    def of(self, *fates: Fate) -> list[int]:
        """The members that have one of these fates."""
        return [one for one, fate in self.fates.items() if fate in fates]

    @property
    def quiet(self) -> bool:
        """Whether no member asks for anything."""
        return not self.of(*(set(Fate) - {Fate.STAYS, Fate.OVER})) and self.ends is None


def most_moved_to(members: Sequence[Member], slot: Slot) -> Slot:
    """Where most of those who come stand now; the present slot unless most moved to one other."""
    there = [m for m in members if m.open and m.there is not None and not terminal(m.there)]
    slots = Counter(m.slot for m in there if m.slot is not None and m.grouped)
    best, count = max(slots.items(), key=lambda item: item[1], default=(slot, 0))
    return best if best is not None and 2 * count > len(there) else slot


def plan_group(
    members: Sequence[Member],
    slot: Slot,
    policy: Policy,
    *,
    follows: bool = False,
    over: bool = False,
    waited: bool = False,
    taken: Callable[[Slot], bool] = lambda _slot: False,
) -> GroupPlan:
    """What becomes of a group visit that shall stand at `slot`.

    `follows`: OnCall moved the visit there, so members that did not move themselves are taken
    along. `over`: the OnCall visit itself has ended. `waited`: the grace of rescheduled members has
    passed. `taken` tells whether another open visit stands in a slot: then a visit never moves
    there, its members do.
    """
    if not follows:
        target = replace(most_moved_to(members, slot), born=slot.born)
        slot = slot if target != slot and taken(target) else target
    fates: dict[int, Fate] = {}
    lives: dict[int, Life] = {}
    for member in members:
        fate, life = _fate(member, slot, policy, follows=follows, waited=waited)
        fates[member.id] = fate
        if life is not None:
            lives[member.id] = life
    return GroupPlan(slot, fates, lives, None if over else _ends(members, fates, policy))


def _fate(
    member: Member, slot: Slot, policy: Policy, *, follows: bool, waited: bool
) -> tuple[Fate, Life | None]:
    read_open = member.state is not None and member.open
    if member.there is not None and terminal(member.there):
        # An end decides before any field, the place too (design §5).
        ended = _lives(member, policy)
        if ended[0] is Fate.ENDED:
            return ended
    if read_open and not member.in_scope and policy.left_scope == "ask":
        return Fate.LEFT_SCOPE, None
    elsewhere = member.slot is not None and member.slot != slot
    away = read_open and (elsewhere or not member.grouped or not member.in_scope)
    if away and follows and member.grouped and member.in_scope and not member.moved:
        return (Fate.FOLLOWS if policy.to_drchrono else Fate.HELD), None
    if away:
        return (Fate.LEAVES if policy.to_oncall else Fate.HELD), None
    if member.there is None:
        return _without_participant(member, policy), None
    if member.swapped and member.open:
        return (Fate.SWAPPED if policy.to_oncall else Fate.HELD), None
    if member.state is not None and member.state.life is Life.RESCHEDULED:
        return _rescheduled(policy, waited=waited), None
    return _lives(member, policy)


def _without_participant(member: Member, policy: Policy) -> Fate:
    waits = member.state is not None and member.state.life is Life.RESCHEDULED
    if member.parked or waits or not member.open:
        return Fate.OVER
    return Fate.JOINS if policy.to_oncall else Fate.HELD


def _rescheduled(policy: Policy, *, waited: bool) -> Fate:
    if not waited:
        return Fate.WAITS
    return Fate.ENDS if policy.to_oncall else Fate.HELD


def _lives(member: Member, policy: Policy) -> tuple[Fate, Life | None]:
    """Life and death of one attendance, as of a 1:1 visit."""
    open_unread = State(Life.OPEN)
    decision = decide(
        member.state or open_unread,
        member.seen,
        member.there or open_unread,
        member.there_seen,
        record=policy.record,
        new=policy.new,
        to_left=policy.to_drchrono,
        to_right=policy.to_oncall,
    )
    match decision.turn:
        case Turn.OPEN:
            return Fate.STAYS, None
        case Turn.TO_LEFT:
            return Fate.ENDED, decision.life
        case Turn.TO_RIGHT:
            ended = decision.life in {Life.CANCELLED, Life.DELETED}
            return (Fate.ENDS if ended else Fate.NOTED), None
        case Turn.REOPENED:
            asked = policy.reopened == "ask" or policy.record == "right"
            if asked or not policy.to_oncall:
                return (Fate.ASK if asked else Fate.HELD), None
            return Fate.REVIVED, None
        case Turn.HELD:
            return Fate.HELD, None
        case Turn.ASK | Turn.UNREADABLE:
            return Fate.ASK, None
        case Turn.NOTHING | Turn.ADOPT | Turn.RECORD:
            return Fate.OVER, None


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
