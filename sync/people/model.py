"""Hold what the steps of one person's run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.core.records import Person
from sync.core.rules.merge import Seen
from sync.outbound.gate import Ticket
from sync.store.tables import journal
from sync.store.tables.claims import Lease
from sync.store.tables.links import Obj

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.runtime import Sync


@dataclass
class PersonRun:
    """What the steps of one run share."""

    sync: Sync
    lease: Lease
    ticket: Ticket
    patient: Obj
    deliveries: list[journal.Delivery]
    person: Person
    json: dict[str, Json]
    seen: dict[str, Seen] = field(default_factory=dict)  # how the chart's fields stand
