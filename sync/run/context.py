"""Hold what the steps of one worker's run share, whatever it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.mapping import Mapping
    from sync.outbound.gate import Ticket
    from sync.runtime import Sync
    from sync.store.tables.claims import Lease


@dataclass
class Run:
    """One run of one leased aggregate: the parts, the lease, the ticket of its calls, the mapping.

    The mapping is the one that the run began with; a file that changes meanwhile is the next run's.
    """

    sync: Sync
    lease: Lease
    ticket: Ticket
    mapping: Mapping
