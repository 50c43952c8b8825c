"""Join one visit that was entered by hand on both sides, before anything is made.

Candidates come from our own rows (same doctor, same start, one side only); each is read, and the
person decides: never a guess, never two visits for one slot.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.errors import Gone
from sync.core.records import Absent, Attendee, Marker, Visit
from sync.core.rules.place import slot_key
from sync.core.rules.same import (
    Here,
    Same,
    participants_of,
    same_appointment,
    same_visit,
    who_comes,
)
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.oncall.translate import participants_wire
from sync.run import allowed, transfer
from sync.run.evidence import behind, sealing
from sync.run.outcomes import BUSY, LaterError
from sync.store import objects
from sync.store.lanes import Hints
from sync.store.tables import attendances, baselines, decisions, links, work
from sync.store.visits import visits

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.people.resolve.participant import ResolvedPatient
    from sync.store.tables.links import Obj
    from sync.visits.state.model import VisitRun


def free_slot(conn: Connection, key: int, doctor: str, starts: datetime, person: int) -> str | None:
    """The slot of a visit that stands with this doctor at this time; None when it is taken."""
    slot = slot_key(doctor, starts, person)
    return slot if visits.holder(conn, slot, besides=key) is None else None


def take_slot(conn: Connection, key: int, here: Visit, person: int) -> None:
    """Take the slot of a visit that both sides have and that we did not make, if it is free.

    Whoever books it again is told, as of one of ours (ADR 0004). `here` is DrChrono's side.
    """
    if isinstance(here.starts, Absent) or isinstance(here.provider, Absent):
        return
    slot = free_slot(conn, key, here.provider, here.starts, person)
    visits.give_slot(conn, key, slot)


def with_oncall_twin(run: VisitRun, met: ResolvedPatient, doctor: str, starts: datetime) -> None:
    """Join an OnCall visit of the same slot whose only patient has this person's e-mail.

    Raises LaterError after joining (both sides are looked at anew), or when the twin is busy;
    ParkedError while a person is still to say whose twin it is.
    """
    for twin in _candidates(run, "oncall", doctor, starts):
        try:
            json = run.sync.oncall.get_appointment(run.ticket, str(twin.remote_id))
        except Gone:
            _is_not_there(run, twin)
            continue
        shown = oncall.to_visit(json, run.mapping)
        with run.sync.store.write() as conn:
            # Not read a second time for the next booking, however many there are. The object's row
            # before the visit's, as a run of its own does: else two wait for each other.
            links.change(conn, twin.id, told=False)
            visits.note_place(conn, twin.aggregate, shown, first=True)
        if _is_coming(run, twin, shown):
            with run.sync.store.write() as conn:
                now = run.sync.clock()
                work.raise_(conn, twin.aggregate, now=now, hints=Hints.both())
            raise LaterError(now + BUSY, Hints.both())
        found = Same.NO if shown.marker else same_visit(Here(starts, doctor, (met.person,)), shown)
        if found is Same.NO:
            continue
        _not_unsure(run, twin)
        if found is Same.MAYBE:
            raise allowed.unsure((str(twin.remote_id),), (twin.aggregate,))
        (who,) = participants_of(met.person, who_comes(shown.attendees))
        _join(run, twin, met, who, json, run.state.read["drchrono"].visit)


def _is_not_there(run: VisitRun, twin: Obj) -> None:
    """Note that an id of which only a caller told was denied: no other booking reads it again.

    Its own run looks at it in any case.
    """
    if twin.told:
        with run.sync.store.write() as conn:
            objects.note_denied(conn, twin.id, run.sync.clock())


def _is_coming(run: VisitRun, twin: Obj, shown: Visit) -> bool:
    """Whether a visit of ours was made for this very one: its own run hands it over.

    Or it finds that the database is behind. Once the links were rebuilt, its marker is old.
    """
    own, marker = run.state.object("drchrono"), shown.marker
    if own is None or not isinstance(marker, Marker) or marker.other != own.remote_id:
        return False
    sync, here = run.sync, (twin.system, "appointment", str(twin.remote_id))
    if marker.installation not in sync.installations() or sealing.is_broken(
        sync.digests, marker, *here
    ):
        return False
    with run.sync.store.read() as conn:
        judged = behind.was_looked_at(conn, twin.created_at)
        return not judged or links.survivor(conn, marker.aggregate) == run.state.key


def with_drchrono_twin(
    run: VisitRun, met: ResolvedPatient, doctor: str, starts: datetime, attendee: Attendee
) -> None:
    """Join a DrChrono appointment of the same slot and patient; raises as the other does."""
    for twin in _candidates(run, "drchrono", doctor, starts):
        try:
            json = run.sync.drchrono.get_appointment(run.ticket, str(twin.remote_id))
        except Gone:
            _is_not_there(run, twin)
            continue
        shown = drchrono.to_visit(json, run.mapping)
        with run.sync.store.write() as conn:
            visits.note_place(conn, twin.aggregate, shown, first=True)
        if same_appointment(shown, met.remote_id, doctor, starts):
            _not_unsure(run, twin)
            _join(run, twin, met, attendee, run.state.read["oncall"].json, shown)


def stands_for(run: VisitRun, json: dict[str, Json], met: ResolvedPatient, doctor: str) -> bool:
    """Whether an appointment in the way is this very visit, entered by hand; then it is noted.

    Noted means that it has a row of its own with its slot, by which `with_drchrono_twin` finds it.
    """
    shown = drchrono.to_visit(json, run.mapping)
    wanted = run.state.read["oncall"].visit.starts
    if shown.marker or not same_appointment(shown, met.remote_id, doctor, wanted):
        return False
    sync = run.sync
    with sync.store.write() as conn:
        obj = links.first_sight(conn, "drchrono", "appointment", shown.remote_id, now=sync.clock())
        if not _alone(conn, obj):
            return False
        visits.note_place(conn, obj.aggregate, shown)
    return True


def _candidates(run: VisitRun, system: str, doctor: str, starts: datetime) -> list[Obj]:
    """Live appointments of a system, alone in their visit, that stand in this slot by our rows.

    Of one that was not read yet (OnCall's hints are bare), or could not be (a doctor's zone was not
    known), the slot is not known: it may be this.
    """
    with run.sync.store.read() as conn:
        found = objects.at_place(conn, system, doctor, starts, besides=run.state.key)
        return [one for one in found if _alone(conn, one) and _may_join(conn, run, one)]


def _may_join(conn: Connection, run: VisitRun, twin: Obj) -> bool:
    """Whether nobody has told the two apart by hand."""
    own = run.state.object("drchrono" if twin.system == "oncall" else "oncall")
    if own is None:
        return False
    kind, other = ("visit", "appointment") if twin.system == "oncall" else ("appointment", "visit")
    return not decisions.are_apart(conn, (kind, str(twin.remote_id)), (other, str(own.remote_id)))


def _not_unsure(run: VisitRun, twin: Obj) -> None:
    """Raises ParkedError when the twin may be another's: who comes later is asked about too."""
    with run.sync.store.read() as conn:
        unsure = allowed.is_unsure(conn, twin.aggregate)
    if unsure:
        raise allowed.unsure((str(twin.remote_id),), (twin.aggregate,))


