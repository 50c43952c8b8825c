"""Have a visit's own run make its other side, and read from the links what came of it.

A batch raises a few at a time, so that it can be paused, and its pace is that of the runs. Nothing
is made here: a visit that is raised by something else as well is made once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sync.batches.record import charts, judging
from sync.batches.step import Done, NotYetError
from sync.core.batch.model import Fate, Outcome
from sync.run.outcomes import LaterError
from sync.store import attention
from sync.store.batches import items, open_items, standing
from sync.store.lanes import Hints, Lane
from sync.store.tables import attendances, claims, links, work

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.batches.step import Step
    from sync.store.batches.items import Stored
    from sync.store.tables.links import Obj

# Visits that a batch has raised and that have not come to an end yet, at most.
MOST_RAISED: Final = 20
SOON: Final = timedelta(seconds=1)
# When one is looked at again that an operator has paused, or that waits for the whole service.
HELD: Final = timedelta(seconds=60)


def do(step: Step, item: Stored, system: str) -> Done:
    """Raise the visit of an appointment, or say what has come of it.

    Raises LaterError until its run has come to an end, NotYetError where enough are raised.
    """
    sync, remote_id = step.sync, str(item.source_id)
    with sync.store.read() as conn:
        obj = links.find(conn, system, "appointment", remote_id)
        done = _ended(conn, step, item, obj) if obj is not None else None
        waits = _waits_until(conn, obj) if obj is not None else None
        held = obj is not None and _is_held(conn, obj)
        raised = open_items.raised(conn, step.row.id)
        first = items.earliest(conn, step.row.id)
    if done is not None:
        return done
    if item.subject is not None:
        if waits is not None:
            raise LaterError(max(waits, sync.clock() + SOON))
        if held and not step.ending:
            raise LaterError(sync.clock() + HELD)
        return Done(Outcome.LEFT_OUT, "not_to_be_made")
    if step.ending:
        return Done(Outcome.LEFT_OUT)
    if raised >= MOST_RAISED:
        raise NotYetError(max(first or sync.clock(), sync.clock() + SOON))
    _raise(step, item, system)
    raise LaterError(sync.clock() + SOON)


def _raise(step: Step, item: Stored, system: str) -> None:
    sync = step.sync
    with sync.store.write() as conn:
        now, seconds = sync.clock(), sync.settings.lease_seconds
        claims.hold(conn, step.lease, now=now, seconds=seconds)
        obj = links.first_sight(conn, system, "appointment", str(item.source_id), now=now)
        if obj.state == "skipped":
            links.change(conn, obj.id, state="live")
        work.raise_(conn, obj.aggregate, now=now, hints=Hints.of(system), lane=Lane.BULK)
        items.change(conn, step.row.id, item.number, subject=obj.aggregate)
    step.raised.append(obj.aggregate)


# --- what came of it ------------------------------------------------------------------------------


def _waits_until(conn: Connection, obj: Obj) -> datetime | None:
    """When a visit's run is due that was asked for, or is at work; None where all was done."""
    found = work.standing(conn, obj.aggregate)
    if found is None or not (found.waits or found.lease_until is not None):
        return None
    return found.lease_until or found.due


def _is_held(conn: Connection, obj: Obj) -> bool:
    stands = standing.appointments(conn, obj.system, [str(obj.remote_id)]).get(str(obj.remote_id))
    return stands is not None and judging.goes_on(stands)


def _ended(conn: Connection, step: Step, item: Stored, obj: Obj) -> Done | None:
    """What is there of the other side by now, or what keeps it from being made; None: nothing."""
    other = "oncall" if obj.system == "drchrono" else "drchrono"
    there = [
        one
        for one in links.objects_of(conn, obj.aggregate)
        if (one.system, one.kind) == (other, "appointment") and one.known
    ]
    if there and _has_its_place(conn, obj):
        mine = item.subject is not None and there[-1].made_by_us and charts.is_of(step, there[-1])
        outcome = Outcome.CREATED if mine else Outcome.ALREADY_THERE
        return Done(outcome, remote_id=there[-1].remote_id, subject=obj.aggregate)
    if _waits_until(conn, obj) is not None and not _keeps_failing(conn, obj):
        return None
    stands = standing.appointments(conn, obj.system, [str(obj.remote_id)]).get(str(obj.remote_id))
    held = judging.what_holds(stands) if stands is not None else None
    if held is not None:
        outcome = Outcome.QUESTION if held.fate is Fate.QUESTION else Outcome.PROBLEM
        return Done(outcome, held.cause, candidates=held.candidates, subject=obj.aggregate)
    if _keeps_failing(conn, obj):
        return Done(Outcome.PROBLEM, claims.KEEPS_FAILING, subject=obj.aggregate)
    return None


def _has_its_place(conn: Connection, obj: Obj) -> bool:
    """Whether the OnCall visit has this appointment's patient in it: a group may lack them yet."""
    if obj.system != "drchrono":
        return True
    seats = [one for one in attendances.current(conn, obj.aggregate) if one.appointment == obj.id]
    return all(one.participant is not None for one in seats) if seats else True


def _keeps_failing(conn: Connection, obj: Obj) -> bool:
    return attention.is_open(conn, obj.aggregate, claims.KEEPS_FAILING)
