"""Let an appointment take the place of the rescheduled one that it was cloned from.

DrChrono reschedules by a clone (`cloned_from`) and sets the original to Rescheduled. The clone then
stands in the original's place: the OnCall visit moves, with one mail. A clone whose original stays
open is another visit.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Gone
from sync.core.records import Life, State
from sync.core.rules.merge import Seen
from sync.drchrono import translate as drchrono
from sync.run import transfer
from sync.run.changes import compare
from sync.run.outcomes import AbsorbedError, ParkedError
from sync.store.lanes import Hints
from sync.store.tables import attendances, baselines, claims, links, work
from sync.store.visits import visits
from sync.visits.state.summary import starts_of

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun

MOST_BETWEEN = 5
CARRIED = ("starts", "minutes", "type", "provider", "patient")


def settle(run: VisitRun) -> None:
    """Let a fresh clone take its original's place, or wait for what becomes of the original.

    Raises AbsorbedError when it took the place, ParkedError while the original is still open,
    LaterError when the original's visit is busy.
    """
    state, shown = run.state, run.state.read.get("drchrono")
    clone = state.object("drchrono")
    if shown is None or clone is None or not shown.visit.cloned_from:
        return
    if state.object("oncall") is not None or state.attendance is not None:
        return
    original = _original(run, shown.visit.cloned_from)
    if original is None or original.aggregate == state.key:
        return
    try:
        json = run.sync.drchrono.get_appointment(run.ticket, str(original.remote_id))
    except Gone:
        return
    life = drchrono.to_visit(json, run.mapping).state
    if not isinstance(life, State):
        return
    if life.life is Life.RESCHEDULED:
        _take_over(run, clone, original, json)
    elif life.life is Life.OPEN:
        _wait(run, original)


def _original(run: VisitRun, remote_id: str) -> Obj | None:
    """The original that stands for an open OnCall visit.

    What was rescheduled twice before we looked has one between that stands for nothing.
    """
    for _ in range(MOST_BETWEEN):
        original = _linked_original(run, remote_id)
        if original is not None:
            return original
        try:
            json = run.sync.drchrono.get_appointment(run.ticket, remote_id)
        except Gone:
            return None
        between = drchrono.to_visit(json, run.mapping)
        rescheduled = isinstance(between.state, State) and between.state.life is Life.RESCHEDULED
        if not rescheduled or not between.cloned_from:
            return None
        remote_id = between.cloned_from
    return None


def _linked_original(run: VisitRun, remote_id: str) -> Obj | None:
    """The original, if it stands for an open OnCall visit."""
    with run.sync.store.read() as conn:
        original = links.find(conn, "drchrono", "appointment", remote_id)
        if original is None or not original.known:
            return None
        row = visits.get(conn, original.aggregate)
        stands = any(
            a.current and a.appointment == original.id
            for a in attendances.attendances(conn, original.aggregate)
        )
        made = any(
            o.system == "oncall" and o.kind == "appointment" and o.known
            for o in links.objects_of(conn, original.aggregate)
        )
    return original if row.state == "open" and stands and made else None


def _wait(run: VisitRun, original: Obj) -> None:
    """Park the clone for a grace, once; an imminent one doesn't wait."""
    state, sync = run.state, run.sync
    held, starts = state.row.hold_until, starts_of(state)
    if held is not None and held <= state.now:
        return
    if starts is not None and starts <= state.now + sync.settings.imminent:
        return
    until = held or state.now + timedelta(seconds=sync.settings.grace_seconds)
    with sync.store.write() as conn:
        claims.hold(conn, state.lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        visits.hold(conn, state.key, until)
    raise ParkedError("visit", str(original.remote_id))


def _take_over(run: VisitRun, clone: Obj, original: Obj, json: dict[str, Json]) -> None:
    """Put the clone into the original's visit; the original gets an aggregate of its own.

    What the clone has other than the original counts as changed: the visit moves.
    """
    sync, state, target = run.sync, run.state, original.aggregate
    with sync.store.write() as conn:
        held = transfer.hold(conn, sync, target, lease=state.lease)
        _settle_as(conn, run, clone, original, json)
        for attended in attendances.attendances(conn, target):
            if attended.current and attended.appointment == original.id:
                attendances.change_attendance(conn, attended.id, appointment=clone.id)
        transfer.hand_out(held, original, state="skipped")
        visits.hold(conn, target, None)
        transfer.absorb(held, state.key, target, hints=Hints.both())
        _wait_for_others(conn, run, target, held.now)
    raise AbsorbedError(target)


def _wait_for_others(conn: Connection, run: VisitRun, target: int, now: datetime) -> None:
    """The members of a group are rescheduled one by one: that is one move."""
    if visits.is_shared(conn, target):
        seconds = run.sync.settings.group_settle_seconds
        wait = work.Wait(seconds, seconds)
        work.raise_(conn, target, now=now, hints=Hints.both(), wait=wait)


def _settle_as(
    conn: Connection, run: VisitRun, clone: Obj, original: Obj, json: dict[str, Json]
) -> None:
    """Give the clone the original's baselines, salted as its own."""
    digests = run.sync.digests
    wire = drchrono.wire("appointment", json)
    stored = baselines.stored_fields(conn, [original.id])
    seen = compare(digests, original.id, wire, stored)
    as_settled: dict[str, Json] = {
        # A change of the original that was not carried yet is the clone's to carry.
        name: wire[name] if seen.get(name) is Seen.SAME else None
        for name in CARRIED
        # What can't be compared stays without a baseline: different from OnCall, it is asked about.
        if name in wire and seen.get(name) is not Seen.UNKNOWN
    }
    own = run.state.read["drchrono"].wire
    if "state" in own:
        as_settled["state"] = own["state"]
    baselines.settle(conn, clone.id, digests.fields(clone.id, as_settled), digests.key_id)
