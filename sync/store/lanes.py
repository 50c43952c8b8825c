"""Define the lanes, in the order of their turns, and the hints: which side was spoken of."""

from dataclasses import dataclass
from enum import IntEnum


class Lane(IntEnum):
    """Whose turn comes first: changes people wait for, what only a caller told of, lists, bulk."""

    LIVE = 0
    TOLD = 1
    CATCHUP = 2
    BULK = 3


@dataclass(frozen=True, slots=True)
class Hints:
    """Which side something was said about; a side that was not hinted is read only when needed."""

    drchrono: bool = False
    oncall: bool = False

    @classmethod
    def of(cls, system: str) -> "Hints":
        """The hint about one system."""
        return cls(drchrono=system == "drchrono", oncall=system == "oncall")

    @classmethod
    def both(cls) -> "Hints":
        """Look at everything."""
        return cls(drchrono=True, oncall=True)
