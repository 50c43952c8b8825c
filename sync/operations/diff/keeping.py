"""Keep what a comparison found: ids, causes, names of fields, and since when; never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import SQLAlchemyError

from sync.operations.diff.model import Found, Report, Standing, Trouble, What
from sync.operations.diff.shown import CONTACTS, PATIENTS
from sync.store.compared import found as kept_rows
from sync.store.compared.found import Ended

if TYPE_CHECKING:
    from datetime import datetime

    from sync.runtime import Sync

UNLINKED: Final = frozenset(
    {"missing_in_oncall", "missing_in_drchrono", "contact_missing", "chart_missing"}
)
_TROUBLE, _LEFT_OUT = 200, 60


def kept(sync: Sync, report: Report) -> Report:
    """Keep it, and give it back with since when each difference is known.

    What is different no more is forgotten, unless something could not be told: that may hide it.
    """
    with sync.store.write() as conn:
        known = kept_rows.since(conn)
        found = tuple(_dated(one, known.get(one.place), report.ended) for one in report.found)
        listed = [one for one in found if one.standing is not Standing.MEANT]
        kept_rows.keep(conn, [_row(one) for one in listed])
        if not report.troubles:
            still = {one.place for one in listed}
            people = {PATIENTS, CONTACTS} & set(report.left_out)
            gone = [
                place
                for place in known
                if place not in still and not (people and place[0] == What.PERSON)
            ]
            kept_rows.forget(conn, gone)
        kept_rows.ended(conn, _ended(report))
    return replace(report, found=found)


def kept_anyway(sync: Sync, report: Report) -> Report:
    """The same for who waits for the report: a database that takes nothing is told in it."""
    try:
        return kept(sync, report)
    except SQLAlchemyError:
        return replace(report, troubles=(*report.troubles, Trouble("the database", "database")))


def _dated(one: Found, known: datetime | None, now: datetime) -> Found:
    if one.since is not None and (known is None or one.since < known):
        return one
    return replace(one, since=known or one.since or now)


def _row(one: Found) -> dict[str, Any]:
    return {
        "what": str(one.what),
        "cause": one.cause,
        "drchrono": one.drchrono,
        "oncall": one.oncall,
        "participant": one.participant,
        "fields": " ".join(one.fields)[:120],
        "standing": str(one.standing),
        "why": one.why[:60],
        "item": one.item,
        "since": one.since,
    }


def _ended(report: Report) -> Ended:
    stands = Counter(one.standing for one in report.found)
    trouble = " ".join(dict.fromkeys(f"{one.of}: {one.code}." for one in report.troubles))
    return Ended(
        report.began,
        report.ended,
        report.status,
        len(report.different),
        sum(one.cause in UNLINKED for one in report.different),
        stands[Standing.EXPLAINED],
        stands[Standing.ON_ITS_WAY],
        stands[Standing.MEANT],
        len(report.undecided),
        report.compared.get("visits", 0),
        report.compared.get("people", 0),
        trouble[:_TROUBLE],
        " ".join(report.left_out)[:_LEFT_OUT],
    )
