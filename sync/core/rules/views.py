"""Hold what a plan is made from and what it says: both sides as read, and the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sync.core.records import ABSENT, Absent, Life, Maybe, State, Visit
from sync.core.rules.effects import Effect, Patch
from sync.core.rules.fates import ASKING, Fate, Member
from sync.core.rules.lifecycle import is_noted, terminal
from sync.core.rules.merge import FieldSide, Seen
from sync.core.rules.place import Slot

FIELDS: Final = ("starts", "minutes", "type", "provider")
# The cause for baselines under a digest key that we don't have.
UNREADABLE: Final = "baseline_unreadable"


class Presence(StrEnum):
    """Whether a side's object is there."""

    NONE = "none"  # never made, as far as this generation goes
    MAKING = "making"  # a create of ours is under way or its outcome is unknown
    LIVE = "live"
    GONE = "gone"


@dataclass(frozen=True)
class SideView:
    """One side as read now. `visit` is None when it is not there or was not read.

    `later` names the fields that were edited there after a write of ours which carried what the
    other side still shows, and whose outcome nobody told us.
    """

    presence: Presence = Presence.NONE
    visit: Visit | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    has_marker: bool = False
    later: frozenset[str] = frozenset()

    def side(self, name: str) -> FieldSide:
        """One field of it for the merge."""
        if self.visit is None:
            return FieldSide(Seen.ABSENT)
        value = getattr(self.visit, name)
        if isinstance(value, Absent):
            return FieldSide(Seen.ABSENT)
        return FieldSide(self.seen.get(name, Seen.NEW), value, name in self.later)

    @property
    def state(self) -> Maybe[State]:
        """Its state; a deleted object is DELETED whatever it said before."""
        if self.presence is Presence.GONE:
            return State(Life.DELETED)
        return ABSENT if self.visit is None else self.visit.state

    @property
    def state_seen(self) -> Seen:
        """How its state stands to its baseline; a deletion is news until it was carried."""
        if self.presence is Presence.GONE:
            return self.seen.get("state", Seen.CHANGED)
        return self.side("state").seen

    @property
    def over(self) -> State | None:
        """How it ended; None when it is open, was not read, or is not made."""
        state = self.state
        return state if isinstance(state, State) and terminal(state) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Tell Charge failed and Fee waived when they are news: they end nothing."""
        news = self.state_seen in {Seen.CHANGED, Seen.NEW}
        told = isinstance(self.state, State) and is_noted(self.state)
        return ("noted",) if news and told else ()


def _is_free(_slot: Slot) -> bool:
    return False


@dataclass(frozen=True)
class VisitView:
    """A visit of one generation as read now.

    `slot` is None for a visit with one attendance: `drchrono` is its appointment then. A shared
    visit has `members` instead, stands at `slot`, and OnCall shows it at `there`; `taken` tells
    whether another open visit has a slot, and `newcomers` whether somebody is in OnCall's list who
    stands for no attendance yet.

    `in_scope` is False when the mapping names the appointment's doctor or office no more.
    `creating` is False until the first matching of both systems is complete: nothing is made.
    `hold_until` is how long an earlier plan said to wait (for the window, for a successor).
    """

    drchrono: SideView = SideView()
    oncall: SideView = SideView()
    slot: Slot | None = None
    members: tuple[Member, ...] = ()
    there: Slot | None = None
    taken: Callable[[Slot], bool] = _is_free
    newcomers: bool = False
    creating: bool = True
    in_scope: bool = True
    hold_until: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """Effects in order, and what follows without any call.

    `adopt` are (system, field) whose baselines move; `conflicts` are (losing system, field) whose
    edit is overwritten; `asks` are causes for an operator, `notes` are told and block nothing;
    `held` fields wait for a direction to be allowed; `wait_until` is when the visit enters the
    window; `closed` ends its work; `skipped` says why nothing is to be made; `why` tells the
    reasoning, one line each, without values.

    Of a shared visit `fates` says what becomes of each attendance, `slot` where the visit shall
    stand, `ends` how it ends when nobody is left, and `emptied` that its members have gone while
    somebody else is in it.
    """

    effects: tuple[Effect, ...] = ()
    adopt: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[tuple[str, str], ...] = ()
    asks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    wait_until: datetime | None = None
    closed: bool = False
    skipped: str = ""
    why: tuple[str, ...] = ()
    fates: Mapping[int, Fate] = field(default_factory=dict)
    slot: Slot | None = None
    ends: Life | None = None
    emptied: bool = False

    def of(self, *fates: Fate) -> list[int]:
        """The attendances that have one of these fates."""
        return [one for one, fate in self.fates.items() if fate in fates]

    @property
    def is_quiet(self) -> bool:
        """Whether no attendance of a shared visit asks for anything."""
        return self.ends is None and not self.of(*ASKING)

    def written(self, system: str) -> set[str]:
        """The fields that are written to one side."""
        return {
            name
            for effect in self.effects
            if isinstance(effect, Patch) and effect.system == system
            for name in effect.values
        }
