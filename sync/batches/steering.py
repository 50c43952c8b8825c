"""Do what a person asks of a batch: open, choose columns, start, pause, resume, cancel.

Each deed is audited in its own transaction. Raises LookupError with a sentence for whoever asked
where a batch is not there or not in a state for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.batches import allowing, ends
from sync.batches.filing import choose as choose
from sync.batches.filing import open_file as open_file
from sync.batches.opening import open_backfill as open_backfill
from sync.core.batch import causes
from sync.core.batch.model import OVER, Fate, State
from sync.store.batches import files, items, rows
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.runtime import Ring, Sync
    from sync.store.batches.rows import Row

_NOT_PLANNED: Final = "It can be changed only after it was planned and before it is started."


def leave_out(sync: Sync, batch: int, numbers: Iterable[int], *, out: bool = True) -> int:
    """Leave items of a planned batch out, or take them back in; returns how many changed."""
    named = list(numbers)
    with sync.store.write() as conn:
        _planned(conn, batch)
        changed = 0
        for at in range(0, len(named), 500):
            some = named[at : at + 500]
            changed += (
                items.leave_out(conn, batch, some, None)
                if out
                else items.take_in(conn, batch, some)
            )
        action = "leave_out_lines" if out else "take_in_lines"
        deeds.note(conn, _deed(action, batch, ("lines", changed)), sync.clock())
    return changed


def leave_out_all(sync: Sync, batch: int, fate: Fate) -> int:
    """The same with all items of one fate."""
    with sync.store.write() as conn:
        _planned(conn, batch)
        changed = items.leave_out(conn, batch, None, fate)
        deed = _deed("leave_out_lines", batch, ("lines", changed), ("fate", fate.value))
        deeds.note(conn, deed, sync.clock())
    return changed


def start(sync: Sync, batch: int) -> tuple[Ring, ...]:
    """Begin to send what was planned."""
    with sync.store.read() as conn:
        row = rows.known(rows.get(conn, batch))
    cause = allowing.refusal(sync, row)
    if cause is not None:
        raise LookupError(f"Nothing can be sent now. {causes.say(cause)}")
    with sync.store.write() as conn:
        now = sync.clock()
        turned = rows.turn(
            conn,
            batch,
            State.RUNNING,
            of={State.PLANNED},
            started_at=now,
            drop_at=None,
            cause=None,
            cursor=None,
        )
        if not turned:
            raise LookupError("Only a batch that was planned and not started yet can be started.")
        items.settle_rest(conn, batch)
        sends = items.count_open(conn, batch)
        counted = ((fate.value, count) for fate, count in sorted(sends.items()))
        deeds.note(conn, _deed("start_batch", batch, *counted), now)
        return ends.raised(conn, row, now)


def pause(sync: Sync, batch: int) -> None:
    """Begin no further item until it is resumed. What its file says waits for a day."""
    with sync.store.write() as conn:
        now = sync.clock()
        row = rows.known(rows.locked(conn, batch))
        drop = ends.drop_at(row.sealed_key, now)
        if not rows.turn(conn, batch, State.PAUSED, of={State.RUNNING}, drop_at=drop):
            raise LookupError("Only a batch that is running can be paused.")
        deeds.note(conn, _deed("pause_batch", batch), now)


def resume(sync: Sync, batch: int) -> tuple[Ring, ...]:
    """Go on with a paused batch."""
    with sync.store.write() as conn:
        now = sync.clock()
        row = rows.known(rows.locked(conn, batch))
        cursor = {name: value for name, value in (row.cursor or {}).items() if name != ends.PACE}
        said = {"drop_at": None, "cause": None, "waits_until": None, "cursor": cursor or None}
        if not rows.turn(conn, batch, State.RUNNING, of={State.PAUSED}, **said):
            raise LookupError("Only a paused batch can be resumed.")
        deeds.note(conn, _deed("resume_batch", batch), now)
        return ends.raised(conn, row, now)


def cancel(sync: Sync, batch: int) -> tuple[Ring, ...]:
    """End a batch: nothing further begins, and items without an outcome are left out."""
    with sync.store.write() as conn:
        now = sync.clock()
        row = rows.known(rows.locked(conn, batch))
        if row.state in OVER or row.state is State.ENDING:
            raise LookupError("It is over already.")
        deeds.note(conn, _deed("cancel_batch", batch, ("was", row.state.value)), now)
        return ends.cancelled(conn, row, now)


def drop(sync: Sync, batch: int) -> None:
    """Delete what is sealed of a batch that is over (its file and its result) now."""
    with sync.store.write() as conn:
        row = rows.known(rows.locked(conn, batch))
        if row.state not in OVER:
            raise LookupError("What is not over needs its file still. Cancel it first.")
        now = sync.clock()
        if row.sealed_key is not None:
            files.drop(conn, batch, now)
        deeds.note(conn, _deed("drop_file", batch), now)


def _planned(conn: Connection, batch: int) -> Row:
    row = rows.known(rows.locked(conn, batch))
    if row.state is not State.PLANNED:
        raise LookupError(_NOT_PLANNED)
    return row


def _deed(action: str, batch: int, *also: tuple[str, object]) -> Deed:
    return Deed(action, (("batch", batch), *also))
