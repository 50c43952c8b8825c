"""Charts that DrChrono merged are one person: the appointment's patient is another chart's id now.

The chart that stays has the name, birth date and e-mail of the one that was attended; anything else
on the same appointment is another patient, and that is a new visit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core import people
from sync.core.errors import Gone
from sync.core.merge import Seen
from sync.core.plan import UNREADABLE
from sync.core.records import Person, present
from sync.drchrono import translate as drchrono
from sync.engine import index
from sync.engine.arrivals import BUSY
from sync.engine.outcomes import LaterError, ParkedError
from sync.store import links, work
from sync.store.work import Hints

if TYPE_CHECKING:
    from sync.engine.visits import VisitRun


def settle(started: VisitRun) -> None:
    """Let the merged chart stand for the person who attends, so that nobody is swapped.

    Raises LaterError while either person is being worked on.
    """
    state, shown = started.state, started.state.read.get("drchrono")
    attended = state.attendance
    if shown is None or attended is None or attended.person is None:
        return
    if shown.seen.get("patient") is not Seen.CHANGED or not shown.visit.patient:
        return
    try:
        json = started.sync.drchrono.get_patient(started.ticket, shown.visit.patient)
    except Gone:
        return
    if not _is_same(started, attended.person, drchrono.to_person(json, started.mapping.addresses)):
        with started.sync.store.read() as conn:
            if not index.is_readable(conn, started.sync.digests, attended.person):
                # Whether the two are one person can't be told: nobody's visit ends for that.
                raise ParkedError("operator", UNREADABLE, UNREADABLE)
        return
    with started.sync.store.write() as conn:
        _join(conn, started, attended.person, shown.visit.patient)
    shown.seen["patient"] = Seen.SAME


def _is_same(started: VisitRun, key: int, chart: Person) -> bool:
    who = dict(people.keys(chart)).get("email_name_birth")
    if who is None or present(chart.birth_date, None) is None:
        return False
    with started.sync.store.read() as conn:
        return key in index.find(conn, started.sync.digests, "email_name_birth", who)


def _join(conn: Connection, started: VisitRun, key: int, remote_id: str) -> None:
    """Give the person the chart that stays; the person it was indexed as is absorbed."""
    sync = started.sync
    now, seconds = sync.clock(), sync.settings.lease_seconds
    work.hold(conn, started.state.lease, now=now, seconds=seconds)
    chart = links.find(conn, "drchrono", "patient", remote_id)
    if chart is not None and chart.aggregate == key:
        return
    own = work.try_lock(conn, key, owner=sync.owner, now=now, seconds=seconds)
    if own is None:
        raise LaterError(now + BUSY)
    former = links.patient_row(conn, key)
    if former is not None:
        links.change(conn, former.id, state="gone")
    if chart is None:
        links.add(conn, key, "drchrono", "patient", remote_id, now=now)
    else:
        other = work.try_lock(conn, chart.aggregate, owner=sync.owner, now=now, seconds=seconds)
        if other is None:
            raise LaterError(now + BUSY)
        links.absorb(conn, chart.aggregate, key, now=now, hints=Hints.of("drchrono"))
    work.give_back(conn, own, now=now)
