"""Pause and resume on an operator's word: everything, one system's writes, a lane, a doctor.

What a run may not write parks and waits for the resuming; of everything, or of a lane, nothing is
begun either. Webhooks are taken in and lists are read meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sync.core.records import SYSTEMS
from sync.operations.lookup import REMOTE_ID
from sync.runtime import Ring, Sync
from sync.store import pauses
from sync.store.lanes import Lane
from sync.store.pauses import Pause
from sync.store.tables import blockers
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

LANES = {lane.name.lower(): lane for lane in Lane}
WHAT = f"everything, {', '.join(SYSTEMS)}, {', '.join(LANES)}, or doctor:ID"


class UnknownPauseError(ValueError):
    """What was named can't be paused; the text says what can."""


class InThePastError(ValueError):
    """The end that was named is over already."""


def pause(sync: Sync, what: str, until: datetime | None = None) -> None:
    """Hold it back from now on, until a time (aware UTC) or until it is resumed.

    What is on its way goes on to its end. Raises UnknownPauseError, InThePastError.
    """
    name, now = _named(what), sync.clock()
    if until is not None and until <= now:
        raise InThePastError("That time is over already: name one that is to come.")
    with sync.store.write() as conn:
        pauses.put(conn, Pause(name, until, now, deeds.whose(conn)))
        deeds.note(conn, _deed("pause", name), now)


def resume(sync: Sync, what: str) -> tuple[Ring, ...]:
    """Let it go on. Returns what to ring; nothing where it was not paused.

    Raises UnknownPauseError.
    """
    name = _named(what)
    with sync.store.write() as conn:
        if not pauses.drop(conn, name):
            return ()
        return _go_on(conn, sync, name)


def paused(sync: Sync) -> list[Pause]:
    """Everything that is paused now, the widest first."""
    with sync.store.read() as conn:
        return pauses.active(conn, sync.clock())


@dataclass(frozen=True, slots=True)
class Held:
    """One pause as it is shown: `what` as `resume` takes it, and how many things wait for it.

    `until` None: until it is resumed. `by` is "" where only the audit knows.
    """

    what: str
    since: datetime
    until: datetime | None
    by: str
    waiting: int


def held(sync: Sync) -> list[Held]:
    """Everything that is paused now, with what waits for it; the widest first."""
    with sync.store.read() as conn:
        found = pauses.active(conn, sync.clock())
        waiting = blockers.count(conn, blockers.PAUSE) if found else {}
    return [
        Held(said(one.what), one.at, one.until, one.by, waiting.get(one.what, 0)) for one in found
    ]


def settle(sync: Sync) -> tuple[Ring, ...]:
    """Wake what waited for pauses that have come to their end. Returns what to ring."""
    rings: list[Ring] = []
    with sync.store.write() as conn:
        for name in pauses.ended(conn, sync.clock()):
            rings += _go_on(conn, sync, name)
    return tuple(rings)


def said(what: str) -> str:
    """How a pause is named to people, and in the commands."""
    kind, _, which = what.partition(":")
    return Lane(int(which)).name.lower() if kind == "lane" else what


def _go_on(conn: Connection, sync: Sync, name: str) -> tuple[Ring, ...]:
    deeds.note(conn, _deed("resume", name), sync.clock())
    waiting = blockers.wake(conn, blockers.PAUSE, name, now=sync.clock())
    return tuple(Ring(key, Lane.LIVE) for key in waiting)


def _deed(action: str, name: str) -> Deed:
    return Deed(action, (("what", said(name)),))


def _named(what: str) -> str:
    kind, _, which = what.partition(":")
    if what == pauses.EVERYTHING or what in SYSTEMS:
        return what
    if what in LANES:
        return pauses.lane(LANES[what])
    if kind == "doctor" and REMOTE_ID.fullmatch(which):
        return pauses.doctor(which)
    raise UnknownPauseError(f"That can't be paused. What can: {WHAT}.")
