"""Settle of a relinked visit what both sides say alike, and nothing else.

What differs has no baseline then, or the one that a restored database knows: the run of the visit
or of the person decides by the clinic's policy. So an equal visit is never written, nor mailed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.records import Absent, Life, State
from sync.core.rules.lifecycle import terminal
from sync.core.rules.people import NAMES
from sync.core.rules.same import agreed
from sync.core.rules.views import FIELDS
from sync.drchrono import translate as drchrono
from sync.matching import relink_places
from sync.oncall import bodies as oncall_bodies
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.run import transfer
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.people import persons
from sync.store.tables import attendances, baselines, links, work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.matching.relink_places import RelinkedFamily, RelinkedSeat
    from sync.matching.scan import ListedVisit, Scan
    from sync.store.tables.links import Obj

WHOLE = frozenset({*FIELDS, "state", "patient"})


# --- who attends ----------------------------------------------------------------------------------


def attend(
    conn: Connection, scan: Scan, relinked: RelinkedFamily, key: int, one: RelinkedSeat
) -> None:
    """Store one attendance: its appointment, its participant, its person."""
    appointment, participant = _appointment(conn, relinked, one), _participant(conn, scan, key, one)
    if appointment is None:
        return
    values: dict[str, object] = {"appointment": appointment.id}
    if one.appointment is not None and isinstance(one.appointment.visit.patient, str):
        values["person"] = person(conn, scan, one.appointment.visit.patient)
    standing = [
        attended
        for attended in attendances.attendances(conn, key)
        if attended.current
        and (not relinked.family.group or attended.appointment == appointment.id)
    ]
    if participant is not None:
        # Who had it in an older state of this database is not who has it.
        own = [attended.id for attended in standing]
        attendances.take_participant(conn, participant.id, own)
        values["participant"] = participant.id
    if standing:
        attendances.change_attendance(conn, standing[0].id, **values)
    else:
        life = relink_places.life_of(relinked, one)
        attendances.attend(conn, key, life=life, **values)


def _appointment(conn: Connection, relinked: RelinkedFamily, one: RelinkedSeat) -> Obj | None:
    if one.appointment is not None:
        return links.find(conn, "drchrono", "appointment", one.appointment.visit.remote_id)
    lost = relinked.family.lost if relinked.visits else None
    return links.find(conn, "drchrono", "appointment", lost) if lost is not None else None


def _participant(conn: Connection, scan: Scan, key: int, one: RelinkedSeat) -> Obj | None:
    if one.attendee is None:
        return None
    remote_id = one.attendee.remote_id
    row = links.find(conn, "oncall", "participant", remote_id)
    if row is None:
        return links.add(conn, key, "oncall", "participant", remote_id, now=scan.now)
    held = transfer.hold(conn, scan.sync, key, row.aggregate, abandoned=True)
    transfer.follow(held, row, key)
    return row


def person(conn: Connection, scan: Scan, patient: str) -> int:
    """The person whose chart that is."""
    key = scan.person_keys.get(patient)
    if key is not None:
        return key
    return links.first_sight(conn, "drchrono", "patient", patient, now=scan.now).aggregate


# --- what both sides say alike --------------------------------------------------------------------


def visit(conn: Connection, scan: Scan, relinked: RelinkedFamily, made: list[RelinkedSeat]) -> bool:
    """Settle what both sides say alike; returns whether nothing is left for a run to see to."""
    there = relinked.present
    seats = [(one, one.appointment) for one in made if one.appointment is not None]
    if there is None or not seats:
        return False
    agreed = [_alike(one, met.visit, there.visit) for one, met in seats]
    quiet = [_is_quiet(met, names) for (_, met), names in zip(seats, agreed, strict=True)]
    for (one, met), names in zip(seats, agreed, strict=True):
        _settle(conn, scan, "drchrono", met, names)
        if one.attendee is not None:
            quiet.append(_settle_names(conn, scan, there, one))
            if "state" in names:
                _settle_participant(conn, scan, there, one, ("state",))
    standing = [
        names
        for (_, met), names in zip(seats, agreed, strict=True)
        if not relinked.family.group or not relink_places.is_over(met.visit)
    ]
    common = set.intersection(*standing) if standing else {"state"}
    _settle(conn, scan, "oncall", there, common)
    _settle_provider(conn, scan, there, seats[0][1].visit)
    return all(quiet)


def _is_quiet(met: ListedVisit, names: set[str]) -> bool:
    return names >= WHOLE or ("state" in names and relink_places.is_over(met.visit))


def _alike(one: RelinkedSeat, here: Visit, there: Visit) -> set[str]:
    """The fields that an appointment and the OnCall visit show alike, in our terms."""
    names = agreed(here, there)
    if _end(here.state) is not None and _end(here.state) == _end_there(one, there):
        names.add("state")
    if one.attendee is not None or relink_places.is_over(there):
        names.add("patient")
    return names


def _end_there(one: RelinkedSeat, there: Visit) -> Life | None:
    cancelled = one.attendee is not None and one.attendee.cancelled is True
    return Life.CANCELLED if cancelled and _end(there.state) is Life.OPEN else _end(there.state)


def _end(state: object) -> Life | None:
    """How it ended, or open; a deletion is a cancellation to the other system. None: not told."""
    if not isinstance(state, State):
        return None
    if not terminal(state):
        return state.life
    return Life.CANCELLED if state.life is Life.DELETED else state.life


def _settle(
    conn: Connection, scan: Scan, system: str, met: ListedVisit, names: Iterable[str]
) -> None:
    row = links.find(conn, system, "appointment", met.visit.remote_id)
    if row is None:
        return
    wire = (drchrono if system == "drchrono" else oncall).wire("appointment", met.json)
    _settle_wire(conn, scan, row, wire, names, zone=met.visit.zone)


def _settle_wire(
    conn: Connection,
    scan: Scan,
    row: Obj,
    wire: Mapping[str, Json],
    names: Iterable[str],
    zone: str | None = None,
) -> None:
    digests = scan.sync.digests
    sent = {name: wire[name] for name in names if name in wire}
    baselines.settle(conn, row.id, digests.fields(row.id, sent), digests.key_id, zone=zone)


def _settle_provider(conn: Connection, scan: Scan, there: ListedVisit, here: Visit) -> None:
    """Take the doctor's own provider for what OnCall does not tell: it is what we sent."""
    row = links.find(conn, "oncall", "appointment", there.visit.remote_id)
    if row is None or there.visit.provider_wire is not None or isinstance(here.provider, Absent):
        return
    entry = scan.mapping.doctor(here.provider)
    stored = baselines.stored_fields(conn, [row.id]).get((row.id, "provider"))
    if entry is not None and (stored is None or stored.digest is None):
        _settle_wire(conn, scan, row, {"provider": entry.oncall_provider}, ("provider",))


