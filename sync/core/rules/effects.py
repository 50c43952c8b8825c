"""What a plan can ask for: the effects, by name. They say what; the engine knows how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


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
    """

    system: str
    values: Mapping[str, object]
    effect: str = "update"


@dataclass(frozen=True)
class Mark:
    """Write our marker into one side's object."""

    system: str


@dataclass(frozen=True)
class NextGeneration:
    """The OnCall visit of this generation has served; a new one is made for what is open now."""

    cancel_old: bool


Effect: TypeAlias = CreateOncall | CreateAppointment | Patch | Mark | NextGeneration
