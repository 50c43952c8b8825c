"""Give tests a kind of batch that asks nobody: its items do what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sync.batches.kinds.model import Cost
from sync.batches.step import Done, Step
from sync.core.batch.model import Fate, Outcome
from sync.runtime import Sync
from sync.store.batches import items
from sync.store.batches.items import Stored

CREATED = Done(Outcome.CREATED)


class Trivial:
    """So many items, planned some at a time; `doing` says what each comes to."""

    def __init__(self, count: int = 3, each: int = 2) -> None:
        self.count, self.each = count, each
        self.fates: dict[int, Fate] = {}
        self.done: list[int] = []
        self.doing: Callable[[Step, Stored], Done] = lambda _step, _item: CREATED
        self.planning: Callable[[Step], None] = lambda _step: None

    def plan(self, step: Step) -> None:
        number = int(step.cursor.get("number", 0))
        while number < self.count:
            self.planning(step)
            some = range(number + 1, min(number + self.each, self.count) + 1)
            number = some[-1]
            with step.keeping({"number": number}, read=number) as conn:
                fates = ((one, self.fates.get(one, Fate.CREATE)) for one in some)
                items.add(
                    conn, step.row.id, [{"number": one, "fate": fate.value} for one, fate in fates]
                )

    def do(self, step: Step, item: Stored) -> Done:
        self.done.append(item.number)
        return self.doing(step, item)

    def costs(self, sync: Sync, options: Mapping[str, Any]) -> Mapping[Fate, Cost]:
        del sync, options
        return {Fate.CREATE: Cost(drchrono=1, oncall=1)}
