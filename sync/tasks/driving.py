"""Work on a batch in this process too, for a command that waits: whoever is free takes its turn."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sync.batches import showing
from sync.config import Mode
from sync.store.batches import rows
from sync.store.tables import journal, work
from sync.tasks import worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.core.batch.model import Batch, State
    from sync.runtime import Sync

_TOLD: Final = 1.0  # seconds of work after which it is told how far it is
_LOOK: Final = 0.5  # seconds between two looks at what others do
_HEARD_WITHIN: Final = timedelta(seconds=60)


def drive(
    sync: Sync,
    batch: int,
    until: frozenset[State],
    *,
    told: Callable[[Batch], None] = lambda _batch: None,
) -> Batch:
    """Work on a batch, or wait for the workers who do, until it is in one of these states.

    `told` is called with each change that is seen. Needs no worker and no Redis: what the batch has
    raised and waits for is run here too, where nobody else does. Killed, the batch goes on with the
    workers, or where it is driven again. Raises LookupError where nothing is worked on.
    """
    if sync.settings.sync_mode is Mode.PAUSED:
        raise LookupError("Nothing is worked on: SYNC_MODE is paused.")
    trouble = sync.misfit()
    if trouble is not None:
        raise LookupError(trouble)
    raised: dict[int, None] = {}
    last: Batch | None = None
    while True:
        shown = showing.show(sync, batch)
        if shown != last:
            told(shown)
            last = shown
        if shown.state in until:
            return shown
        with sync.store.read() as conn:
            row = rows.get(conn, batch)
        assert row is not None  # noqa: S101 - it was shown just now
        rings = worker.run(sync, row.aggregate, yields=_workers(sync), seconds=_TOLD)
        for ring in rings:
            if ring.aggregate != row.aggregate:
                raised[ring.aggregate] = None
        worked = bool(rings) or _run_due(sync, raised)
        if not worked and showing.show(sync, batch) == shown:
            sync.pause(_LOOK)


def _workers(sync: Sync) -> bool:
    """Whether a worker was heard of lately: what comes first in its turn is then done by it."""
    with sync.store.read() as conn:
        heard = journal.heard(conn, sync.clock() - _HEARD_WITHIN)
    return any(role == "worker" for _process, role, _at in heard)


def _run_due(sync: Sync, raised: dict[int, None]) -> bool:
    """Run what items have raised and nobody is at; what wants nothing more is forgotten."""
    ran = False
    for key in list(raised):
        with sync.store.read() as conn:
            before = work.standing(conn, key)
        if before is None or (not before.waits and before.lease_until is None):
            del raised[key]
            continue
        for ring in worker.run(sync, key):
            raised[ring.aggregate] = None
        with sync.store.read() as conn:
            ran = ran or work.standing(conn, key) != before
    return ran
