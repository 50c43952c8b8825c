"""Have what catches up due at once after a time in which nobody was alive, or nobody could listen.

Apart from the schedule: a worker that begins and the door ask this, and need none of its tasks.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from sync.run.evidence import behind
from sync.runtime import Sync
from sync.store.service import installation, ticks
from sync.store.tables import facts

NOTE_EVERY: Final = timedelta(seconds=10)
GAP: Final = timedelta(seconds=60)
# The tasks (`schedule.TASKS`) that need the accounts' first matching to be over.
AFTER_MATCHING: Final = frozenset(
    {
        *("drchrono_appointments", "drchrono_patients", "drchrono_window"),
        *("oncall_newest", "oncall_walk", "oncall_tiers", "oncall_contacts"),
        "window",
    }
)
# What a webhook would have told.
_WHAT_CHANGED: Final = frozenset(
    {"drchrono_appointments", "drchrono_patients", "oncall_newest", "oncall_walk"}
)


def after_a_gap(sync: Sync) -> None:
    """After a time without a beat everything that catches up is due at once.

    And as it may be an older copy of the database that went on, nothing is worked on before the
    newest of OnCall were looked at.
    """
    now = sync.clock()
    with sync.store.read() as conn:
        last = facts.told_at(conn, "beat")
    if last is not None and now - last < NOTE_EVERY:
        return
    with sync.store.write() as conn:
        facts.put(conn, "beat", "yes", now)
        if last is not None and now - last > GAP:
            if are_matched(conn):
                behind.begin_gap(conn, now)
            ticks.all_due(conn, now, AFTER_MATCHING)


def still_beats(sync: Sync) -> None:
    """Note that there is a beat, while one of its tasks takes long: that is no gap.

    A gap that has been is left for `after_a_gap` to see. Raises SQLAlchemyError.
    """
    now = sync.clock()
    with sync.store.write() as conn:
        facts.confirm(conn, "beat", now, since=now - GAP)


def webhooks_were_missed(sync: Sync) -> None:
    """Have what changed read at once: for a while nobody could take webhooks.

    DrChrono would send them again in an hour (docs/api-facts.md, D64), OnCall may never (O40).
    Raises SQLAlchemyError.
    """
    with sync.store.write() as conn:
        ticks.all_due(conn, sync.clock(), _WHAT_CHANGED)


def are_matched(conn: Connection) -> bool:
    """Whether both accounts are pinned, taken over, and matched for a first time."""
    pinned = installation.get(conn)
    if pinned is None or pinned.accepted_at is None:
        return False
    return bool(facts.matched_doctors(conn))
