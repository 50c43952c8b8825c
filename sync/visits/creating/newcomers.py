"""Make an appointment for each matched participant who has come into OnCall's visit.

Who is matched with nobody may be a third party or a co-host: left alone, and told once. Never does
a participant among several become a new patient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from sync.core.records import Attendee, Visit, VisitType
from sync.core.rules import place
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.people.resolve import participant
from sync.run import allowed, attempts, transfer
from sync.run.outcomes import BUSY, LaterError, ParkedError
from sync.store import attention
from sync.store.lanes import Hints
from sync.store.tables import attendances, baselines, claims, links
from sync.visits.creating import appointment, begin, search
from sync.visits.linking import group_twins, participants
from sync.visits.state import load, slot
from sync.visits.state.model import VisitRun

if TYPE_CHECKING:
    from sync.core.wording import Json


def newcomers(run: VisitRun) -> list[Attendee]:
    """The open participants that stand for no appointment and were not told of before.

    Told ones are looked at again when an operator asks: then both sides are hinted, by no delivery.
    SQL is asked once, and anew after each `load.reload`.
    """
    shown, state = run.oncall(), run.state
    if shown is None or run.oncall_over() is not None or run.slot.starts < state.now:
        return []
    if state.newcomers is None:
        again = state.lease.hints.drchrono and not state.deliveries
        here = [who for who in shown.visit.attendees if who.cancelled is not True]
        with run.sync.store.read() as conn:
            state.newcomers = [
                who for who in here if participants.is_new(conn, state.key, who, again=again)
            ]
    return state.newcomers


def book(run: VisitRun) -> None:
    """Make the appointments of newcomers who are patients; tell of the others, once each."""
    who = newcomers(run)
    if not who or not run.policy.to_drchrono:
        return
    if not allowed.may_make(run.making(), run.mapping, run.slot.doctor):
        return
    if run.slot.born and not run.seats:
        group_twins.wait_for_group(run)
    found = _met(run, who)
    standing = [one.standing for one in found if one.standing is not None]
    _stand_where(run, standing)
    shown = [seat.shown.json for seat in run.seats if seat.shown is not None]
    like = next(iter([*shown, *standing]), None)
    _asked_no_more(run, [one.who for one in found])
    for one in found:
        if one.standing is None:
            _make(run, one.who, one.met, like)
        elif place.slot_of(_visit(run, one.standing)) == run.slot:
            _adopt(run, one.who, one.met, one.standing)
        else:
            _left_alone(run, one.who, ParkedError("operator", "who", "visit_unsure"))
    load.reload(run)


@dataclass(frozen=True)
class _Newcomer:
    """A participant, the patient they are, and the appointment that stands for them already."""

    who: Attendee
    met: participant.ResolvedPatient
    standing: dict[str, Json] | None


def _met(run: VisitRun, who: list[Attendee]) -> list[_Newcomer]:
    """The newcomers who are patients; of the others it is told."""
    present = {seat.attended.person for seat in run.seats}
    found = []
    for one in who:
        try:
            met = participant.person_of(run, one, run.slot.doctor, alone=False)
        except ParkedError as parked:
            _left_alone(run, one, parked)
            continue
        cause = "group_member_twice" if met.key in present else _taken(run, met)
        if cause:
            _left_alone(run, one, ParkedError("operator", "who", cause))
            continue
        present.add(met.key)
        found.append(_Newcomer(one, met, search.standing(run, met.remote_id)))
    return found


def _taken(run: VisitRun, met: participant.ResolvedPatient) -> str:
    with run.sync.store.read() as conn:
        return "slot_taken" if group_twins.stands_elsewhere(conn, run, met.key) else ""


def _stand_where(run: VisitRun, standing: list[dict[str, Json]]) -> None:
    """A visit without appointments yet stands where the first that was booked by hand does.

    With a group profile it is the group of that slot: who else is booked there joins it.
    """
    if not run.slot.born or run.seats:
        return
    for shown in (_visit(run, json) for json in standing):
        at = place.slot_of(shown)
        if at is None or replace(at, office=run.slot.office) != run.slot:
            continue
        slot.take(run, at if shown.group else replace(at, born=run.slot.born))
        return


def _visit(run: VisitRun, json: dict[str, Json]) -> Visit:
    return drchrono.to_visit(json, run.mapping)


def _adopt(
    run: VisitRun, who: Attendee, met: participant.ResolvedPatient, json: dict[str, Json]
) -> None:
    """The same visit was entered by hand on both sides: that appointment is the member's."""
    sync, state, shown = run.sync, run.state, _visit(run, json)
    with sync.store.write() as conn:
        obj = links.find(conn, "drchrono", "appointment", shown.remote_id)
        theirs = (obj.aggregate,) if obj is not None else ()
        held = transfer.hold(conn, sync, *theirs, lease=state.lease, hints=Hints.both())
        if obj is None:
            obj = links.add(
                conn, state.key, "drchrono", "appointment", shown.remote_id, now=held.now
            )
        elif obj.aggregate != state.key:
            if attendances.is_attended(conn, obj.id):
                raise LaterError(held.now + BUSY, Hints.both())
            transfer.take_in(held, obj, state.key, state="live")
        digests = sync.digests
        wire = drchrono.wire("appointment", json)
        baselines.settle(
            conn, obj.id, digests.fields(obj.id, wire), digests.key_id, zone=shown.zone
        )
        attendances.attend(
            conn,
            state.key,
            appointment=obj.id,
            participant=_participant(conn, run, who).id,
            person=met.key,
            person_version=met.version,
        )


