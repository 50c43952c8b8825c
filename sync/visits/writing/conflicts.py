"""Record each edit that our writes overwrite: which field and when, never values.

What both sides changed is recorded before the write goes out: one whose answer is lost, or whose
worker dies, may be found done by a run that sees nothing to overwrite any more.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sync.core.errors import FencedOff, Unresolved
from sync.core.rules.merge import Seen
from sync.store.schema import call, conflict
from sync.store.tables import journal, work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

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
            work.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
            noted = note(conn, run, plan)
    try:
        yield
    except (Unresolved, FencedOff):
        raise
    except Exception:
        with sync.store.write() as conn:
            if not _wrote(conn, state):
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
        first = min(row["at"] for row in run.state.unresolved)
        since = min(since, first - timedelta(seconds=run.sync.settings.lease_seconds))
    noted = select(conflict.c.id).where(
        conflict.c.object == obj.id, conflict.c.field == name, conflict.c.at >= since
    )
    return conn.execute(noted.limit(1)).first() is not None


def _wrote(conn: Connection, state: VisitState) -> bool:
    """Whether this run has changed a field anywhere."""
    written = select(call.c.id).where(
        call.c.aggregate == state.key,
        call.c.fence == state.lease.fence,
        call.c.effect.not_in(("", "marker")),
        call.c.state == "done",
    )
    return conn.execute(written.limit(1)).first() is not None


def note_gaps(
    conn: Connection, state: VisitState, obj: Obj | None, shown: Shown | None, now: datetime
) -> None:
    """Record edits of an appointment that we overwrote between our read and our write.

    `shown` is how it was read now. DrChrono knows no conditional write; what an older delivery says
    and neither the read nor the baseline does, and that is not what we read before we wrote, was
    there for a moment.
    """
    if shown is None or obj is None or shown.visit.mark is None:
        return
    told = [d for d in state.deliveries if d.object == obj.id and d.digests and d.mark]
    older = [d for d in told if str(d.mark) < shown.visit.mark]
    if not older:
        return
    ours = conn.execute(
        select(call.c.fields, call.c.before).where(
            call.c.object == obj.id,
            call.c.effect.not_in(("", "marker")),
            call.c.state == "done",
            call.c.ended_at > older[0].at - SOON,
        )
    ).all()
    wrote = {name for row in ours for name in row.fields.split(",")}
    for name in sorted(wrote & shown.seen.keys()):
        settled = state.stored.get((obj.id, name))
        if settled is None or shown.seen[name] is not Seen.SAME:
            continue
        before = [(key, one) for row in ours for key, one in (row.before or {}).get(name, ())]
        if {settled.key_id, *(key for key, _ in before), *(d.key_id for d in older)} != {
            settled.key_id
        }:
            continue  # DIGEST_KEYS changed in between: what was made with two keys tells nothing
        known = {None, settled.digest, *(digest for _, digest in before)}
        if any((d.digests or {}).get(name) not in known for d in older):
            journal.note_conflict(conn, obj.id, name, "overwritten_in_gap", now)
