"""Find the module of each kind of batch: loaded when a batch of that kind is asked about.

Most processes never see one, and a kind brings along the reading of files or of the whole record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.batch.model import Kind

if TYPE_CHECKING:
    from sync.batches.kinds.model import KindOfBatch


def of(kind: Kind) -> KindOfBatch:
    """The module of a kind."""
    match kind:
        case Kind.IMPORT_PATIENTS:
            from sync.batches.kinds import import_patients

            return import_patients
        case Kind.IMPORT_APPOINTMENTS:
            from sync.batches.kinds import import_appointments

            return import_appointments
        case Kind.BACKFILL_PATIENTS:
            from sync.batches.kinds import backfill_patients

            return backfill_patients
        case Kind.BACKFILL_APPOINTMENTS:
            from sync.batches.kinds import backfill_appointments

            return backfill_appointments
