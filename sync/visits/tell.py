"""Tell what a person is asked about a visit, and note what the visit waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.rules.fates import Fate
from sync.run import waiting
from sync.store import attention
from sync.store.lanes import Hints
from sync.store.tables import blockers, journal, links
from sync.visits.linking import participants, second_patient
from sync.visits.state import zones
from sync.visits.state.summary import doctor_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from sync.core.rules.views import Plan
    from sync.run.outcomes import ParkedError
    from sync.visits.state.model import VisitRun

# Attention that stands until somebody has read it, whatever later runs see.
TO_BE_READ = ("noted", attention.FIELD_REFUSED)
# The same where it is about one participant or one appointment.
TO_BE_READ_ABOUT = (participants.LOST, *second_patient.TOLD)
# What the mapping or its direction keeps from being made.
OUTSIDE = frozenset({"direction", "type_skipped", "out_of_scope"})


def tell(conn: Connection, run: VisitRun, plan: Plan, parked: Mapping[int, ParkedError]) -> None:
    """Open what is asked, close what is not asked any more, and block what waits.

    Of a shared visit, what is about one appointment changes only when that was looked at.
    """
    key, now, since = run.state.key, run.sync.clock(), run.state.lease.begun
    still = {run.seat(one).appointment.id: why for one, why in parked.items()}
    odd = [(seat.appointment.id, cause) for seat in run.seats for cause in sorted(seat.odd)]
    causes = {cause for _object, cause in odd} | {why.cause or "" for why in still.values()}
    _close(conn, run, {*plan.asks, *causes})
    for object_id, cause in odd:
        attention.open_item(conn, key, cause, now=now, object_id=object_id)
    for cause in plan.notes:
        attention.open_item(conn, key, cause, now=now)
    for cause in plan.asks:
        _ask(conn, run, cause)
    for object_id, why in still.items():
        waiting.block(conn, key, why, since=since, object_id=object_id)
        if why.cause is not None:
            attention.open_item(conn, key, why.cause, now=now, object_id=object_id)
    if plan.skipped == "awaits_successor" or plan.of(Fate.WAITS):
        _wake_successors(conn, run, plan)
    if plan.held or plan.skipped in OUTSIDE:
        links.block(conn, key, kind="mapping", ref=plan.skipped or "direction", since=since)
    if plan.effects and not run.sync.live:
        links.block(conn, key, kind="mode", ref="live", since=since)
        journal.bump(conn, "planned_effects", f"mode={run.sync.settings.sync_mode}")


def _close(conn: Connection, run: VisitRun, asked: Iterable[str]) -> None:
    """Forget why the visit waited, and end what is asked no more."""
    key, now = run.state.key, run.sync.clock()
    if not run.state.is_group:
        keep = (*asked, *TO_BE_READ)
        if run.state.told:
            attention.close_rest(conn, key, now, keep=keep, keep_about=TO_BE_READ_ABOUT)
        if run.state.parked:
            links.unblock(conn, key)
        return
    looked = [0, *(seat.appointment.id for seat in run.seats if seat.read)]
    blockers.forget(conn, key, looked)
    keep = (*TO_BE_READ, *TO_BE_READ_ABOUT, *asked)
    attention.close_about(conn, key, now, keep=keep, objects=looked)


def _ask(conn: Connection, run: VisitRun, cause: str) -> None:
    key, now, since = run.state.key, run.sync.clock(), run.state.lease.begun
    if cause == "not_accepted":
        links.block(conn, key, kind="operator", ref="go-live", since=since)
        return
    if cause == zones.UNKNOWN:
        doctor = doctor_of(run.state) or ""
        attention.open_item(conn, 0, cause, now=now, candidates=[doctor])
        links.block(conn, key, kind="zone", ref=doctor, since=since)
        return
    attention.open_item(conn, key, cause, now=now)
    links.block(conn, key, kind="operator", ref=cause, since=since)


def _wake_successors(conn: Connection, run: VisitRun, plan: Plan) -> None:
    """An original was rescheduled: clones that waited for that are looked at now."""
    waits = plan.of(Fate.WAITS)
    for seat in run.seats:
        remote_id = seat.appointment.remote_id
        if remote_id is None or (run.state.is_group and seat.attended.id not in waits):
            continue
        now = run.sync.clock()
        blockers.wake(conn, blockers.VISIT, remote_id, now=now, hints=Hints.of("drchrono"))
