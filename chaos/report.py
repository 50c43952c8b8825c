"""Hold what a run came to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.faults import Kind
from chaos.plan import Do, Side
from chaos.verdict import Verdict


@dataclass(slots=True)
class Report:
    """What a run came to. Times are seconds; calls and mails are those of our application."""

    seed: int
    edits: Counter[tuple[Do, Side]]
    refused: list[str]
    passed: int
    faults: Counter[Kind]
    restarts: int
    reconnected: int
    played: float
    quiet: float
    converged: float
    conflicts: int
    questions: Counter[str]
    calls: Mapping[str, int]
    mails: int
    idle_writes: list[str]
    verdict: Verdict
    forged: Counter[str] = field(default_factory=Counter)  # by their answer's status
    arrivals: list[float] = field(default_factory=list)  # seconds, of what nothing disturbed

    @property
    def good(self) -> bool:
        """Whether nothing was lost, nothing is twice, no mail too many, and then it is quiet."""
        return self.verdict.good and not self.idle_writes
