"""Recognise merged charts: the appointment's patient is another chart's id now.

The chart that stays has the name and birth date of the one that was attended. With the same e-mail
it is the same person. With another one it is, too, if the former chart is gone or inactive: charts
are often doubled because an address changed. Then a person says so, or the policy does. While the
former chart stands it is another patient, and that is a new visit (ADR 0028).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Gone
from sync.core.records import Person, present
from sync.core.rules import people
from sync.core.rules.merge import Seen
from sync.core.rules.views import UNREADABLE
from sync.drchrono import translate as drchrono
from sync.people import by_index
from sync.people.resolve import participant
from sync.run import transfer, waiting
from sync.run.evidence import staleness
from sync.run.outcomes import BUSY, LaterError, ParkedError
from sync.store import attention
from sync.store.lanes import Hints
from sync.store.tables import baselines, blockers, decisions, links, person_index, work

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.store.tables.links import Obj
    from sync.visits.state.model import Shown, VisitRun

CAUSE = "charts_merged"


def settle(run: VisitRun) -> None:
    """Let the merged chart stand for the person who attends, so that nobody is swapped.

    Raises LaterError while either person is being worked on, or the former chart is not surely
    gone; ParkedError while a person is to say whether the two are one.
    """
    state = run.state
    shown, appointment = state.read.get("drchrono"), state.object("drchrono")
    attended = state.attendance
    if shown is None or appointment is None or attended is None or attended.person is None:
        return
    _settle(run, appointment, shown, attended.person)


def settle_group(run: VisitRun) -> bool:
    """The same for each member; one about whom a person is asked stays as it was, and waits.

    Returns whether any member is seen otherwise now than when it was read.
    """
    found = False
    for seat in run.seats:
        shown, person = seat.shown, seat.attended.person
        if shown is None or person is None or shown.seen.get("patient") is not Seen.CHANGED:
            continue
        try:
            _settle(run, seat.appointment, shown, person)
        except ParkedError as parked:
            seat.shown, seat.parked = None, True
            _tell_of_member(run, seat.appointment, parked)
        found = found or seat.shown is None or shown.seen["patient"] is Seen.SAME
    return found


def _tell_of_member(run: VisitRun, appointment: Obj, parked: ParkedError) -> None:
    key, sync = run.state.key, run.sync
    with sync.store.write() as conn:
        now = sync.clock()
        waiting.block(conn, key, parked, since=run.state.lease.begun, object_id=appointment.id)
        if parked.cause is not None:
            told = list(parked.candidates)
            attention.open_item(
                conn, key, parked.cause, now=now, object_id=appointment.id, candidates=told
            )


def _settle(run: VisitRun, appointment: Obj, shown: Shown, key: int) -> None:
    if shown.seen.get("patient") is not Seen.CHANGED or not shown.visit.patient:
        return
    chart = _merged_into(run, key, shown.visit.patient)
    if chart is None:
        return
    digests = run.sync.digests
    with run.sync.store.write() as conn:
        _join(conn, run, key, shown.visit.patient, chart)
        named: dict[str, Json] = {"patient": shown.wire["patient"]}
        settled = digests.fields(appointment.id, named)
        baselines.settle(conn, appointment.id, settled, digests.key_id)
    shown.seen["patient"] = Seen.SAME


def _merged_into(run: VisitRun, key: int, remote_id: str) -> Person | None:
    """The chart that an appointment names now, if it is the attending person's; else None."""
    sync = run.sync
    try:
        json = sync.drchrono.get_patient(run.ticket, remote_id)
    except Gone:
        # Whose visit it is now is not known: nobody's is ended for a chart that can't be read.
        participant.patient_of(run, remote_id, "")
        raise LaterError(sync.clock() + BUSY) from None
    chart = drchrono.to_person(json, run.mapping.addresses)
    with sync.store.read() as conn:
        former = links.patient_row(conn, key) or _former_row(conn, key)
        named = str(former.remote_id) if former is not None else ""
        if named == remote_id or decisions.is_same_chart(conn, named, remote_id):
            return chart
        if decisions.are_apart(conn, ("patient", named), ("patient", remote_id)):
            return None
        if by_index.is_known_as(conn, sync.digests, key, chart, "email_name_birth"):
            return chart
        alike = _is_alike(conn, run, key, chart, former, json)
        if not alike and not person_index.is_readable(conn, sync.digests, key):
            # Whether the two are one person can't be told: nobody's visit ends for that.
            raise ParkedError("operator", UNREADABLE, UNREADABLE)
    if not alike or former is None or _stands(run, former):
        return None
    if run.mapping.policy.merged_charts == "take_over":
        return chart
    ids = (named, remote_id)
    raise ParkedError("operator", CAUSE, CAUSE, candidates=ids, also=blockers.patients(ids))


def _former_row(conn: Connection, key: int) -> Obj | None:
    """The person's chart that is gone already."""
    found = [one for one in links.objects_of(conn, key) if one.kind == "patient"]
    return found[-1] if found else None


def _is_alike(
    conn: Connection,
    run: VisitRun,
    key: int,
    chart: Person,
    former: Obj | None,
    json: dict[str, Json],
) -> bool:
    """Whether names and birth date are the attending person's, by the index.

    Or by the former chart's baselines: an index of an earlier version lacks that key.
    """
    if by_index.is_known_as(conn, run.sync.digests, key, chart, "name_birth"):
        return True
    if former is None or not present(chart.birth_date, None):
        return False
    digests, wire = run.sync.digests, drchrono.wire("patient", json)
    stored = baselines.stored_fields(conn, [former.id])
    told = [
        (name, stored.get((former.id, name))) for name in ("first_name", "last_name", "birth_date")
    ]
    return bool(people.normal_name(str(wire.get("last_name", "")))) and all(
        known is not None
        and name in wire
        and digests.same(former.id, name, wire[name], known.key_id, known.digest)
        for name, known in told
    )


def _stands(run: VisitRun, former: Obj) -> bool:
    """Whether the former chart is there and active: then its patient is somebody else.

    Raises LaterError until two looks apart deny it.
    """
    if former.state == "gone":
        return False
    sync = run.sync
    try:
        json = sync.drchrono.get_patient(run.ticket, str(former.remote_id))
    except Gone:
        staleness.believe_gone(sync, run.state.lease, former)
        return False
    return drchrono.to_person(json, run.mapping.addresses).active is not False


def _join(conn: Connection, run: VisitRun, key: int, remote_id: str, chart: Person) -> None:
    """Give the person the chart that stays; the person it was indexed as is absorbed."""
    sync = run.sync
    row = links.find(conn, "drchrono", "patient", remote_id)
    theirs = (key, row.aggregate) if row is not None else (key,)
    held = transfer.hold(conn, sync, *theirs, lease=run.state.lease)
    if row is not None and row.aggregate == key:
        return
    former = links.patient_row(conn, key)
    if former is not None:
        links.change(conn, former.id, state="gone")
    if row is None:
        links.add(conn, key, "drchrono", "patient", remote_id, now=held.now)
    else:
        transfer.absorb(held, row.aggregate, key, hints=Hints.of("drchrono"))
    person_index.remember(conn, sync.digests, key, people.known_by(chart), now=held.now)
    # What the chart says other than the former one goes to the visit and the contacts.
    work.raise_(conn, key, now=held.now, hints=Hints.of("drchrono"))
