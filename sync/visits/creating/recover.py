"""Recover a create whose outcome is not known: find what it made, or deny it.

A POST whose answer was not read *has happened* until two looks apart deny it, on a list that is
proven to show new objects; else a person is asked (docs/rules.md, R15).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.run import attempts
from sync.run.evidence import proofs
from sync.run.evidence.proofs import Evidence
from sync.run.outcomes import LaterError, ParkedError
from sync.store import calls
from sync.store.lanes import Hints
from sync.store.tables import blockers, claims, links
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
    ready = attempts.counts_from(sync, row, sent)
    if state.now < ready:
        raise LaterError(ready, Hints.both())
    look = search.for_row(run, row, sent)
    if look.found is not None:
        raise LaterError(adopt_found(run, row, look.found), Hints.both())
    silent = look.evidence is Evidence.SILENT
    # A second one mails the patient again: there a silent list denies only what has surely ended.
    asked = row.system == "oncall" and silent and not answered
    if not asked and attempts.is_denied(sync, row, sent, look.evidence):
        begin.forget(run, [row.id])
        return
    with sync.store.write() as conn:
        claims.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        due = attempts.note_look(conn, sync, row, sent, look.evidence, sync.clock())
    if asked and row.looks + 1 >= attempts.LOOKS:
        # The list's proof wakes it.
        raise ParkedError(blockers.FACT, proofs.ONCALL_VISITS, "create_unknown", row.id)
    if attempts.is_hopeless(sync, sent):
        raise ParkedError("operator", str(row.id), "create_unknown", row.id)
    raise LaterError(due, Hints.both())


def resolve_participants(run: VisitRun) -> None:
    """Find out about participants whom an earlier run began to add; one read of the visit tells.

    Who is in it has been added. Returns when all are known, found or certainly never added; raises
    LaterError until then.
    """
    sync, state = run.sync, run.state
    rows = participants.being_made(run)
    if not rows:
        return
    if state.object("oncall") is None:
        begin.forget(run, rows)
        return
    listed.read_oncall(run)
    rows = participants.being_made(run)
    denied = [row for row in rows if not _looked_again(run, row)]
    if denied:
        begin.forget(run, denied)
    if participants.being_made(run):
        raise LaterError(sync.clock() + sync.settings.apart, Hints.both())


def _looked_again(run: VisitRun, row_id: int) -> bool:
    """Note that the visit lacks a participant; False when they certainly were never added."""
    sync, state = run.sync, run.state
    row = next(one for one in state.objects if one.id == row_id)
    with sync.store.read() as conn:
        sent = calls.last_writing(conn, row.id)
    if sent is None:
        return False
    if sync.clock() < attempts.counts_from(sync, row, sent):
        return True
    # Read by its id, not from a list: what it lacks is not there.
    if attempts.is_denied(sync, row, sent, Evidence.SHOWS):
        return False
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        attempts.note_look(conn, sync, row, sent, Evidence.SHOWS, now)
    return True


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
