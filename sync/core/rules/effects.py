"""Name what a plan can ask for. An effect says what is to be done; `visits.execute` knows how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sync.core.rules.place import Slot


@dataclass(frozen=True)
class CreateOncall:
    """Make the OnCall visit of a DrChrono appointment."""


@dataclass(frozen=True)
class CreateAppointment:
    """Make the DrChrono appointment of an OnCall visit's patient."""


@dataclass(frozen=True)
class Patch:
    """Write fields (our names and values) to one side's object. `effect` is what the brake sees.

    With the call's success the other side's baselines of these fields move too: they were carried.
    `attendance` is whose appointment it is in a shared visit, and `settles` is False for all but
    the last of several appointments that get the same change.
    """

    system: str
    values: Mapping[str, object]
    effect: str = "update"
    attendance: int | None = None
    settles: bool = True


@dataclass(frozen=True)
class Mark:
    """Write our marker into one side's object; `attendance` as in `Patch`."""

    system: str
    attendance: int | None = None


@dataclass(frozen=True)
class NextGeneration:
    """The OnCall visit of this generation has served; a new one is made for what is open now."""

    cancel_old: bool


@dataclass(frozen=True)
class CancelParticipant:
    """Cancel the participant of one attendance; the visit goes on without it."""

    attendance: int


@dataclass(frozen=True)
class TakeSlot:
    """Have the visit stand in this slot, which no other open visit may have."""

    slot: Slot


@dataclass(frozen=True)
class Invite:
    """Give attendances a participant: in the OnCall visit that is there, or in one made for them.

    Those of `again` begin their next life. `anew`: the OnCall visit is over, and a new one is made.
    """

    joins: tuple[int, ...] = ()
    again: tuple[int, ...] = ()
    anew: bool = False
    making: bool = False


@dataclass(frozen=True)
class Book:
    """Make appointments for the participants that stand for no attendance yet."""


@dataclass(frozen=True)
class SendAway:
    """Give the appointments of these attendances a visit of their own."""

    attendances: tuple[int, ...]


Effect: TypeAlias = (
    CreateOncall
    | CreateAppointment
    | Patch
    | Mark
    | NextGeneration
    | CancelParticipant
    | TakeSlot
    | Invite
    | Book
    | SendAway
)
