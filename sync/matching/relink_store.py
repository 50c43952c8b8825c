"""Store one relinked visit: its number, its rows and its place, as the markers say.

One transaction each. Rows that a webhook has brought meanwhile are taken over, what a restored
database holds of the visit stays; nothing is linked that a person has told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.records import Absent, Marker
from sync.core.rules import place
from sync.core.rules.relink import marker_of
from sync.matching import relink_places, relink_settle
from sync.matching.relink_places import RelinkedFamily, RelinkedSeat
from sync.run import occurrences, transfer
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.tables import decisions, links, work
from sync.store.visits import moves, visits
from sync.store.visits import occurrences as known

if TYPE_CHECKING:
    from datetime import datetime

    from sync.core.records import Visit
    from sync.matching.scan import Scan
    from sync.store.tables.links import Obj


def store(conn: Connection, scan: Scan, relinked: RelinkedFamily) -> int | None:
    """Link a family; returns its key when a run has something to see to, else None.

    Raises LaterError while a worker has a part of it.
    """
    made = relink_places.seats(scan, relinked)
    if _told_apart(conn, relinked) or _is_asked(scan, relinked, made):
        return None
    key = _home(conn, scan, relinked)
    if key is None:
        return None
    rows = _rows(conn, scan, relinked, key, made)
    _stand(conn, scan, relinked, key, made)
    for one in made:
        relink_settle.attend(conn, scan, relinked, key, one)
    quiet = relink_settle.visit(conn, scan, relinked, made)
    if relinked.family.group and relink_places.unsure(scan, relinked, made):
        there = [met.visit.remote_id for met in relinked.visits[-1:]]
        attention.open_item(conn, key, "visit_unsure", now=scan.now, candidates=there)
        return None
    all_bear = all(row.has_marker or not str(row.remote_id).isdecimal() for row in rows)
    if quiet and all_bear and relinked.family.lost is None:
        return None
    work.raise_(conn, key, now=scan.now, hints=Hints.both(), lane=Lane.BULK)
    return key


def _told_apart(conn: Connection, relinked: RelinkedFamily) -> bool:
    there = relinked.present
    return there is not None and any(
        decisions.are_apart(
            conn, ("appointment", one.visit.remote_id), ("visit", there.visit.remote_id)
        )
        for one in relinked.appointments
    )


def _is_asked(scan: Scan, relinked: RelinkedFamily, made: list[RelinkedSeat]) -> bool:
    """A 1:1 visit whose participant seems to be somebody else by now: a person is asked."""
    if (
        relinked.family.group
        or relinked.present is None
        or not relink_places.unsure(scan, relinked, made)
    ):
        return False
    scan.unsure.append((relinked.appointments[0], [relinked.present.visit.remote_id]))
    return True


# --- which aggregate ------------------------------------------------------------------------------


def _home(conn: Connection, scan: Scan, relinked: RelinkedFamily) -> int | None:
    """The aggregate for it, with everything of it moved there; None when two of ours have parts.

    One that holds it already, else the number that the marker names, else (in a database that was
    behind, another visit has it) any: the run that follows writes the markers anew.
    """
    holding = {row.aggregate for row in _known(conn, scan, relinked)}
    linked = {key for key in holding if len(_systems(conn, key)) > 1}
    if len(linked) > 1:
        return None
    key = linked.pop() if linked else _number(conn, scan, relinked, holding)
    # While the database is behind no run comes, so nobody else would take what a dead worker left.
    held = transfer.hold(conn, scan.sync, key, *holding, abandoned=True)
    for source in sorted(holding - {key}):
        transfer.absorb(held, source, key, hints=Hints.both())
    return key


def _number(conn: Connection, scan: Scan, relinked: RelinkedFamily, holding: set[int]) -> int:
    number = relinked.family.name[1]
    if links.kind_of(conn, number) == "visit":
        own = links.survivor(conn, number)
        if own in holding or not _systems(conn, own):
            return own
    if links.restore_aggregate(conn, number, "visit", scan.now):
        return number
    return min(holding) if holding else links.new_aggregate(conn, "visit", scan.now)


def _known(conn: Connection, scan: Scan, relinked: RelinkedFamily) -> list[Obj]:
    """The rows of its objects, as far as there are any."""
    for met in relinked.appointments:
        if links.find(conn, "drchrono", "appointment", met.visit.remote_id) is None:
            occurrences.known_as(conn, scan.sync, met.visit, met.json)
    sides = [("oncall", met.visit.remote_id) for met in relinked.visits]
    sides += [("drchrono", met.visit.remote_id) for met in relinked.appointments]
    if relinked.family.lost is not None:
        sides.append((_lost_of(relinked), relinked.family.lost))
    rows = [links.find(conn, system, "appointment", remote_id) for system, remote_id in sides]
    return [row for row in rows if row is not None]


def _lost_of(relinked: RelinkedFamily) -> str:
    return "drchrono" if relinked.visits else "oncall"


def _systems(conn: Connection, key: int) -> set[str]:
    """The systems in which a visit of ours stands, or is being made."""
    objects = links.objects_of(conn, key)
    return {one.system for one in objects if one.kind == "appointment" and one.state != "gone"}


# --- its rows -------------------------------------------------------------------------------------


def _rows(
    conn: Connection, scan: Scan, relinked: RelinkedFamily, key: int, made: list[RelinkedSeat]
) -> list[Obj]:
    """A row for each object, in its generation; `has_marker` where its marker says what is so."""
    rows = []
    for met in relinked.visits:
        marker = marker_of(met.visit)
        generation = marker.generation if marker is not None else 1
        row = _row(conn, scan, key, met.visit, generation)
        rows.append(_noted(conn, scan, row, met.visit, has_marker=_is_so(conn, marker, key)))
    there = (
        relinked.present.visit.remote_id if relinked.present is not None else relinked.family.lost
    )
    for one in made:
        if one.appointment is None:
            continue
        shown = one.appointment.visit
        marker = marker_of(shown)
        has_marker = marker is not None and marker.other == there and _is_so(conn, marker, key)
        row = _row(conn, scan, key, shown, relinked.family.generation)
        rows.append(_noted(conn, scan, row, shown, has_marker=has_marker))
    if relinked.family.lost is not None:
        system, lost = _lost_of(relinked), relinked.family.lost
        if links.find(conn, system, "appointment", lost) is None:
            generation = relinked.family.generation
            links.add(conn, key, system, "appointment", lost, now=scan.now, generation=generation)
    return rows


def _row(conn: Connection, scan: Scan, key: int, shown: Visit, generation: int) -> Obj:
    """The row of an object; a create of ours that stood without an outcome has made it."""
    system, remote_id = shown.system, shown.remote_id
    making = [
        one
        for one in links.objects_of(conn, key)
        if (one.system, one.kind, one.remote_id) == (system, "appointment", None)
        and (system == "drchrono" or one.generation == generation)
    ]
    row = links.find(conn, system, "appointment", remote_id)
    if len(making) == 1:
        made = moves.created(conn, making[0], remote_id, now=scan.now)
        row = made or row
    if row is None:
        row = links.add(conn, key, system, "appointment", remote_id, now=scan.now)
    links.change(conn, row.id, generation=generation)
    return row


def _noted(conn: Connection, scan: Scan, row: Obj, shown: Visit, *, has_marker: bool) -> Obj:
    state = "live" if row.state == "skipped" else row.state
    links.change(
        conn, row.id, has_marker=has_marker, state=state, seen_at=scan.now, revision=shown.revision
    )
    return links.get(conn, row.id)


def _is_so(conn: Connection, marker: Marker | None, key: int) -> bool:
    """Whether the visit that a marker names is this one."""
    named = marker is not None and links.kind_of(conn, marker.aggregate) == "visit"
    return named and marker is not None and links.survivor(conn, marker.aggregate) == key


# --- its place ------------------------------------------------------------------------------------


def _stand(
    conn: Connection, scan: Scan, relinked: RelinkedFamily, key: int, made: list[RelinkedSeat]
) -> None:
    """Generation, time, doctor, slot and occurrence of the visit, and whether it is over."""
    standing = [one.appointment.visit for one in made if one.appointment is not None]
    there = relinked.present.visit if relinked.present is not None else None
    shown = [*standing, *([there] if there is not None else [])]
    starts = [one.starts for one in shown if not isinstance(one.starts, Absent)]
    doctors = [one.provider for one in shown if not isinstance(one.provider, Absent)]
    over = (there is None or relink_places.is_over(there)) and all(
        relink_places.is_over(one) for one in standing
    )
    values: dict[str, object] = {
        "generation": relinked.family.generation,
        "state": "closed" if over else "open",
        "shared": relinked.family.group,
    }
    if visits.is_shared(conn, key) is not relinked.family.group:
        values["slot_key"] = None  # the key of the other kind
    if starts and doctors:
        values |= {"starts_at": starts[0], "doctor": doctors[0]}
        slot = _slot(scan, relinked, made, starts[0], doctors[0])
        if slot is not None and not over and visits.holder(conn, slot, besides=key) is None:
            values["slot_key"] = slot
    visits.change(conn, key, **values)
    for one in standing:
        occurrences.note(conn, key, one)
    if relinked.family.occurrence is not None:
        # OnCall's marker says it: a virtual one bears no marker itself.
        known.note(conn, key, relinked.family.occurrence, first=True)


def _slot(
    scan: Scan, relinked: RelinkedFamily, made: list[RelinkedSeat], starts: datetime, doctor: str
) -> str | None:
    """The key of the place where it stands: a group's, or one person's."""
    members = [one.appointment.visit for one in made if one.appointment is not None]
    if not relinked.family.group:
        person = scan.person_keys.get(str(members[0].patient)) if members else None
        return place.slot_key(doctor, starts, person) if person is not None else None
    there = relinked.present.visit if relinked.present is not None else None
    slot = place.of_group(members, there, scan.mapping.booking_office)
    return slot.key if slot is not None else None  # its own run asks for what is not known
