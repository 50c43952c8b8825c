"""Say what a benchmark found: a figure is a ratio of two things measured in turn in one run."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    `rounds`: the ratio of each round, or the value where nothing is compared. `goal` is a sentence
    (docs/performance.md). `raw`: what was measured on both sides, for the JSON.
    """

    what: str
    database: str  # "sqlite", "postgresql" or "" where none is asked
    against: str
    rounds: Sequence[float]
    goal: str = ""
    unit: str = ""
    raw: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def in_turn(
        cls, what: str, database: str, against: str, pairs: Sequence[tuple[float, float]], goal: str
    ) -> "Figure":
        """Of the same taken on both sides in each round: ours, then what it is compared with."""
        raw = {"ours": [ours for ours, _ in pairs], "floor": [floor for _, floor in pairs]}
        return cls(what, database, against, [o / f for o, f in pairs], goal, raw=raw)

    @property
    def median(self) -> float:
        """The middle one of the rounds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """The largest less the smallest of the rounds."""
        return max(self.rounds) - min(self.rounds)

    def as_json(self) -> dict[str, Any]:
        """The figure as it is written to the file."""
        return {
            "what": self.what,
            "database": self.database,
            "against": self.against,
            "median": round(self.median, 3),
            "spread": round(self.spread, 3),
            "rounds": [round(one, 3) for one in self.rounds],
            "unit": self.unit,
            "goal": self.goal,
            "raw": self.raw,
        }
