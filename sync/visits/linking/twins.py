"""Join one visit that was entered by hand on both sides, before anything is made.

Each candidate is read, and the person decides: never a guess, never two visits for one slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from sync.run.evidence import behind, sealing
from sync.run.outcomes import BUSY, LaterError
from sync.store.lanes import Hints
from sync.store.tables import attendances, links, work
from sync.store.visits import visits
from sync.visits.linking import join, participants

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.core.wording import Json
    from sync.people.resolve.participant import ResolvedPatient
    from sync.run.transfer import Held
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
    for twin, json, shown in join.read(run, join.candidates(run, "oncall", doctor, starts)):
        if _is_coming(run, twin, shown):
            with run.sync.store.write() as conn:
                now = run.sync.clock()
                work.raise_(conn, twin.aggregate, now=now, hints=Hints.both())
            raise LaterError(now + BUSY, Hints.both())
        found = Same.NO if shown.marker else same_visit(Here(starts, doctor, (met.person,)), shown)
        if found is Same.NO:
            continue
        join.refuse_unsure(run, [twin])
        if found is Same.MAYBE:
            raise join.which_of([twin])
        (who,) = participants_of(met.person, who_comes(shown.attendees))
        _join(run, twin, met, who, json, run.state.read["drchrono"].visit)


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
    for twin, _json, shown in join.read(run, join.candidates(run, "drchrono", doctor, starts)):
        if same_appointment(shown, met.remote_id, doctor, starts):
            join.refuse_unsure(run, [twin])
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
        if not join.is_alone(conn, obj):
            return False
        visits.note_place(conn, obj.aggregate, shown)
    return True


def _join(
    run: VisitRun,
    twin: Obj,
    met: ResolvedPatient,
    attendee: Attendee,
    json: dict[str, Json],
    here: Visit,
) -> None:
    state = run.state

    def attend(held: Held) -> None:
        source = state.object("drchrono" if twin.system == "oncall" else "oncall")
        appointment = twin if twin.system == "drchrono" else source
        values = {
            "appointment": appointment.id if appointment else None,
            "participant": participants.settled_row_of(held.conn, run, attendee.remote_id, json).id,
            "person": met.key,
            "person_version": met.version,
        }
        if state.attendance is None:
            attendances.attend(held.conn, state.key, **values)
        else:
            attendances.change_attendance(held.conn, state.attendance.id, **values)
        take_slot(held.conn, state.key, here, met.key)

    join.absorb(run, twin, attend)
