"""Name the module of each kind of batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.batches.kinds.model import KindOfBatch
    from sync.core.batch.model import Kind

KINDS: dict[Kind, KindOfBatch] = {}


def of(kind: Kind) -> KindOfBatch:
    """The module of a kind. Raises LookupError with a sentence where there is none."""
    found = KINDS.get(kind)
    if found is None:
        raise LookupError("This can't be brought in yet.")
    return found
