"""Bring in the visits that one system has and the other lacks (docs/adr/0037-batches.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.batches.kinds.model import Cost
from sync.batches.record import opening, raised, schedule
from sync.core.batch.model import Fate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.batches.step import Done, Step
    from sync.runtime import Sync
    from sync.store.batches.items import Stored

# As docs/costs.md has them (C5, C7), echoes included. OnCall mails patient and provider
# (docs/api-facts.md, O17).
_INTO_ONCALL = Cost(drchrono=3, oncall=2, mails_to_patients=1, mails_to_providers=1)
_INTO_DRCHRONO = Cost(drchrono=1, oncall=3)


def plan(step: Step) -> None:
    """Find the visits and judge them."""
    opening.require_matched(step)
    if opening.source(step.options) == "oncall":
        schedule.plan_oncall(step)
    else:
        schedule.plan_drchrono(step)


def do(step: Step, item: Stored) -> Done:
    """Have one visit made by its own run; say what came of it."""
    return raised.do(step, item, opening.source(step.options))


def costs(sync: Sync, options: Mapping[str, Any]) -> Mapping[Fate, Cost]:
    """What making a visit costs, the person known."""
    del sync
    into_drchrono = opening.source(options) == "oncall"
    return {Fate.CREATE: _INTO_DRCHRONO if into_drchrono else _INTO_ONCALL}
