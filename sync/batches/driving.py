"""Work on a batch in this process too, for a command that waits: whoever is free takes its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.core.batch.model import Batch, State
    from sync.runtime import Sync


def drive(
    sync: Sync,
    batch: int,
    until: frozenset[State],
    *,
    told: Callable[[Batch], None] = lambda _batch: None,
) -> Batch:
    """Work on a batch, or wait for the workers who do, until it is in one of these states.

    `told` is called with each change that is seen. Needs no worker and no Redis. Killed, the batch
    goes on with the workers, or where it is driven again.
    """
    raise NotImplementedError
