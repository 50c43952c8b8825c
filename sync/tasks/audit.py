"""Tell the end of the audit outside the database each hour; drop what is older than it must be."""

from datetime import timedelta

from sync.operations import audit
from sync.runtime import Ring, Sync
from sync.store.trail import proof

YEAR = timedelta(days=365.25)


def tell_end(sync: Sync) -> tuple[Ring, ...]:
    """Add the end of the chain to the log and to AUDIT_SINK.

    No chain can tell that its last rows are missing. Rows older than AUDIT_YEARS are dropped.
    Raises OSError when AUDIT_SINK can't be written.
    """
    with sync.store.write() as conn:
        now = sync.clock()
        proof.prune(conn, now - YEAR * sync.settings.audit_years, now)
    with sync.store.read() as conn:
        end = proof.head(conn)
    if end is None:
        return ()
    sync.log.info("the audit ends here", seq=end.seq, mac=end.mac)
    if sync.settings.audit_sink:
        audit.add_to_sink(sync.settings.audit_sink, end, sync.clock())
    return ()
