"""Show batches: how far they are, what is to become of each item, and the result as a file."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sync.batches import ends, results
from sync.batches.filing import Columns as Columns
from sync.batches.filing import columns as columns
from sync.batches.kinds import every
from sync.batches.kinds.model import Cost
from sync.batches.results import result as result
from sync.core.batch.model import Fate, Foreseen, Progress, State
from sync.store.batches import items as item_rows
from sync.store.batches import rows, sealed
from sync.store.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.core.batch.model import Batch, Item, Outcome
    from sync.runtime import Sync

_SECONDS_A_CALL: Final = 0.5  # of a call with what is done around it, one after another
_STARTED: Final = frozenset({State.RUNNING, State.PAUSED, State.ENDING})


def show(sync: Sync, batch: int) -> Batch:
    """One batch with its counts. Raises LookupError."""
    with sync.store.read() as conn:
        row = rows.known(rows.get(conn, batch))
        return row.shown(item_rows.count_fates(conn, batch), item_rows.count_outcomes(conn, batch))


def listed(sync: Sync, *, imports: bool, limit: int = 20) -> list[Batch]:
    """The newest batches, of files or of the record, without their counts."""
    with sync.store.read() as conn:
        return [row.shown() for row in rows.listed(conn, imports=imports, limit=limit)]


def foreseen(sync: Sync, batch: int) -> Foreseen:
    """What starting it would cost, of the items that are not left out and not over."""
    with sync.store.read() as conn:
        row = rows.known(rows.get(conn, batch))
        counts = item_rows.count_open(conn, batch)
    costs = every.of(row.kind).costs(sync, row.options)
    each = [(count, costs.get(fate, Cost())) for fate, count in counts.items()]
    drchrono = math.ceil(sum(count * cost.drchrono for count, cost in each))
    oncall = math.ceil(sum(count * cost.oncall for count, cost in each))
    return Foreseen(
        drchrono_calls=drchrono,
        oncall_calls=oncall,
        minutes=_minutes(sync, {"drchrono": drchrono, "oncall": oncall}),
        mails_to_patients=math.ceil(sum(count * cost.mails_to_patients for count, cost in each)),
        mails_to_providers=math.ceil(sum(count * cost.mails_to_providers for count, cost in each)),
    )


def _minutes(sync: Sync, calls: Mapping[str, int]) -> int | None:
    """How long so many calls take: one after another, and within what the hour has for bulk work.

    None where a system has closed us out and so many are needed of it.
    """
    now = sync.clock()
    seconds = sum(calls.values()) * _SECONDS_A_CALL
    for system, needed in calls.items():
        allowed = sync.limits[system].allowed(Lane.BULK, imminent=False)
        left = sync.budget(system)
        if not needed:
            continue
        if left.closed_until is not None:
            seconds = max(seconds, (left.closed_until - now).total_seconds())
        if allowed is not None:
            beyond = needed - max(0, allowed - left.used)
            seconds = max(seconds, 3600 * beyond / allowed)
    return math.ceil(seconds / 60)


def progress(sync: Sync, batch: int) -> Progress:
    """How far the work is."""
    now = sync.clock()
    with sync.store.read() as conn:
        row = rows.known(rows.get(conn, batch))
        if row.state in {State.CHOOSING, State.PLANNING}:
            return Progress(row.total or 0, row.read, None, None)
        outcomes = item_rows.count_outcomes(conn, batch)
    total, done = row.total or 0, sum(outcomes.values())
    rate = _rate(row, done, now) if row.state in _STARTED else None
    left = None if not rate or row.state is State.PAUSED else (total - done) * 60 / rate
    return Progress(total, done, rate, None if left is None else math.ceil(left))


def _rate(row: rows.Row, done: int, now: datetime) -> float | None:
    """Items a minute, by what was noted in the last minutes; None where that says nothing."""
    paces = [
        (datetime.fromisoformat(at), count) for at, count in (row.cursor or {}).get(ends.PACE, [])
    ]
    recent = [(at, count) for at, count in paces if now - at < timedelta(minutes=10)]
    if not recent:
        return None
    at, count = recent[0]
    seconds = (now - at).total_seconds()
    return None if seconds <= 0 or done <= count else (done - count) * 60 / seconds


def items(
    sync: Sync,
    batch: int,
    *,
    fate: Fate | None = None,
    outcome: Outcome | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[Item]:
    """Items in the order of their numbers, after one, by an index."""
    with sync.store.read() as conn:
        row = rows.known(rows.get(conn, batch))
        found = item_rows.after(conn, batch, after, limit=limit, fate=fate, outcome=outcome)
    return [one.shown(results.url(sync, row, one)) for one in found]


def cells(sync: Sync, batch: int, numbers: list[int]) -> dict[int, tuple[str, ...]]:
    """The file's own cells of some lines, for the eyes of whoever brought the file; kept nowhere.

    Empty where the file is gone.
    """
    with sync.store.read() as conn:
        row = rows.get(conn, batch)
        if row is None or row.sealed_key is None:
            return {}
        found = item_rows.get(conn, batch, numbers)
    try:
        seal = sealed.opened(sync.settings.fernet_keys, row.sealed_key)
        return {one.number: seal.open_cells(one.sealed) for one in found if one.sealed is not None}
    except sealed.UnreadableError:
        return {}
