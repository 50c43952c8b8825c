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
from sync.run.attempts import as_sent
from sync.store import calls
from sync.store.lanes import Hints
from sync.store.tables import attendances, baselines, links, work
from sync.store.tables.baselines import Settled
from sync.store.tables.work import Wait
from sync.store.visits import moves, visits
from sync.visits.linking import participants
from sync.visits.state import carried

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.core.wording import Json
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
    sent = {} if answered and row.looked_at is None else as_sent(conn, sync, row, json, seen)
    wire = sent or oncall.wire("appointment", json)
    made = moves.created(conn, row, seen.remote_id, now=now, has_marker=True)
    if made is None:
        _come_back(conn, run, row)
        return False
    settled = [
        Settled(made.id, sync.digests.fields(made.id, wire)),
        carried.as_shown(run, state.object("drchrono"), state.read.get("drchrono")),
    ]
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


def _come_back(conn: Connection, run: VisitRun, row: Obj) -> None:
    """The id is being looked at under an aggregate of its own, which our marker sends here."""
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
) -> bool:
    """Keep the id of a made DrChrono appointment and its baselines; carry the source's.

    Returns as `oncall_visit` does.
    """
    sync, state = run.sync, run.state
    seen = drchrono.to_visit(json, run.mapping)
    sent = as_sent(conn, sync, row, json, seen)
    wire = sent or drchrono.wire("appointment", json)
    made = moves.created(
        conn, row, seen.remote_id, now=sync.clock(), revision=seen.revision, has_marker=has_marker
    )
    if made is None:
        _come_back(conn, run, row)
        return False
    settled = [
        Settled(made.id, sync.digests.fields(made.id, wire), seen.zone),
        carried.as_shown(run, state.object("oncall"), state.read.get("oncall")),
    ]
    if sent:
        calls.forget_sent(conn, row.id)
    _stands(conn, run, settled)
    return True
