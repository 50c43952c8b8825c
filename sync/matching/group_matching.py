"""Link a group that both systems have at go-live: its appointments and its OnCall visit."""

from sqlalchemy import Connection

from sync.core.records import Attendee
from sync.core.rules.same import agreed
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.matching.scan import ListedVisit, Scan, Together
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.run import occurrences, transfer
from sync.runtime import Ring
from sync.store.lanes import Hints, Lane
from sync.store.tables import attendances, baselines, links, work
from sync.store.tables.links import Obj
from sync.store.visits import visits


def link(scan: Scan, together: Together) -> Ring:
    """Link them; what is equal is settled, and the run that follows writes the markers."""
    sync, slot, there = scan.sync, together.slot, together.visit
    with sync.store.write() as conn:
        now = sync.clock()
        rows = [_row(conn, scan, met) for met, _ in together.members]
        key = visits.holder(conn, slot.key) or rows[0].aggregate
        other = links.find(conn, "oncall", "appointment", there.visit.remote_id)
        parts = {row.aggregate for row in rows} | ({other.aggregate} if other else set())
        held = transfer.hold(conn, sync, key, *parts, abandoned=True)
        for source in sorted({row.aggregate for row in rows} - {key}):
            transfer.absorb(held, source, key, hints=Hints.both(), keep_seats=True)
        if other is None:
            other = links.add(conn, key, "oncall", "appointment", there.visit.remote_id, now=now)
        elif other.aggregate != key:
            transfer.absorb(held, other.aggregate, key, hints=Hints.both())
        visits.stand(conn, key, slot, state="open")
        for row, (met, who) in zip(rows, together.members, strict=True):
            _settle(conn, scan, row, met, there)
            _attend(conn, scan, key, row, met, who, there)
        sent = _equal(oncall.wire("appointment", there.json), together.members[0][0], there)
        baselines.settle(conn, other.id, sync.digests.fields(other.id, sent), sync.digests.key_id)
        occurrences.note(conn, key, together.members[0][0].visit)
        work.raise_(conn, key, now=now, hints=Hints.both(), lane=Lane.BULK)
    return Ring(key, Lane.BULK)


def _row(conn: Connection, scan: Scan, met: ListedVisit) -> Obj:
    row = links.first_sight(conn, "drchrono", "appointment", met.visit.remote_id, now=scan.now)
    if row.state == "skipped":
        links.change(conn, row.id, state="live")
    return row


def _equal(wire: dict[str, Json], met: ListedVisit, there: ListedVisit) -> dict[str, Json]:
    equal = {"state", "patient"} | agreed(met.visit, there.visit)
    return {name: value for name, value in wire.items() if name in equal}


def _settle(conn: Connection, scan: Scan, row: Obj, met: ListedVisit, there: ListedVisit) -> None:
    digests = scan.sync.digests
    sent = _equal(drchrono.wire("appointment", met.json), met, there)
    baselines.settle(
        conn, row.id, digests.fields(row.id, sent), digests.key_id, zone=met.visit.zone
    )


def _attend(
    conn: Connection,
    scan: Scan,
    key: int,
    row: Obj,
    met: ListedVisit,
    who: Attendee,
    there: ListedVisit,
) -> None:
    digests = scan.sync.digests
    participant = links.find(conn, "oncall", "participant", who.remote_id) or links.add(
        conn, key, "oncall", "participant", who.remote_id, now=scan.now
    )
    wire = participants_wire(there.json)[who.remote_id]
    baselines.settle(conn, participant.id, digests.fields(participant.id, wire), digests.key_id)
    person = scan.person_keys[str(met.visit.patient)]
    values = {"participant": participant.id, "person": person}
    standing = [
        a for a in attendances.attendances(conn, key) if a.current and a.appointment == row.id
    ]
    if standing:
        attendances.change_attendance(conn, standing[0].id, **values)
    else:
        attendances.attend(conn, key, appointment=row.id, **values)
