"""Say who of a shared visit can be added to it now."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.people.resolve import participant
from sync.run.outcomes import ParkedError


@dataclass
class Invited:
    """Who can be added now, and for each other one why not."""

    met: dict[int, participant.ResolvedPatient] = field(default_factory=dict)  # by attendance
    parked: dict[int, ParkedError] = field(default_factory=dict)
