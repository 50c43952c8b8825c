"""Look at OnCall's linked open visits, more often the sooner they begin.

OnCall has no list of what changed. A visit is read by its id, or seen in a page of the list, where
that is as good (`unchanged`): whichever takes fewer calls. Ids grow with age, so what is open lies
near the list's newest end, and the pages from there back to some id replace a read for each visit
that is due among them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sync.intake import oncall_lists, sightings, unchanged
from sync.oncall import newest
from sync.runtime import Ring, Sync
from sync.store import objects
from sync.store.tables import facts
from sync.store.visits import listed

TIERS = (
    (timedelta(hours=24), timedelta(minutes=15)),
    (timedelta(days=7), timedelta(hours=2)),
    (timedelta(days=3650), timedelta(hours=24)),
)
# What is waited for by a run that ends before it has noted what it saw.
WAITING = ("operator", "patient", "auth")
# What OnCall's samples show; `check` learns it.
USUAL_PAGE_SIZE = 20


def oncall_tiers(sync: Sync) -> tuple[Ring, ...]:
    """Look at every visit whose turn it is."""
    rings = _read_pages(sync)
    with sync.store.write() as conn:
        due = _due(conn, sync.clock())
        rings += [ring for key, _ in due if (ring := sightings.ask(conn, sync, key, "oncall"))]
    return tuple(rings)


def _due(conn: Connection, now: datetime) -> list[tuple[int, str]]:
    """The aggregates of the visits whose turn it is, with OnCall's ids.

    But for those that wait: their runs end early, and would be due again at once. One whose time
    is not known is no past one: it is looked at daily.
    """
    found: list[tuple[int, str]] = []
    floor = now
    for reach, every in TIERS:
        untimed = reach == TIERS[-1][0]
        begins = (floor, now + reach)
        found += listed.not_seen_since(conn, now - every, begins, untimed=untimed, besides=WAITING)
        floor = now + reach
    return found


def _read_pages(sync: Sync) -> list[Ring]:
    """Read as many pages as save more calls than they cost; what they show as settled is seen."""
    with sync.store.read() as conn:
        if facts.get(conn, unchanged.TELLS_ALL) != "yes":
            return []
        due = _numbers(remote_id for _, remote_id in _due(conn, sync.clock()))
        size = int(facts.get(conn, "oncall_page_size") or USUAL_PAGE_SIZE)
        # More pages than visits are due are never worth it: what lies behind them is not counted.
        most = size * (len(due) + 1)
        known = objects.highest_read(conn, "oncall", most) if len(due) > 2 else []
        ids = _numbers(known)
    back_to, pages = worth_reading(due, ids, size)
    if pages == 0:
        return []
    # The list may hold more than we know of: past visits, those of nobody in the mapping.
    found = newest.oncall_appointments(
        sync.oncall, sync.task_ticket(), back_to - 1, most_pages=2 * pages + 1
    )
    with sync.store.write() as conn:
        return oncall_lists.look_at(conn, sync, found.records)


def _numbers(remote_ids: Iterable[str | None]) -> list[int]:
    """The ids that are numbers, in order; one of another kind is read by itself."""
    return sorted(int(one) for one in remote_ids if one is not None and one.isdecimal())


def worth_reading(due: Sequence[int], known: Sequence[int], size: int) -> tuple[int, int]:
    """Back to which id the newest pages are worth reading, and how many those are; 0 for none.

    `due` and `known` are the ids of the visits whose turn it is and of all that the list shows
    (as many pages of its newest end as visits are due, and one more, will do), both ascending;
    `size` is how many a page holds.
    """
    best, fewest = (0, 0), len(due)
    for place, remote_id in enumerate(due):
        newer = len(known) - bisect_left(known, remote_id)
        # One more, if not all are read: the list's first page tells where its newest end is.
        pages = min(-(-newer // size) + 1, -(-len(known) // size))
        if pages + place < fewest:
            best, fewest = (remote_id, pages), pages + place
    return best
