"""Say what a kind of batch has to do: find its items and judge them, do them, and say their cost.

A kind is a module of this room. `plan(step)` finds the items and gives each a fate, going on from
`step.cursor`; it returns when all of them have one. `do(step, item)` brings one item to its outcome
and may be begun again after any of its calls and commits. `costs(sync, options)` says what doing an
item of each fate costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sync.batches.step import Done, Step
    from sync.core.batch.model import Fate
    from sync.runtime import Sync
    from sync.store.batches.items import Stored


@dataclass(frozen=True, slots=True)
class Cost:
    """What doing one item costs: calls, echoes included, and mails."""

    drchrono: float = 0
    oncall: float = 0
    mails_to_patients: float = 0
    mails_to_providers: float = 0


class KindOfBatch(Protocol):
    """What a kind's module has."""

    def plan(self, step: Step) -> None:
        """Find the items and judge them. Raises UnusableBatchError, and what its calls raise."""

    def do(self, step: Step, item: Stored) -> Done:
        """Bring an item to its outcome. Raises LaterError, ParkedError and what its calls raise."""

    def costs(self, sync: Sync, options: Mapping[str, Any]) -> Mapping[Fate, Cost]:
        """What an item of each fate costs; none of a fate that is not named."""
