"""Tell the echo of our own write from somebody's edit."""

from datetime import timedelta

from sync.store import calls
from sync.store.tables import journal
from sync.visits.state.model import VisitRun

# A bare OnCall hint this soon after a write of ours is taken for its echo.
ECHO = timedelta(seconds=30)


def is_own_echo(run: VisitRun, bare: list[journal.Delivery]) -> bool:
    """Whether the newest bare hint followed a write of ours closely, and so tells of that."""
    last = run.state.written
    if run.has_written:
        objects = [o.id for o in run.state.objects if o.system == "oncall"]
        with run.sync.store.read() as conn:
            last = calls.last_effect(conn, objects)
    return last is not None and bare[-1].at <= last + ECHO
