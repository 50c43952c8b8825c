"""Compare both systems once a night, by what the night's scans have just read; or when asked to.

DrChrono's window and OnCall's whole list are read each night anyway, and the contacts some times a
day: a process that has read them compares them without a call. Only charts are asked for, where
that takes few calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sync.operations.diff import keeping
from sync.operations.diff.model import UNTOLD, Report
from sync.operations.diff.run import Asked, compare
from sync.operations.diff.shown import APPOINTMENTS, CONTACTS, LISTS, PATIENTS, VISITS
from sync.store.people import patients
from sync.store.service import ticks
from sync.store.tables import attendances, facts, scans
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.runtime import Listed, Sync

TASK: Final = "diff"
ASKED: Final = "diff_asked"
EVERY: Final = timedelta(days=1)
AGAIN: Final = timedelta(hours=1)
# How old a list may be that is compared by: what differs is read by its id once more.
FRESH: Final = {APPOINTMENTS: timedelta(hours=6), VISITS: timedelta(hours=6)} | {
    CONTACTS: timedelta(hours=26)
}
READS: Final = 25  # objects by id at most, each a call
# Charts are read by pages where that is no more calls than these; in bulk always.
CHART_PAGES: Final = 25
PAGE: Final = 20  # what pages of both systems were seen to hold
BULK_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How many calls a comparison makes that reads every list, about."""

    drchrono: int
    oncall: int


def foreseen(conn: Connection, now: datetime) -> Foreseen:
    """What comparing again now will cost, by what the last scans have counted."""
    charts, visits = patients.count(conn), attendances.count_open_future(conn, now)
    there = int(scans.position(conn, "oncall_newest") or 0)
    contacts = int(scans.position(conn, "oncall_contacts") or 1)
    here = sum(
        3 + count // BULK_PAGE if facts.get(conn, f"bulk_{kind}") != "no" else 1 + count // PAGE
        for kind, count in (("appointments", visits), ("patients", charts))
    )
    return Foreseen(here, 1 + there // PAGE + contacts)


def ask(sync: Sync) -> None:
    """Have both systems compared anew as soon as the beat comes to it; every list is read."""
    with sync.store.write() as conn:
        now = sync.clock()
        facts.put(conn, ASKED, "yes", now)
        ticks.not_later(conn, TASK, now)
        deeds.note(conn, Deed("compare"), now)


def is_asked(conn: Connection) -> bool:
    """Whether somebody has asked for a comparison that was not made yet."""
    return facts.get(conn, ASKED) is not None


def run(sync: Sync) -> None:
    """Compare as the night does, or wholly where somebody asked; keep what was found.

    Before the first matching there is nothing to compare.
    """
    with sync.store.read() as conn:
        matched, asked = facts.matched_doctors(conn), is_asked(conn)
        lists = LISTS if asked or _few_charts(conn) else (APPOINTMENTS, VISITS)
    if not matched:
        return
    listed = {} if asked else _fresh(sync)
    report = compare(sync, Asked(lists, READS, listed=listed, keeps=True))
    keeping.kept(sync, report)
    with sync.store.write() as conn:
        facts.forget(conn, ASKED)
        if report.troubles:
            # What was read whole is not read again then.
            ticks.not_later(conn, TASK, sync.clock() + AGAIN)
    if not report.troubles:
        sync.lists.clear()
    _say(sync, report)


def _few_charts(conn: Connection) -> bool:
    by_pages = facts.get(conn, f"bulk_{PATIENTS}") == "no"
    return not by_pages or patients.count(conn) <= CHART_PAGES * PAGE


def _fresh(sync: Sync) -> dict[str, Listed]:
    now = sync.clock()
    return {
        name: listed
        for name, listed in sync.lists.items()
        if now - listed.began <= FRESH.get(name, AGAIN * 2)
    }


def _say(sync: Sync, report: Report) -> None:
    status = ("same", "different", "could_not_tell")[report.status]
    log = sync.log.warning if report.status == UNTOLD else sync.log.info
    log("both systems were compared", outcome=status, count=len(report.different))
