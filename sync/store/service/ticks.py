"""Keep the beat's ticks: when each task is due; whoever moves one on runs it."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from sync.store.schema import tick


def due(conn: Connection) -> dict[str, datetime]:
    """When each task that ever ran is due."""
    rows = conn.execute(select(tick.c.task, tick.c.due))
    return {row.task: row.due for row in rows}


def ran_at(conn: Connection, task: str) -> datetime | None:
    """When a task last ran, or None."""
    at: datetime | None = conn.execute(
        select(tick.c.ran_at).where(tick.c.task == task)
    ).scalar_one_or_none()
    return at


def take(conn: Connection, task: str, now: datetime, following: datetime) -> bool:
    """Move a due task on to its next tick by compare-and-set; False when another beat did."""
    row = conn.execute(
        select(tick.c.due, tick.c.turn).where(tick.c.task == task).with_for_update()
    ).first()
    if row is None:
        conn.execute(insert(tick).values(task=task, due=following, ran_at=now, turn=1))
        return True
    if row.due > now:
        return False
    moved = conn.execute(
        update(tick)
        .where(tick.c.task == task, tick.c.turn == row.turn)
        .values(due=following, ran_at=now, turn=row.turn + 1)
    )
    return moved.rowcount == 1


def ended(conn: Connection, task: str, *, unfinished: timedelta, every: timedelta) -> None:
    """Have a task due `every` after it was taken, where it is due `unfinished` after that still.

    Somebody who asked for it sooner meanwhile is not overruled.
    """
    row = conn.execute(select(tick.c.ran_at, tick.c.turn).where(tick.c.task == task)).first()
    if row is None or row.ran_at is None:
        return
    still = tick.c.task == task, tick.c.turn == row.turn, tick.c.due == row.ran_at + unfinished
    conn.execute(update(tick).where(*still).values(due=row.ran_at + every))


def all_due(conn: Connection, now: datetime, tasks: Collection[str] | None = None) -> None:
    """Have these tasks due now; None: every task."""
    these = update(tick) if tasks is None else update(tick).where(tick.c.task.in_(tasks))
    conn.execute(these.values(due=now))


def not_later(conn: Connection, task: str, latest: datetime) -> None:
    """Have a task due at `latest`, if it is due later than that."""
    late = tick.c.task == task, tick.c.due > latest
    conn.execute(update(tick).where(*late).values(due=latest))
