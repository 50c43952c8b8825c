"""Decide what becomes of one attendance: life and death first, then where it stands and who it is.

The same rules hold for the only attendance of a visit and for each of several (ADR 0031). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sync.core.records import Life, Maybe, State, Visit
from sync.core.rules.lifecycle import Turn, decide, terminal
from sync.core.rules.merge import Seen
from sync.core.rules.place import Slot
from sync.core.rules.policy import Policy


@dataclass(frozen=True)
class Member:
    """One attendance of a shared visit, as far as it was read.

    `state` None: the appointment was not read and is as it was. `moved`: its place differs from
    what was last settled. `there` is its participant's state, None when it has no participant;
    `parked`: it can't get one just now. `visit` and `told` are its appointment as read and how each
    field stands to its baseline; `has_marker` says that our marker is in it.
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
    visit: Visit | None = None
    told: Mapping[str, Seen] = field(default_factory=dict)
    has_marker: bool = True

    @property
    def open(self) -> bool:
        """Whether its appointment stands, as far as is known."""
        return self.state is None or not terminal(self.state)


class Fate(StrEnum):
    """What becomes of an attendance in this run."""

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
ASKING: Final = frozenset(Fate) - {Fate.STAYS, Fate.OVER}
CANCELS: Final = frozenset({Fate.LEAVES, Fate.SWAPPED, Fate.ENDS})


@dataclass(frozen=True)
class Lived:
    """The fate that life and death decide, the life to write where it is carried, and why."""

    fate: Fate
    life: Life | None = None
    turn: Turn = Turn.OPEN
    ask: str = ""
    why: str = ""


def lives(
    left: Maybe[State],
    left_seen: Seen,
    right: Maybe[State],
    right_seen: Seen,
    policy: Policy,
    *,
    past: bool = False,
) -> Lived:
    """Decide over life and death of one attendance: `left` its appointment, `right` in OnCall.

    `past`: the visit began already, so what is open again gets no new one.
    """
    decision = decide(left, left_seen, right, right_seen, policy)
    fate, life, ask = _fate_of(decision.turn, decision.life, policy, past=past)
    return Lived(fate, life, decision.turn, ask, f"life: {decision.turn} ({decision.why})")


def _fate_of(
    turn: Turn, life: Life | None, policy: Policy, *, past: bool
) -> tuple[Fate, Life | None, str]:
    match turn:
        case Turn.OPEN:
            return Fate.STAYS, None, ""
        case Turn.REOPENED:
            return _reopened(policy, past=past)
        case Turn.TO_LEFT:
            return Fate.ENDED, life, ""
        case Turn.TO_RIGHT:
            cancelled = life in {Life.CANCELLED, Life.DELETED}
            return (Fate.ENDS if cancelled else Fate.NOTED), life, ""
        case Turn.HELD:
            return Fate.HELD, None, ""
        case Turn.ASK | Turn.UNREADABLE:
            return Fate.ASK, None, _ASKED[turn]
        case Turn.NOTHING | Turn.ADOPT | Turn.RECORD:
            return Fate.OVER, None, ""


def _reopened(policy: Policy, *, past: bool) -> tuple[Fate, Life | None, str]:
    if policy.reopened == "ask" or policy.record == "right":
        return Fate.ASK, None, "reopened"
    if not policy.to_oncall:
        return Fate.HELD, None, ""
    return (Fate.OVER if past else Fate.REVIVED), None, ""


def fate_in(
    member: Member, slot: Slot, policy: Policy, *, follows: bool, waited: bool, past: bool
) -> Lived:
    """Decide what becomes of one of several attendances of a visit that shall stand at `slot`.

    An end decides before any field, the place too (docs/rules.md, R7).
    """
    lived = lives(
        member.state or _OPEN,
        member.seen,
        member.there or _OPEN,
        member.there_seen,
        policy,
        past=past,
    )
    if member.there is not None and terminal(member.there) and lived.fate is Fate.ENDED:
        return lived
    fate = _by_place(member, slot, policy, follows=follows) or _by_person(
        member, policy, waited=waited
    )
    return lived if fate is None else Lived(fate)


_ASKED: Final = {Turn.ASK: "state_differs", Turn.UNREADABLE: "baseline_unreadable"}
_OPEN: Final = State(Life.OPEN)


def _by_place(member: Member, slot: Slot, policy: Policy, *, follows: bool) -> Fate | None:
    if member.state is None or not member.open:
        return None
    if not member.in_scope and policy.left_scope == "ask":
        return Fate.LEFT_SCOPE
    elsewhere = member.slot is not None and member.slot != slot
    if not elsewhere and member.grouped and member.in_scope:
        return None
    if follows and member.grouped and member.in_scope and not member.moved:
        return Fate.FOLLOWS if policy.to_drchrono else Fate.HELD
    return Fate.LEAVES if policy.to_oncall else Fate.HELD


def _by_person(member: Member, policy: Policy, *, waited: bool) -> Fate | None:
    to_oncall, waits = policy.to_oncall, False
    if member.state is not None:
        waits = member.state.life is Life.RESCHEDULED
    if member.there is None:
        if member.parked or waits or not member.open:
            return Fate.OVER
        return Fate.JOINS if to_oncall else Fate.HELD
    if member.swapped and member.open:
        return Fate.SWAPPED if to_oncall else Fate.HELD
    if not waits:
        return None
    if not waited:
        return Fate.WAITS
    return Fate.ENDS if to_oncall else Fate.HELD