def _alone(conn: Connection, one: Obj) -> bool:
    others = [
        other
        for other in links.objects_of(conn, one.aggregate)
        if other.kind == "appointment" and other.id != one.id and other.state != "gone"
    ]
    return not others and one.remote_id is not None


def _join(
    run: VisitRun,
    twin: Obj,
    met: ResolvedPatient,
    attendee: Attendee,
    json: Map[str, Json],
    here: Visit,
) -> None:
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        held = transfer.hold(conn, sync, twin.aggregate, lease=state.lease, hints=Hints.both())
        now = held.now
        if not _alone(conn, twin):
            raise LaterError(now + BUSY, Hints.both())
        transfer.absorb(held, twin.aggregate, state.key, hints=Hints.both())
        links.change(conn, twin.id, generation=state.generation)
        source = state.object("drchrono" if twin.system == "oncall" else "oncall")
        appointment = twin if twin.system == "drchrono" else source
        participant = links.find(conn, "oncall", "participant", attendee.remote_id) or links.add(
            conn, state.key, "oncall", "participant", attendee.remote_id, now=now
        )
        wire = participants_wire(json)[attendee.remote_id]
        baselines.settle(
            conn, participant.id, sync.digests.fields(participant.id, wire), sync.digests.key_id
        )
        values = {
            "appointment": appointment.id if appointment else None,
            "participant": participant.id,
            "person": met.key,
            "person_version": met.version,
        }
        if state.attendance is None:
            attendances.attend(conn, state.key, **values)
        else:
            attendances.change_attendance(conn, state.attendance.id, **values)
        take_slot(conn, state.key, here, met.key)
    raise LaterError(now, Hints.both())
