"""Compare both systems, as a task of the beat: it raises nothing, so there is nothing to ring."""

from sync.operations.diff import nightly
from sync.runtime import Ring, Sync


def run(sync: Sync) -> tuple[Ring, ...]:
    """Compare, and keep what was found."""
    nightly.run(sync)
    return ()
