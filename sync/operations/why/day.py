"""List a doctor's day with the answer for each visit: DrChrono's list live, the rest from SQL."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sync.core.errors import RemoteError
from sync.core.rules import plausible
from sync.core.wire import MalformedError, required_id
from sync.operations.lookup import REMOTE_ID, UnknownError
from sync.operations.why import known, rules, visits
from sync.operations.why.answer import Answer
from sync.operations.why.asking import Asker, Listed, Record, cause_of
from sync.operations.why.facts import Facts, Kind, Trouble
from sync.runtime import Sync
from sync.store.tables import links
from sync.store.visits import visits as standing

MOST: Final = 100
# What is farther away is a slip of the keys, and some of it no calendar of ours can reckon with.
_FARTHEST: Final = plausible.AHEAD
MOST_PAGES: Final = 5
_SYSTEMS: Final = {"appointment": "drchrono", "oncall-appointment": "oncall"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One visit of the day: what it is by whose id, when it begins (aware UTC), and the answer."""

    kind: Kind
    id: str
    starts: datetime | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class Day:
    """A doctor's day, by time. `zone` is the doctor's (None: UTC).

    `whole` is False when there was more than is listed, or the list could not be read, and then
    `trouble` says why in staff's words.
    """

    doctor: str
    day: date
    zone: str | None
    entries: tuple[Entry, ...]
    whole: bool = True
    trouble: str = ""


def of_day(sync: Sync, doctor: str, day: date) -> Day:
    """Each visit of one doctor on one day, with why it isn't in the other system.

    One call for each page of that day, MOST_PAGES at most; nothing else is read, so what a chart
    lacks is told where it was found out before. Raises UnknownError for what can't be a doctor's
    id or is years away, and SQLAlchemyError.
    """
    if not REMOTE_ID.fullmatch(doctor):
        raise UnknownError("That can't be the id of a doctor.")
    if abs(day - sync.clock().date()) > _FARTHEST:
        raise UnknownError("Choose a day within three years.")
    mapping = known.mapping(sync)
    zone = mapping.zone(doctor) if mapping is not None else None
    records, whole, trouble = _listed(sync, doctor, day)
    asker = Listed(sync, shown=records)
    if trouble is not None:
        asker.troubles.setdefault("drchrono", trouble)
    here, there = _known(sync, doctor, day, zone)
    asked: list[tuple[Kind, str]] = [("appointment", one) for one in records]
    if trouble is not None:
        asked += [("appointment", one) for one in here if one not in records]
    asked += [("oncall-appointment", one) for one in there]
    facts = [_facts(asker, kind, one) for kind, one in asked[:MOST]]
    facts.sort(key=lambda one: (one.starts is None, one.starts or one.now, one.id))
    entries = tuple(Entry(one.kind, one.id, one.starts, rules.answer(one)) for one in facts)
    return Day(doctor, day, zone, entries, whole and len(asked) <= MOST, _said(asker))


def _listed(sync: Sync, doctor: str, day: date) -> tuple[dict[str, Record], bool, Trouble | None]:
    """DrChrono's appointments of that day by id, whether that is all, and why it could not be."""
    found: dict[str, Record] = {}
    asker = Asker(sync)
    if "drchrono" in asker.troubles:
        return found, False, asker.troubles["drchrono"]
    pages = sync.drchrono.list_appointments(asker.ticket, date=day.isoformat(), doctor=doctor)
    try:
        for number, page in enumerate(pages, start=1):
            for json in page.results:
                found[required_id(json)] = json
            if page.next is not None and (number == MOST_PAGES or len(found) >= MOST):
                return found, False, None
    except RemoteError as failure:
        cause, until = cause_of(failure)
        return found, False, Trouble("drchrono", cause, until)
    except MalformedError:
        return found, False, Trouble("drchrono", "malformed")
    return found, True, None


def _known(sync: Sync, doctor: str, day: date, zone: str | None) -> tuple[list[str], list[str]]:
    """What SQL knows of that day: DrChrono's appointments, and what OnCall alone has."""
    begin = datetime.combine(day, time(), ZoneInfo(zone) if zone else UTC)
    end = datetime.combine(day + timedelta(days=1), time(), begin.tzinfo)
    between = begin.astimezone(UTC), end.astimezone(UTC)
    with sync.store.read() as conn:
        return (
            standing.appointments_between(conn, "drchrono", doctor, *between),
            standing.appointments_between(conn, "oncall", doctor, *between, alone=True),
        )


def _facts(asker: Listed, kind: Kind, remote_id: str) -> Facts:
    with asker.sync.store.read() as conn:
        row = links.find(conn, _SYSTEMS[kind], "appointment", remote_id)
    return visits.gather(asker, kind, remote_id, row)


def _said(asker: Listed) -> str:
    """Why the list could not be read, as the answer to anything in it would say it."""
    trouble = asker.trouble
    if trouble is None:
        return ""
    return rules.of_trouble(trouble, asker.sync.clock())
