"""End a batch, or what a slice of it was at, in each way there is; keep how fast it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sync.core.batch.model import Outcome, State
from sync.core.batch.of_rows import SAME_LINE
from sync.runtime import Ring
from sync.store.batches import files, items, rows
from sync.store.lanes import Hints, Lane
from sync.store.tables import claims, work

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.batches.step import Step
    from sync.store.batches.items import Stored
    from sync.store.batches.rows import Row

KEPT: Final = timedelta(days=1)  # of what is sealed, after the file came or the batch was over
PACE: Final = "_pace"  # in the cursor: when so many items were over
PACE_EVERY: Final = 20
_PACES: Final = 10


def planned(step: Step) -> None:
    """Every item has a fate: somebody is to start it."""
    sync = step.sync
    with step.writing() as conn:
        now = sync.clock()
        total = items.count(conn, step.row.id)
        files.was_read(conn, step.row.id)
        rows.turn(
            conn,
            step.row.id,
            State.PLANNED,
            of={State.PLANNING},
            planned_at=now,
            total=total,
            cause=None,
            waits_until=None,
            cursor=None,
        )
        claims.complete(conn, step.lease, ended=now)


def over(step: Step) -> None:
    """Every item has an outcome: done, or cancelled."""
    to = State.CANCELLED if step.ending else State.DONE
    with step.writing() as conn:
        now = step.sync.clock()
        _follow_first(conn, step.row.id)
        rows.turn(
            conn,
            step.row.id,
            to,
            of={step.row.state},
            ended_at=now,
            drop_at=drop_at(step.row.sealed_key, now),
            cause=None,
            waits_until=None,
        )
        claims.complete(conn, step.lease, ended=now)


def _follow_first(conn: Connection, batch: int) -> None:
    """Give the lines that stand for an earlier one of their file what became of that."""
    number = 0
    while some := items.there_for(conn, batch, SAME_LINE, after=number):
        number = some[-1].number
        firsts = items.with_key(conn, batch, [one.key for one in some if one.key])
        known = {one.key: one for one in items.get(conn, batch, list(firsts.values()))}
        items.judge(conn, batch, [_as(known[one.key], one) for one in some if one.key in known])


def _as(first: Stored, one: Stored) -> dict[str, object]:
    there = first.outcome in {Outcome.CREATED, Outcome.UPDATED, Outcome.ALREADY_THERE}
    outcome = Outcome.ALREADY_THERE if there else first.outcome
    return {
        "number": one.number,
        "outcome": None if outcome is None else outcome.value,
        "cause": one.cause if there else first.cause,
        "remote_id": first.remote_id,
    }


def failed(step: Step, cause: str) -> None:
    """It can't be gone on with; what its file says is of no use any more."""
    with step.writing() as conn:
        now = step.sync.clock()
        turned = rows.turn(
            conn,
            step.row.id,
            State.FAILED,
            of={step.row.state},
            ended_at=now,
            cause=cause,
            waits_until=None,
        )
        if turned and step.row.sealed_key is not None:
            files.drop(conn, step.row.id, now)
        claims.complete(conn, step.lease, ended=now)


def cancelled(conn: Connection, row: Row, now: datetime) -> tuple[Ring, ...]:
    """End a batch in the caller's transaction: what was sent without an answer is looked for."""
    said = {"cause": None, "waits_until": None}
    if row.state in {State.RUNNING, State.PAUSED}:
        rows.turn(conn, row.id, State.ENDING, of={row.state}, drop_at=None, **said)
        items.leave_rest(conn, row.id)
        items.all_due(conn, row.id)
        return raised(conn, row, now)
    rows.turn(conn, row.id, State.CANCELLED, of={row.state}, ended_at=now, **said)
    if row.sealed_key is not None:
        files.drop(conn, row.id, now)
    return ()


def raised(conn: Connection, row: Row, now: datetime) -> tuple[Ring, ...]:
    """Have a batch gone on with, in the caller's transaction; returns what to ring after it."""
    work.raise_(conn, row.aggregate, now=now, hints=Hints(), lane=Lane.BULK)
    return (Ring(row.aggregate, Lane.BULK),)


def drop_at(sealed_key: bytes | None, now: datetime) -> datetime | None:
    """When what is sealed of a batch that is over goes; None where nothing is."""
    return None if sealed_key is None else now + KEPT


def note_pace(step: Step) -> None:
    """Note how many items are over by now, for the rate of the last minutes."""
    now = step.sync.clock()
    with step.writing() as conn:
        over_by_now = sum(items.count_outcomes(conn, step.row.id).values())
        row = rows.get(conn, step.row.id)
        cursor = dict((row and row.cursor) or {})
        paces = [*cursor.get(PACE, []), [now.isoformat(), over_by_now]][-_PACES:]
        rows.change(conn, step.row.id, cursor={**cursor, PACE: paces})