def _left_alone(run: VisitRun, who: Attendee, parked: ParkedError) -> None:
    sync = run.sync
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, run.state.lease, now=now, seconds=sync.settings.lease_seconds)
        participants.tell_of(conn, run, _participant(conn, run, who), parked)


def _asked_no_more(run: VisitRun, known: list[Attendee]) -> None:
    """Close what was asked about participants who are known to be patients now."""
    with run.sync.store.write() as conn:
        for who in known:
            row = links.find(conn, "oncall", "participant", who.remote_id)
            if row is not None:
                attention.close_object(conn, run.state.key, row.id, run.sync.clock())
                links.unblock_object(conn, run.state.key, row.id)


def _participant(conn: Connection, run: VisitRun, who: Attendee) -> links.Obj:
    shown = run.oncall()
    assert shown is not None  # noqa: S101 - the newcomers were read there
    return participants.settled_row_of(conn, run, who.remote_id, shown.json)


def _make(
    run: VisitRun, who: Attendee, met: participant.ResolvedPatient, like: dict[str, Json] | None
) -> None:
    """Write down what is made, make it, keep what was answered."""
    sync, state = run.sync, run.state
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, state.lease, now=now, seconds=sync.settings.lease_seconds)
        person = {"person": met.key, "person_version": met.version}
        own = attendances.attend(
            conn, state.key, participant=_participant(conn, run, who).id, **person
        )
        row = attempts.begin(
            conn,
            state.key,
            "drchrono",
            "appointment",
            f"member:{own}:1",
            now=now,
            generation=state.generation,
        )
        attendances.change_attendance(conn, own, appointment=row.id)
    body = _body(run, met, like)
    with attempts.attempt(sync, [row.id], lambda: begin.forget(run, [row.id])):
        appointment.post(run, row, run.slot.doctor, body)
    participant.afterwards(run, met)


def _body(
    run: VisitRun, met: participant.ResolvedPatient, like: dict[str, Json] | None
) -> dict[str, Json]:
    """As another member stands (profile, room), else as the mapping books; they may overlap."""
    slot = run.slot
    values: dict[str, object] = {
        "provider": slot.doctor,
        "patient": met.remote_id,
        "starts": slot.starts,
        "minutes": slot.minutes,
        "overlapping": True,
    }
    shown = run.oncall()
    if like is None and shown is not None and isinstance(shown.visit.type, VisitType):
        values["type"] = shown.visit.type
    if slot.office:
        values["office"] = slot.office
    mapping = run.mapping
    body = drchrono_bodies.appointment_body(values, doctor=slot.doctor, mapping=mapping)
    if like is not None:
        body |= {"profile": like.get("profile"), "exam_room": like.get("exam_room")}
    else:
        body["exam_room"] = int(mapping.exam_rooms(slot.doctor)[0])
    return body | appointment.marker_in(run, slot.doctor)