# --- names and e-mails ----------------------------------------------------------------------------


def _settle_names(conn: Connection, scan: Scan, there: ListedVisit, one: RelinkedSeat) -> bool:
    """Settle what a participant and the chart say alike; what differs follows the policy.

    Returns whether nothing is left for the visit's run: the person's own sees to names.
    """
    chart = relink_places.chart_of(scan, one.appointment)
    assert one.attendee is not None  # noqa: S101 - the caller looked
    row = links.find(conn, "oncall", "participant", one.attendee.remote_id)
    if chart is None or row is None:
        return True
    shown = participants_wire(there.json)[one.attendee.remote_id]
    said = {name: getattr(chart, name) for name in NAMES}
    body = {name: value for name, value in said.items() if not isinstance(value, Absent)}
    wanted = oncall.wire("participant", oncall_bodies.participant_body(body))
    told = [name for name in NAMES if name in shown and name in wanted]
    stored = baselines.stored_fields(conn, [row.id])
    _settle_participant(conn, scan, there, one, [n for n in told if shown[n] == wanted[n]])
    differs = [n for n in told if shown[n] != wanted[n] and (row.id, n) not in stored]
    if not differs or relink_places.is_over(there.visit):
        return True
    key = person(conn, scan, chart.remote_id)
    if scan.mapping.policy.on_first_difference == "ask":
        attention.open_item(
            conn, key, "contact_differs", now=scan.now, object_id=row.id, candidates=differs
        )
        return True
    _settle_participant(conn, scan, there, one, differs)
    persons.new_version(conn, key)  # the participant was made with an older chart
    work.raise_(conn, key, now=scan.now, hints=Hints.of("drchrono"), lane=Lane.BULK)
    return True


def _settle_participant(
    conn: Connection, scan: Scan, there: ListedVisit, one: RelinkedSeat, names: Iterable[str]
) -> None:
    assert one.attendee is not None  # noqa: S101 - the callers looked
    row = links.find(conn, "oncall", "participant", one.attendee.remote_id)
    wire = participants_wire(there.json)[one.attendee.remote_id]
    if row is not None:
        _settle_wire(conn, scan, row, wire, names)
