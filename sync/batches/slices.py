"""Work a slice of a batch off: plan on, or bring one item after another to its outcome.

An item that fails is put off and tried again, beside the others; a batch stops for no item. What
keeps everything from going on (a budget, an outage, an authorisation) has the batch itself given
back until it is over, and told.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from sync.batches import allowing, ends
from sync.batches.failures import Failure, judged
from sync.batches.kinds import every
from sync.batches.step import (
    ADVANCING,
    SLICE_SECONDS,
    Done,
    GiveWayError,
    NotYetError,
    Step,
    StoppedError,
    UnusableBatchError,
)
from sync.core.batch.model import Outcome, State
from sync.core.errors import FencedOff
from sync.log import cause as log_cause
from sync.run.outcomes import AbsorbedError
from sync.runtime import Ring
from sync.store.batches import items, rows
from sync.store.lanes import Lane
from sync.store.tables import claims
from sync.store.tables.claims import FenceLostError

if TYPE_CHECKING:
    from sync.runtime import Sync
    from sync.store.batches.items import Stored
    from sync.store.tables.claims import Lease

# So often an item may fail while others come to their end; and in all.
CONCLUDED, GIVEN_UP = 5, 20
# So many failures of the other system one after another are an outage, and no item's fault.
OUTAGE: Final = 3
_FIRST, _MOST = 2.0, 900.0  # seconds of back-off
_DEFECTS = 5  # times that planning fails by a defect before it is told
_BUSY_TOLD = timedelta(seconds=10)


@dataclass
class _Going:
    """How the items of one slice go."""

    ended: int = 0
    failed: int = 0  # one after another, by the other system


def run(
    sync: Sync, lease: Lease, *, yields: bool = True, seconds: float = SLICE_SECONDS
) -> tuple[Ring, ...]:
    """Work a slice of the batch off whose aggregate is leased, and give the lease back.

    Returns what its items have raised. Raises FenceLostError and FencedOff when another process has
    it by now, and SQLAlchemyError.
    """
    with sync.store.read() as conn:
        row = rows.of_aggregate(conn, lease.aggregate)
    if row is None or row.state not in ADVANCING:
        _rest(sync, lease)
        return ()
    step = Step(sync, row, lease, yields, time.monotonic() + seconds)
    try:
        if row.state is State.PLANNING:
            _plan(step)
        else:
            _work_off(step)
    except StoppedError:
        _rest(sync, lease)
    except GiveWayError:
        _later(step, sync.clock())
    except UnusableBatchError as unusable:
        ends.failed(step, unusable.cause)
    except _WaitsError as waits:
        _later(step, waits.due, waits.cause, failed=waits.failed)
    return tuple(Ring(key, Lane.BULK) for key in step.raised)


class _WaitsError(Exception):
    """The batch as a whole waits for something."""

    def __init__(self, due: datetime, cause: str, *, failed: bool = False) -> None:
        super().__init__(cause)
        self.due, self.cause, self.failed = due, cause, failed


# --- planning -------------------------------------------------------------------------------------


def _plan(step: Step) -> None:
    try:
        step.give_way()
        every.of(step.row.kind).plan(step)
    except (GiveWayError, StoppedError, UnusableBatchError, SQLAlchemyError):
        raise
    except (FencedOff, FenceLostError):
        raise
    except Exception as failure:
        found = judged(step.sync, failure)
        if found.whole is not None:
            raise _WaitsError(found.due, found.whole) from failure
        if found.cause not in {"outage", "answers", "busy"}:
            raise _unplanned(step, failure, found) from failure
        raise _WaitsError(_backed_off(step, found), found.cause, failed=True) from failure
    ends.planned(step)


def _unplanned(step: Step, failure: Exception, found: Failure) -> Exception:
    """What a plan comes to that met what no waiting ends: a refusal, a defect that stays."""
    if not found.defect:
        return UnusableBatchError(found.cause)
    step.sync.log.error(
        "planning a batch failed", aggregate=step.lease.aggregate, **log_cause(failure)
    )
    if step.lease.attempts + 1 >= _DEFECTS:
        return UnusableBatchError("defect")
    return _WaitsError(_backed_off(step, found), "defect", failed=True)


# --- the items ------------------------------------------------------------------------------------


def _work_off(step: Step) -> None:
    """One item after another; each slice does one at least, whatever waits."""
    sync, going = step.sync, _Going()
    refusal = None if step.ending else allowing.refusal(sync, step.row)
    if refusal is not None:
        raise _WaitsError(sync.clock() + allowing.AGAIN, refusal)
    with step.writing() as conn:
        rows.change(conn, step.row.id, cause=None, waits_until=None)
        if step.ending:
            items.leave_rest(conn, step.row.id)
    while True:
        with sync.store.read() as conn:
            found = items.following(conn, step.row.id, sync.clock())
        if not found:
            break
        _one(step, found[0], going)
        _note_pace(step, going)
        step.give_way()
    with sync.store.read() as conn:
        earliest = items.earliest(conn, step.row.id)
    if earliest is None:
        ends.over(step)
        return
    near = earliest - sync.clock() < _BUSY_TOLD
    raise _WaitsError(earliest, "busy" if near else "answers")


def _one(step: Step, item: Stored, going: _Going) -> None:
    """Bring one item to its outcome, or put it off. What it makes is written down before."""
    with step.writing() as conn:
        if rows.state_of(conn, step.row.id) is not step.row.state:
            raise StoppedError
        items.begin(conn, step.row.id, item.number)
    try:
        done = every.of(step.row.kind).do(step, item)
    except (FencedOff, FenceLostError) as lost:
        _theirs(step, item, lost)
    except NotYetError as later:
        _as_it_was(step, item)
        raise _WaitsError(later.due, "answers") from later
    except UnusableBatchError as gone:
        _store(step, item, Done(Outcome.PROBLEM, gone.cause))
    except (GiveWayError, StoppedError, SQLAlchemyError):
        raise
    except AbsorbedError:
        _put_off(step, item, step.sync.clock())
    except Exception as failure:  # noqa: BLE001 - told by `_failed`; one item stops no batch
        _failed(step, item, failure, going)
    else:
        going.ended, going.failed = going.ended + 1, 0
        _store(step, item, done)


def _as_it_was(step: Step, item: Stored) -> None:
    with step.writing() as conn:
        items.change(conn, step.row.id, item.number, tries=item.tries)


def _theirs(step: Step, item: Stored, lost: Exception) -> None:
    """Whose lease was lost: the batch's ends the slice, the subject's puts the item off."""
    with step.writing() as conn:  # raises FenceLostError where it was the batch's
        items.put_off(conn, step.row.id, item.number, step.sync.clock() + timedelta(seconds=1))
    step.sync.log.warning("lease lost", aggregate=item.subject, **log_cause(lost))


def _store(step: Step, item: Stored, done: Done) -> None:
    with step.writing() as conn:
        items.change(conn, step.row.id, item.number, **done.columns())


def _put_off(step: Step, item: Stored, due: datetime, *, failed: bool = False) -> None:
    with step.writing() as conn:
        items.put_off(conn, step.row.id, item.number, due, failed=failed)


def _failed(step: Step, item: Stored, failure: Exception, going: _Going) -> None:
    """What an item's failure comes to: the batch waits, the item does, or it is concluded."""
    found = judged(step.sync, failure)
    if found.defect:
        step.sync.log.error(
            "an item of a batch failed",
            aggregate=step.lease.aggregate,
            count=item.number,
            **log_cause(failure),
        )
    if found.whole is not None:
        raise _WaitsError(found.due, found.whole) from failure
    if found.outcome is not None:
        going.ended, going.failed = going.ended + 1, 0
        _store(step, item, Done(found.outcome, found.cause, candidates=found.candidates))
        return
    if not found.counts:
        _put_off(step, item, found.due)
        return
    going.failed += 1
    failures = item.failures + 1
    if failures >= GIVEN_UP or (failures >= CONCLUDED and going.ended):
        _store(step, item, Done(Outcome.PROBLEM, "keeps_failing"))
        return
    due = max(found.due, step.sync.clock() + _back_off(failures))
    _put_off(step, item, due, failed=True)
    if going.failed >= OUTAGE and not found.defect:
        raise _WaitsError(_backed_off(step, found), "outage", failed=True) from failure


def _note_pace(step: Step, going: _Going) -> None:
    """Note now and then how many are over, for the rate of the last minutes."""
    if going.ended % ends.PACE_EVERY == 1:
        ends.note_pace(step)


# --- giving the lease back ------------------------------------------------------------------------


def _rest(sync: Sync, lease: Lease) -> None:
    """Nothing is to be done any more, until somebody asks for it."""
    with sync.store.write() as conn:
        seconds = sync.settings.lease_seconds
        claims.hold(conn, lease, now=sync.clock(), seconds=seconds)
        claims.complete(conn, lease, ended=None)


def _later(step: Step, due: datetime, cause: str | None = None, *, failed: bool = False) -> None:
    with step.writing() as conn:
        waits = None if cause is None else due
        rows.change(conn, step.row.id, cause=cause, waits_until=waits)
        claims.defer(conn, step.lease, due=due, failed=failed)


def _backed_off(step: Step, found: Failure) -> datetime:
    return max(found.due, step.sync.clock() + _back_off(step.lease.attempts + 1))


def _back_off(times: int) -> timedelta:
    most = min(_MOST, _FIRST * 2 ** min(times, 30))
    return timedelta(seconds=random.uniform(most / 2, most))  # noqa: S311 - jitter, not a secret
