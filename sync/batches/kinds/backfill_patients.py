"""Bring in the people whom one system has and the other lacks (docs/adr/0037-batches.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.batches.kinds import listed_contacts
from sync.batches.kinds.model import Cost
from sync.batches.record import charts, contacts, opening
from sync.core.batch.model import Fate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.batches.step import Done, Step
    from sync.runtime import Sync
    from sync.store.batches.items import Stored

# As docs/costs.md has them: a search by e-mail and the contact; no mail, no echo. The list's pages
# are of many charts.
_INTO_ONCALL = Cost(drchrono=1 / 500, oncall=2)
# The search by e-mail and by name, and the chart with our marker in it.
_INTO_DRCHRONO = Cost(drchrono=3, oncall=1)


def plan(step: Step) -> None:
    """Find the people and judge them."""
    opening.require_matched(step)
    if opening.source(step.options) == "oncall":
        contacts.plan(step)
    else:
        charts.plan(step, listed_contacts.read)


def do(step: Step, item: Stored) -> Done:
    """Bring one person to the other system, once."""
    if opening.source(step.options) == "oncall":
        return contacts.do(step, item)
    return charts.do(step, item)


def costs(sync: Sync, options: Mapping[str, Any]) -> Mapping[Fate, Cost]:
    """What one person costs."""
    del sync
    into_drchrono = opening.source(options) == "oncall"
    return {Fate.CREATE: _INTO_DRCHRONO if into_drchrono else _INTO_ONCALL}
