"""Record each edit that our writes overwrite: which field and when, never values.

What both sides changed is recorded before the write goes out: one whose answer is lost, or whose
worker dies, may be found done by a run that sees nothing to overwrite any more.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sync.core.errors import FencedOff, Unresolved
from sync.core.rules.merge import Seen
from sync.store import calls
from sync.store.tables import claims, journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.core.rules.views import Plan
    from sync.store.tables.links import Obj
    from sync.visits.state.model import Shown, VisitRun, VisitState

# An edit's webhook comes this soon after our write that overwrote it.
SOON = timedelta(seconds=30)


@contextmanager
def recorded(run: VisitRun, plan: Plan) -> Iterator[None]:
    """Record the plan's conflicts, and take that back when nothing of the plan was written."""
    sync, state = run.sync, run.state
    noted: list[int] = []
    if plan.conflicts:
        with sync.store.write() as conn:
            claims.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
            noted = note(conn, run, plan)
    try:
        yield
    except (Unresolved, FencedOff):
        raise
    except Exception:
        with sync.store.write() as conn:
            if not calls.has_written(conn, state.key, state.lease.fence):
                journal.forget_conflicts(conn, noted)
        raise


def note(conn: Connection, run: VisitRun, plan: Plan) -> list[int]:
    """Record the plan's conflicts; returns the ids of those that were not recorded before."""
    found = [(run.overwritten(system), name) for system, name in plan.conflicts]
    return [
        journal.note_conflict(conn, obj.id, name, "overwritten", run.sync.clock())
        for obj, name in found
        if obj is not None and not _is_noted(conn, run, obj, name)
    ]


def _is_noted(conn: Connection, run: VisitRun, obj: Obj, name: str) -> bool:
    """Whether an earlier run recorded it that came to no end, or whose write has no known outcome.

    A run that ends notes that it has seen both sides.
    """
    since = obj.seen_at or obj.created_at
    if run.state.unresolved:
        first = min(write.at for write in run.state.unresolved)
        since = min(since, first - timedelta(seconds=run.sync.settings.lease_seconds))
    return journal.is_conflict_noted(conn, obj.id, name, since)


def note_gaps(
    conn: Connection, state: VisitState, obj: Obj | None, shown: Shown | None, now: datetime
) -> None:
    """Record edits of an appointment that we overwrote between our read and our write.

    `shown` is how it was read now. DrChrono knows no conditional write; what an older delivery says
    and neither the read nor the baseline does, and that is not what we read before we wrote, was
    there for a moment.
    """
    if shown is None or obj is None or shown.visit.revision is None:
        return
    told = [d for d in state.deliveries if d.object == obj.id and d.digests and d.revision]
    older = [d for d in told if str(d.revision) < shown.visit.revision]
    if not older:
        return
    ours = calls.changes_since(conn, obj.id, older[0].at - SOON)
    wrote = {name for fields, _ in ours for name in fields}
    for name in sorted(wrote & shown.seen.keys()):
        settled = state.stored.get((obj.id, name))
        if settled is None or shown.seen[name] is not Seen.SAME:
            continue
        before = [(key, one) for _, stood in ours for key, one in stood.get(name, ())]
        if {settled.key_id, *(key for key, _ in before), *(d.key_id for d in older)} != {
            settled.key_id
        }:
            continue  # DIGEST_KEYS changed in between: what was made with two keys tells nothing
        known = {None, settled.digest, *(digest for _, digest in before)}
        if any((d.digests or {}).get(name) not in known for d in older):
            journal.note_conflict(conn, obj.id, name, "overwritten_in_gap", now)
