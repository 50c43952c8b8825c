"""Try again, or leave, all that is asked for: counted first, then exactly what was counted.

What is opened after the count is not in it; what is settled by then is counted as that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection

from sync.core.causes import titles
from sync.operations import attention as answers
from sync.operations.inbox.asked import Asked, wanted
from sync.operations.inbox.listing import Chip
from sync.operations.lookup import UnknownError
from sync.outbound.brake import CAUSE as BRAKE
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.inbox import counted, listed
from sync.store.lanes import Lane
from sync.store.tables import work

Deed = Literal["retry", "drop"]
MOST: Final = 10_000  # items at a time: what is beyond that is another time's
STEP: Final = 200  # items of one request: a page waits for it
_BATCH: Final = 20  # items of one transaction: workers wait for it

# The most that one run takes where no answer is lost (docs/costs.md, C2 and C6): of a visit its
# read, its write and the echo in OnCall; of each who is in it the appointment and the chart read
# and marked in DrChrono, the contact looked for and made in OnCall.
_ONCE: Final = {"drchrono": 0, "oncall": 3}
_EACH: Final = {"drchrono": 4, "oncall": 2}


@dataclass(frozen=True, slots=True)
class Bill:
    """What doing it to all of them takes at most, where no answer is lost on the way.

    `beyond`: how many more there are than are taken at a time. `only_closed`: those about the
    service as a whole, of which nothing is tried. `calls` by system; `left` of DrChrono's hour now,
    None without a limit.
    """

    count: int
    beyond: int
    only_closed: int
    causes: tuple[Chip, ...]
    calls: dict[str, int]
    mails: int
    left: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done to some of them: how many, how many were settled before, whom to ring."""

    done: int
    settled: int
    rings: tuple[Ring, ...]


def bill(sync: Sync, asked: Asked, deed: Deed) -> tuple[list[int], Bill]:
    """The numbers of all that is asked for, and what it takes. No remote is asked.

    Raises UnknownError for what can't be asked for, and SQLAlchemyError.
    """
    want, now = wanted(sync, asked), sync.clock()
    with sync.store.read() as conn:
        numbers = listed.ids(conn, want, MOST)
        total = listed.count(conn, want)
        found = counted.about(conn, numbers)
        keys = {one.aggregate for one in found if one.aggregate}
        if deed == "retry" and any(one.cause == BRAKE for one in found):
            # The release is a doctor's: what else was stopped goes out too.
            keys |= set(attention.aggregates_with(conn, (BRAKE,)))
        calls, mails = _cost(conn, keys, now) if deed == "retry" else ({}, 0)
    causes: dict[str, int] = {}
    for one in found:
        causes[one.cause] = causes.get(one.cause, 0) + 1
    chips = sorted((-number, cause) for cause, number in causes.items())
    return numbers, Bill(
        count=len(numbers),
        beyond=max(0, total - len(numbers)),
        only_closed=sum(one.aggregate == 0 for one in found),
        causes=tuple(Chip(cause, titles.title(cause), -number) for number, cause in chips),
        calls={"drchrono": calls.get("drchrono", 0), "oncall": calls.get("oncall", 0)},
        mails=mails if sync.live else 0,
        left=sync.budget("drchrono").left,
    )


def _cost(conn: Connection, keys: set[int], now: datetime) -> tuple[dict[str, int], int]:
    """Calls by system and mails, at most, of one run of each of these."""
    seats = counted.seats(conn, keys)
    contacts, coming = counted.contacts(conn, keys), counted.coming(conn, keys, now)
    calls, mails = {"drchrono": 0, "oncall": 0}, 0
    for key, kind in counted.kinds(conn, keys):
        if kind == "visit":
            who = max(1, seats[key])
            for system in calls:
                calls[system] += _ONCE[system] + _EACH[system] * who
            mails += who
        else:
            # The chart; each contact; each participant to come, and their echo (C8).
            calls["drchrono"] += 1
            calls["oncall"] += max(1, contacts[key]) + 2 * coming[key]
            mails += coming[key]
    return calls, mails


def do(sync: Sync, numbers: Sequence[int], deed: Deed) -> Iterator[Outcome]:
    """Answer these items, a few in a transaction: one deed in the audit for each.

    What is tried again waits behind everything that happens meanwhile. Yields what came of each
    transaction. Raises MappingError where the mapping file is needed and can't be read, and
    SQLAlchemyError: what was yielded before stays done.
    """
    for at in range(0, len(numbers), _BATCH):
        these = numbers[at : at + _BATCH]
        done, rings = 0, list[Ring]()
        with sync.store.write() as conn:
            found = counted.about(conn, these)
            for key in sorted({one.aggregate for one in found if one.aggregate}):
                work.locked(conn, key)  # in the order in which workers take it: before the item
            for one in found:
                made = _answered(conn, sync, one.id, deed)
                if made is not None:
                    done += 1
                    rings += made
        yield Outcome(done, len(these) - done, tuple(dict.fromkeys(rings)))


def _answered(conn: Connection, sync: Sync, item: int, deed: Deed) -> tuple[Ring, ...] | None:
    """Whom to ring; None where it was settled in this moment."""
    now = sync.clock()
    try:
        if deed == "retry":
            return answers.retry_in(conn, item, now, Lane.BULK)
        answers.drop_in(conn, sync, item, now)
    except UnknownError:
        return None
    return ()
