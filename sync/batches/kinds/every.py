"""Name the module of each kind of batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.batches.kinds import (
    backfill_appointments,
    backfill_patients,
    import_appointments,
    import_patients,
)
from sync.core.batch.model import Kind

if TYPE_CHECKING:
    from sync.batches.kinds.model import KindOfBatch

KINDS: dict[Kind, KindOfBatch] = {
    Kind.IMPORT_PATIENTS: import_patients,
    Kind.IMPORT_APPOINTMENTS: import_appointments,
    Kind.BACKFILL_PATIENTS: backfill_patients,
    Kind.BACKFILL_APPOINTMENTS: backfill_appointments,
}


def of(kind: Kind) -> KindOfBatch:
    """The module of a kind. Raises LookupError with a sentence where there is none."""
    found = KINDS.get(kind)
    if found is None:
        raise LookupError("This can't be brought in yet.")
    return found
