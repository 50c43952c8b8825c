"""Record what a create made: id, baselines, participant; settle its source.

Of one whose answer was lost the baselines are what was sent, not what is found: who edited it since
is heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.people import reconcile
from sync.run.attempts import as_sent
from sync.store import calls
from sync.store.lanes import Hints
from sync.store.tables import attendances, baselines, links, work
from sync.store.tables.work import Wait
from sync.store.visits import moves, visits
from sync.visits.linking import participants
from sync.visits.state import carried

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


def oncall_visit(conn: Connection, run: VisitRun, row: Obj, json: dict[str, Json]) -> bool:
    """Keep the id of a made OnCall visit, its baselines, its participants; carry the source's.

    Returns False when the id is being looked at elsewhere: it comes back by our marker.
    """
    sync, state, now = run.sync, run.state, run.sync.clock()
    seen = oncall.to_visit(json, run.mapping)
    wire = as_sent(conn, sync, row, json, seen) or oncall.wire("appointment", json)
    made = moves.created(conn, row, seen.remote_id, now=now, has_marker=True)
    if made is None:
        _come_back(conn, run, row)
        return False
    calls.forget_sent(conn, row.id)
    baselines.settle(conn, made.id, sync.digests.fields(made.id, wire), sync.digests.key_id)
    if state.is_group:
        participants.know_participants(conn, run, json)
    else:
        participant(conn, run, json)
    carried.settle(conn, run, run.state.object("drchrono"), run.state.read.get("drchrono"))
    visits.change(conn, state.key, state="open")
    return True


def _come_back(conn: Connection, run: VisitRun, row: Obj) -> None:
    """The id is being looked at under an aggregate of its own, which our marker sends here."""
    links.change(conn, row.id, state="ambiguous")
    now = run.sync.clock()
    work.raise_(conn, run.state.key, now=now, hints=Hints.both(), wait=Wait(2, 2))


def participant(conn: Connection, run: VisitRun, json: dict[str, Json]) -> None:
    """Keep the only participant of a visit as the patient of its attendance."""
    sync, state = run.sync, run.state
    people = participants_wire(json)
    if state.attendance is None or len(people) != 1:
        return
    ((remote_id, wire),) = people.items()
    known = links.find(conn, "oncall", "participant", remote_id)
    if known is None:
        known = links.add(
            conn, state.key, "oncall", "participant", remote_id, now=sync.clock(), made_by_us=True
        )
    baselines.settle(conn, known.id, sync.digests.fields(known.id, wire), sync.digests.key_id)
    attendances.change_attendance(conn, state.attendance.id, participant=known.id)
    reconcile.tell_if_behind(conn, state.attendance.person, sync.clock())


def appointment(
    conn: Connection,
    run: VisitRun,
    row: Obj,
    json: dict[str, Json],
    *,
    has_marker: bool = False,
) -> bool:
    """Keep the id of a made DrChrono appointment and its baselines; carry the source's.

    Returns as `oncall_visit` does.
    """
    sync, state = run.sync, run.state
    seen = drchrono.to_visit(json, run.mapping)
    wire = as_sent(conn, sync, row, json, seen) or drchrono.wire("appointment", json)
    made = moves.created(
        conn, row, seen.remote_id, now=sync.clock(), revision=seen.revision, has_marker=has_marker
    )
    if made is None:
        _come_back(conn, run, row)
        return False
    calls.forget_sent(conn, row.id)
    baselines.settle(
        conn, made.id, sync.digests.fields(made.id, wire), sync.digests.key_id, zone=seen.zone
    )
    carried.settle(conn, run, run.state.object("oncall"), run.state.read.get("oncall"))
    visits.change(conn, state.key, state="open")
    return True
