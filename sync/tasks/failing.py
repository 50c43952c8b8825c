"""Run a task of the beat, and tell of one that keeps failing: once, until it goes well again.

A refusal is told at once. Anything else is told when it has lasted: two hours for what is due every
some minutes or hours, a quarter of an hour for what is due every some seconds, because others wait
for that. What waits for the budget is told after two hours too. A scan whose last whole pass should
have been two hours ago is told at its second failure.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from sync.core.errors import NotBefore, Refused, RemoteError
from sync.mapping import MappingError
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.lanes import Lane
from sync.store.service import ticks
from sync.store.tables import blockers, facts
from sync.store.tables.scans import progress

# When a task that failed is tried again, at the latest, and how long after it was due it is told.
AGAIN = timedelta(minutes=10)
TOLD_AFTER = timedelta(hours=2)
TOLD_SOON = timedelta(minutes=15)
_OFTEN = timedelta(minutes=1)
_SINCE = "failing:"

TaskRun = Callable[[Sync], tuple[Ring, ...]]


def telling(name: str, every_seconds: Callable[[Sync], float], run: TaskRun) -> TaskRun:
    """Give the task that tells of its failures under its name.

    Remote trouble ends it; its next tick tries again from where it stood. Any other exception but
    that of the mapping (which is told by itself) is told too, and raised.
    """

    def told(sync: Sync) -> tuple[Ring, ...]:
        try:
            rings = run(sync)
        except NotBefore as closed:
            sync.log.info("a task waits", task=name, reason=closed.code)
            _failed(sync, name, every_seconds(sync), closed.code, TOLD_AFTER)
        except Refused as refusal:
            sync.log.warning("a task is refused", task=name, reason=refusal.code)
            _failed(sync, name, every_seconds(sync), refusal.code, None)
        except RemoteError as failure:
            sync.log.warning("a task met trouble", task=name, reason=failure.code)
            _failed(sync, name, every_seconds(sync), failure.code)
        except MappingError:
            sync.log.warning("a task waits", task=name, reason="mapping_unusable")
        except SQLAlchemyError:
            # Where the database is out of reach, that can't be written down either: its tick stands
            # as of one that has not ended (`schedule.UNFINISHED`).
            _failed(sync, name, every_seconds(sync), "database")
            raise
        except Exception:
            _failed(sync, name, every_seconds(sync), "defect")
            raise
        else:
            _succeeded(sync, name)
            return rings
        return ()

    return told


def _failed(
    sync: Sync, name: str, every_seconds: float, code: str, after: timedelta | None = TOLD_SOON
) -> None:
    """Note a failure, have it tried again soon, and tell of it: at once where `after` is None."""
    every, now = timedelta(seconds=every_seconds), sync.clock()
    if after is not None and every > _OFTEN:
        after = TOLD_AFTER
    scan = progress(sync.store, name)
    done = scan.done_at or scan.started_at
    with sync.store.write() as conn:
        since = _since(conn, name, code, now)
        ticks.not_later(conn, name, now + AGAIN)
        if after is None:
            attention.open_item(conn, 0, f"{name}_refused", now=now)
            return
        # A scan may get on at each try and never come to its end. Late at the first trouble is also
        # what nobody has run for a while.
        late = done is not None and every > _OFTEN and now - done > every + after
        if now - since > after or (late and now - since >= AGAIN):
            attention.open_item(conn, 0, f"{name}_keeps_failing", now=now)


def _since(conn: Connection, name: str, code: str, now: datetime) -> datetime:
    since = facts.told_at(conn, _SINCE + name)
    if since is None:
        facts.put(conn, _SINCE + name, code, now)
    return since or now


def _succeeded(sync: Sync, name: str) -> None:
    with sync.store.read() as conn:
        if facts.told_at(conn, _SINCE + name) is None:
            return
    with sync.store.write() as conn:
        now = sync.clock()
        facts.forget(conn, _SINCE + name)
        attention.close_cause(conn, 0, f"{name}_keeps_failing", now)
        if attention.close_cause(conn, 0, f"{name}_refused", now):
            # What was forbidden by id waits for the same right: it is given now.
            blockers.wake(conn, blockers.OPERATOR, "forbidden", now=now, lane=Lane.CATCHUP)
