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
from sync.run import attempts
from sync.store import calls
from sync.store.lanes import Hints
from sync.store.tables import attendances, baselines, links, work
from sync.store.tables.baselines import Settled
from sync.store.tables.work import Wait
from sync.store.visits import moves, visits
from sync.visits.linking import participants
from sync.visits.state import carried

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.runtime import Sync
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


def oncall_visit(
    conn: Connection, run: VisitRun, row: Obj, json: dict[str, Json], *, answered: bool = False
) -> bool:
    """Keep the id of a made OnCall visit, its baselines, its participants; carry the source's.

    `answered`: `json` is the create's own answer, and was not found. Returns False when the id is
    being looked at elsewhere: it comes back by our marker.
    """
    sync, state, now = run.sync, run.state, run.sync.clock()
    seen = oncall.to_visit(json, run.mapping)
    # Before its first look nothing was sent but what was answered now.
    at_once = answered and row.looked_at is None
    sent = {} if at_once else _since(conn, sync, row, json, seen, answered=answered)
    wire = sent or oncall.wire("appointment", json)
    made = moves.created(conn, row, seen.remote_id, now=now, has_marker=True)
    source = carried.as_shown(run, state.object("drchrono"), state.read.get("drchrono"))
    if made is None:
        here = Settled(row.id, _of(sync, row, wire))
        _come_back(conn, run, row, () if sent else (here, source))
        return False
    settled = [Settled(made.id, _of(sync, made, wire)), source]
    if state.is_group:
        participants.know_participants(conn, run, json)
    else:
        settled.append(_participant(conn, run, json))
    if sent:
        calls.forget_sent(conn, row.id)
    _stands(conn, run, settled)
    return True


def _stands(conn: Connection, run: VisitRun, settled: Iterable[Settled | None]) -> None:
    """What a create has made is settled, and its visit is open."""
    baselines.settle_each(conn, settled, run.sync.digests.key_id)
    if run.state.row.state != "open":
        visits.change(conn, run.state.key, state="open")


def _since(
    conn: Connection,
    sync: Sync,
    row: Obj,
    json: dict[str, Json],
    seen: Visit,
    *,
    answered: bool,
) -> dict[str, Json]:
    told = attempts.as_sent if answered else attempts.as_made
    return told(conn, sync, row, json, seen)


def _of(sync: Sync, row: Obj, wire: Mapping[str, Json]) -> dict[str, str]:
    return sync.digests.fields(row.id, wire)


def _come_back(
    conn: Connection, run: VisitRun, row: Obj, answered: Iterable[Settled | None]
) -> None:
    """The id is being looked at under an aggregate of its own, which our marker sends here.

    What its create was `answered` is settled under its own row until then: who edits either side
    meanwhile is heard.
    """
    baselines.settle_each(conn, answered, run.sync.digests.key_id)
    links.change(conn, row.id, state="ambiguous")
    now = run.sync.clock()
    work.raise_(conn, run.state.key, now=now, hints=Hints.both(), wait=Wait(2, 2))


def participant(conn: Connection, run: VisitRun, json: dict[str, Json]) -> None:
    """Keep the only participant of a visit as the patient of its attendance."""
    baselines.settle_each(conn, [_participant(conn, run, json)], run.sync.digests.key_id)


def _participant(conn: Connection, run: VisitRun, json: dict[str, Json]) -> Settled | None:
    sync, state = run.sync, run.state
    people = participants_wire(json)
    if state.attendance is None or len(people) != 1:
        return None
    ((remote_id, wire),) = people.items()
    known = links.known_or_added(
        conn, state.key, "oncall", "participant", remote_id, now=sync.clock(), made_by_us=True
    )
    state.attendance, behind = attendances.come(conn, state.attendance.id, known.id)
    if behind and state.attendance.person is not None:
        hints = Hints.of("drchrono")
        work.raise_(conn, state.attendance.person, now=sync.clock(), hints=hints)
    return Settled(known.id, sync.digests.fields(known.id, wire))


def appointment(
    conn: Connection,
    run: VisitRun,
    row: Obj,
    json: dict[str, Json],
    *,
    has_marker: bool = False,
    answered: bool = False,
) -> bool:
    """Keep the id of a made DrChrono appointment and its baselines; carry the source's.

    `answered` and what is returned: as of `oncall_visit`.
    """
    sync, state = run.sync, run.state
    seen = drchrono.to_visit(json, run.mapping)
    sent = _since(conn, sync, row, json, seen, answered=answered)
    wire = sent or drchrono.wire("appointment", json)
    made = moves.created(
        conn, row, seen.remote_id, now=sync.clock(), revision=seen.revision, has_marker=has_marker
    )
    source = carried.as_shown(run, state.object("oncall"), state.read.get("oncall"))
    if made is None:
        here = Settled(row.id, _of(sync, row, wire), seen.zone)
        _come_back(conn, run, row, () if sent else (here, source))
        return False
    settled = [Settled(made.id, _of(sync, made, wire), seen.zone), source]
    if sent:
        calls.forget_sent(conn, row.id)
    _stands(conn, run, settled)
    return True
