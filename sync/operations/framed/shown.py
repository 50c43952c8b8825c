"""Say what a framed page shows: is this patient, this visit, in OnCall; since when, or why not.

What is linked and at rest is answered from what is stored; anything else is asked for as `why`
does, with its calls.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from sync.core.printable import printable
from sync.operations.attention import resync
from sync.operations.framed.admit import Visitor
from sync.operations.why import known
from sync.operations.why.ask import why
from sync.operations.why.facts import Kind
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.tables import attendances, facts, links, work
from sync.store.tables.links import Obj
from sync.store.visits import visits

MOST = 5
# Of a patient's visits that are not there, so many are asked about: each costs up to two calls.
_ASKED = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """One line: what it is about, whether it stands in OnCall and since when, else why not.

    `starts` and `since` are aware UTC, `zone` is the doctor's as DrChrono names it; `address` is
    where staff open it in OnCall, if the clinic named such an address.
    """

    about: str
    there: bool
    sentence: str
    press: str = ""
    since: datetime | None = None
    starts: datetime | None = None
    address: str = ""
    zone: str = ""


def shown(sync: Sync, visitor: Visitor) -> list[Shown]:
    """The lines of a page, the most important first. Raises SQLAlchemyError."""
    with sync.store.read() as conn:
        zone = facts.zones(conn).get(visitor.doctor, "")
    return [replace(line, zone=zone) for line in _lines(sync, visitor)]


def _lines(sync: Sync, visitor: Visitor) -> list[Shown]:
    if visitor.appointment:
        return [_line(sync, "appointment", visitor.appointment)]
    lines = [_line(sync, "patient", visitor.patient)]
    asked = 0
    for appointment in _to_come(sync, visitor.patient):
        known = _at_rest(sync, "appointment", appointment)
        asked += known is None
        if known is not None or asked <= _ASKED:
            lines.append(known or _line(sync, "appointment", appointment))
    return lines


def look_again(sync: Sync, visitor: Visitor) -> tuple[Ring, ...]:
    """Have both sides of what the page is about looked at now. Returns what to ring.

    Raises UnknownError for a patient who was never heard of.
    """
    if visitor.appointment:
        return resync(sync, "appointment", visitor.appointment)
    return resync(sync, "patient", visitor.patient)


def _line(sync: Sync, kind: Kind, remote_id: str) -> Shown:
    known = _at_rest(sync, kind, remote_id)
    if known is not None:
        return known
    found = why(sync, kind, remote_id)
    there = found.cause == "there"
    return Shown(
        _about(kind),
        there,
        printable(found.sentence),
        found.press,
        found.since,
        address=found.address,
    )


def _about(kind: Kind) -> str:
    return "This patient" if kind == "patient" else "This visit"


def _to_come(sync: Sync, patient: str) -> list[str]:
    """The ids of the patient's appointments to come, as far as they are known here."""
    with sync.store.read() as conn:
        row = links.find(conn, "drchrono", "patient", patient)
        if row is None:
            return []
        attended = attendances.open_attendances_of_person(conn, row.aggregate, now=sync.clock())
        found = [one.appointment and links.get(conn, one.appointment) for one in attended]
    return [str(one.remote_id) for one in found if one and one.known][:MOST]


def _at_rest(sync: Sync, kind: Kind, remote_id: str) -> Shown | None:
    """What is linked, done and asked nothing about; None for anything else."""
    system = "oncall" if kind == "oncall-appointment" else "drchrono"
    name = "patient" if kind == "patient" else "appointment"
    with sync.store.read() as conn:
        row = links.find(conn, system, name, remote_id)
        if row is None or not row.known or row.told or not _is_quiet(conn, row.aggregate):
            return None
        other = next(_others(conn, row), None)
        if other is None:
            return None
        starts = visits.get(conn, row.aggregate).starts_at if name == "appointment" else None
    since = max(row.created_at, other.created_at)
    mapping = known.mapping(sync) if name == "appointment" else None
    address = mapping.visit_link(str(other.remote_id)) if mapping is not None else ""
    return Shown(_about(kind), there=True, sentence="", since=since, starts=starts, address=address)


def _is_quiet(conn: Connection, key: int) -> bool:
    found = work.standing(conn, key)  # never its lock: a page must not wait for a worker
    idle = found is None or not (found.waits or found.lease_until)
    return idle and not links.is_blocked(conn, key) and not attention.of(conn, key)


def _others(conn: Connection, row: Obj) -> Iterator[Obj]:
    kind = "contact" if row.kind == "patient" else "appointment"
    for one in links.objects_of(conn, row.aggregate):
        if one.system == "oncall" and one.kind == kind and one.known and not one.told:
            yield one
