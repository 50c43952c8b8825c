"""Recover a create whose outcome is not known: find what it made, or deny it.

A POST whose answer was not read *has happened* until two looks apart deny it, on a list that is
proven to show new objects; else a person is asked (docs/rules.md, R15).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.run import attempts, lost
from sync.run.evidence import proofs
from sync.run.lost import Look, Lost
from sync.run.outcomes import LaterError
from sync.store import calls
from sync.store.lanes import Hints
from sync.store.tables import claims, links
from sync.visits.creating import begin, record, search
from sync.visits.linking import listed, participants

if TYPE_CHECKING:
    from datetime import datetime

    from sync.core.wording import Json
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


def resolve(run: VisitRun) -> None:
    """Find out about creates that an earlier run began and did not end.

    Returns when there is none, or when it certainly never was. Raises LaterError until it is known.
    """
    for row in list(run.state.objects):
        if row.remote_id is None and row.kind == "appointment" and row.state != "gone":
            _resolve_one(run, row)


def _resolve_one(run: VisitRun, row: Obj) -> None:
    sync, state = run.sync, run.state
    with sync.store.read() as conn:
        # A run for others of the visit may have noted meanwhile that it looked.
        sent = attempts.last_sent(conn, row, "looked")
        answered = attempts.was_answered(conn, row)
    if sent is None:
        begin.forget(run, [row.id])
        return
    # A second one mails the patient again: there a silent list denies only what has surely ended.
    unless = proofs.ONCALL_VISITS if row.system == "oncall" and not answered else None
    one = Lost(row, sent, state.lease, Hints.both(), unless)
    found = lost.climb(sync, one, lambda: search.for_row(run, row, sent))
    if found is None:
        begin.forget(run, [row.id])
        return
    raise LaterError(adopt_found(run, row, found), Hints.both())


def resolve_participants(run: VisitRun) -> None:
    """Find out about participants whom an earlier run began to add; one read of the visit tells.

    Who is in it has been added. Returns when all are known, found or certainly never added; raises
    LaterError until then.
    """
    state = run.state
    rows = participants.being_made(run)
    if not rows:
        return
    if state.object("oncall") is None:
        begin.forget(run, rows)
        return
    listed.read_oncall(run)
    rows = participants.being_made(run)
    denied, due = [], []
    for row in [one for one in state.objects if one.id in rows]:
        with run.sync.store.read() as conn:
            sent = calls.last_writing(conn, row.id)
        try:
            if sent is not None:
                # The visit was read by its id: what it lacks is not there.
                one = Lost(row, sent, state.lease, Hints.both())
                lost.climb(run.sync, one, lambda: Look(None))
            denied.append(row.id)
        except LaterError as later:
            due.append(later.due)
    if denied:
        begin.forget(run, denied)
    if due:
        raise LaterError(max(due), Hints.both())


def adopt_found(run: VisitRun, row: Obj, json: dict[str, Json]) -> datetime:
    """Record the object that was found as the one that the lost create made.

    Returns when the visit is due again: at once, or after a while when its own aggregate is being
    worked on and it is not ours yet.
    """
    sync = run.sync
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, run.state.lease, now=now, seconds=sync.settings.lease_seconds)
        keep = record.oncall_visit if row.system == "oncall" else record.appointment
        if keep(conn, run, row, json):
            attempts.known(conn, row)
            return now
        links.change(conn, row.id, looked_at=now)
        return now + sync.settings.apart
