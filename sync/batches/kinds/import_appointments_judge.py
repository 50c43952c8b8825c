"""Judge a line of a file of appointments: with whom it is, and whether it stands already.

Charts are known by the keyed index, visits by the links, without a call. Only what stands at the
very time with the very doctor in one system alone is read: the rules of the matching say whether it
is this visit. What is only likely is a question, never a second visit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sync.batches.kinds.import_patients_judge import Chart, chart_of
from sync.core.batch.model import Fate
from sync.core.errors import Gone
from sync.core.records import VisitType, present
from sync.core.rules import people
from sync.core.rules.place import slot_key
from sync.core.rules.same import Here, Same, same_appointment, same_visit
from sync.drchrono import translate as drchrono
from sync.mapping import UnmappedError
from sync.oncall import translate as oncall
from sync.people import sharing
from sync.sheets.patients import PatientRead
from sync.store import objects
from sync.store.people import persons
from sync.store.tables import attendances, links
from sync.store.visits import visits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from sync.batches.step import Step
    from sync.core.records import Person, Visit
    from sync.runtime import Sync
    from sync.sheets.appointments import AppointmentRead
    from sync.store.tables.links import Obj

_READ = "visits that were read"
_PROBLEMS = frozenset({"patient_unknown", "patient_excluded"})


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to become of a line. `chart`: the person whose chart it is of, None for nobody's.

    `source_id`: the DrChrono appointment that it is already, whose own run makes the OnCall visit.
    """

    fate: Fate
    cause: str | None = None
    column: int | None = None
    candidates: tuple[str, ...] = ()
    source_id: str | None = None
    remote_id: str | None = None
    chart: int | None = None


def judged(step: Step, read: AppointmentRead) -> Judged:
    """What becomes of a line, by its own cells and by what is known. Raises RemoteErrors."""
    if read.problems:
        first = read.problems[0]
        return Judged(Fate.PROBLEM, first.code, first.column)
    cause = _out_of_reach(step.sync, read)
    if cause is not None:
        return Judged(Fate.PROBLEM, cause)
    with step.sync.store.read() as conn:
        if sharing.crowd(conn, step.sync, present(read.person.email, "")) is not None:
            return Judged(Fate.PROBLEM, "email_shared")
        chart = whose(conn, step, read)
        if chart.why is not None:
            fate = Fate.PROBLEM if chart.why in _PROBLEMS else Fate.QUESTION
            return Judged(fate, chart.why, candidates=chart.candidates)
        found = _linked(conn, read, chart.person) or _asked_for(conn, step, read, chart.person)
    if found is None:
        found = _alone(step, read, chart.person)
    if found is None and chart.person is None and step.sync.mapping.policy.new_patients != "create":
        found = Judged(Fate.QUESTION, "no_chart")
    return replace(found or Judged(Fate.CREATE), chart=chart.person)


def length_of(sync: Sync, read: AppointmentRead) -> int | None:
    """The visit's length in minutes: its own, else that of the profile it would be booked with."""
    if read.minutes is not None:
        return read.minutes
    profile = sync.mapping.booking_profile(str(read.doctor), read.type or VisitType.ONLINE)
    return sync.mapping.profile_minutes(profile)


def _out_of_reach(sync: Sync, read: AppointmentRead) -> str | None:
    """Why no visit may be made of a line that can be read, by the rules of every visit."""
    starts, now = read.starts, sync.clock()
    if starts is None or read.doctor is None or sync.mapping.doctor(read.doctor) is None:
        return "unmapped"
    if starts < now:
        return "visit_past"
    days = min(sync.mapping.policy.window_days, sync.settings.window_days)
    if starts > now + timedelta(days=days):
        return "visit_far"
    kind = read.type or VisitType.ONLINE
    try:
        if sync.mapping.may_write_drchrono:
            sync.mapping.booking_profile(read.doctor, kind)
        return None if length_of(sync, read) is not None else "length_missing"
    except UnmappedError:
        return "profile_unmapped" if sync.mapping.may_write_drchrono else "length_missing"


def whose(conn: Connection, step: Step, read: AppointmentRead) -> Chart:
    """Whose chart a line is of. Where nothing but DrChrono's id is said, that alone decides."""
    said = present(read.person.first_name, "") or present(read.person.last_name, "")
    if not read.patient or said or present(read.person.email, ""):
        return chart_of(conn, step, PatientRead(read.person, read.patient, read.record))
    row = links.find(conn, "drchrono", "patient", read.patient)
    if row is None or row.told or not row.known:
        return Chart(why="patient_unknown")
    if persons.get(conn, row.aggregate).excluded:
        return Chart(why="patient_excluded")
    return Chart(row.aggregate)


def key_of(step: Step, read: AppointmentRead, chart: int | None, key_id: str | None = None) -> str:
    """What two lines of one visit share: who, with whom and when; 64 hex digits."""
    who: tuple[str, ...] = ("chart", str(chart))
    if chart is None:
        who = dict(people.keys(read.person))["email_name_birth"]
    when = "" if read.starts is None else f"{read.starts:%Y%m%dT%H%M}"
    return step.sync.digests.person("file_visit", *who, str(read.doctor), when, key_id=key_id)


def create_key(key: str) -> str:
    """The unique key of the visit's create."""
    return f"file:{key}"


# --- what stands already --------------------------------------------------------------------------


def _linked(conn: Connection, read: AppointmentRead, person: int | None) -> Judged | None:
    """The open visit that somebody has at that place by our rows, alone or in a group."""
    if person is None:
        return None
    starts, doctor = _place(read)
    held = visits.holder(conn, slot_key(doctor, starts, person))
    found = [held] if held is not None else []
    found += [
        key
        for key in visits.groups_at(conn, starts, doctor, besides=held or 0)
        if any(one.person == person for one in attendances.current(conn, key))
    ]
    for key in found:
        told = _of(links.objects_of(conn, key))
        if told is not None:
            return told
    return None


def _of(rows: list[Obj]) -> Judged | None:
    """How a visit stands: in OnCall, or in DrChrono alone."""
    known = [one for one in rows if one.kind == "appointment" and one.known]
    there = [one for one in known if one.system == "oncall"]
    if there:
        return Judged(Fate.ALREADY_THERE, remote_id=there[-1].remote_id)
    here = [one for one in known if one.system == "drchrono"]
    return Judged(Fate.CREATE, source_id=here[0].remote_id) if here else None


def _asked_for(
    conn: Connection, step: Step, read: AppointmentRead, person: int | None
) -> Judged | None:
    """The visit that another file's line has made, whose own run has not come to it yet."""
    for key_id in step.sync.digests.key_ids:
        row = objects.creating(conn, create_key(key_of(step, read, person, key_id)))
        if row is None or visits.get(conn, row.aggregate).state != "open":
            continue
        if row.known:
            return Judged(Fate.ALREADY_THERE, remote_id=row.remote_id)
        return Judged(Fate.QUESTION, "visit_in_making")
    return None


def _alone(step: Step, read: AppointmentRead, person: int | None) -> Judged | None:
    """What stands at that place in one system alone and may be this: each is read, once."""
    starts, doctor = _place(read)
    unsure: list[str] = []
    for shown in _read(step, "oncall", doctor, starts):
        who = read.person if present(read.person.email, "") else None
        if who is None and person is not None:
            who = chart_person(step, person)
        if who is None:
            continue
        # A marker of ours names a visit of its own, which this may be: it is compared like others.
        same = same_visit(Here(starts, doctor, (who,)), replace(shown, marker=None))
        if same is Same.CERTAIN:
            return Judged(Fate.ALREADY_THERE, remote_id=shown.remote_id)
        unsure += [shown.remote_id] if same is Same.MAYBE else []
    if unsure:
        return Judged(Fate.QUESTION, "visit_unsure", candidates=tuple(unsure))
    patient = _patient_id(step, person)
    for shown in _read(step, "drchrono", doctor, starts) if patient is not None else ():
        if same_appointment(shown, str(patient), doctor, starts):
            return Judged(Fate.CREATE, source_id=shown.remote_id)
    return None


def _read(step: Step, system: str, doctor: str, starts: datetime) -> Iterator[Visit]:
    """The visits of a system that stand there alone, or whose place is not known."""
    sync, known = step.sync, step.memory.setdefault(_READ, {})
    with sync.store.read() as conn:
        found = objects.at_place(conn, system, doctor, starts, besides=0)
        alone = [one for one in found if _is_alone(conn, one)]
    for one in alone:
        at = (system, str(one.remote_id))
        if at not in known:
            known[at] = _shown(step, *at)
        shown: Visit | None = known[at]
        if shown is not None:
            yield shown


def _is_alone(conn: Connection, one: Obj) -> bool:
    rows = links.objects_of(conn, one.aggregate)
    return one.known and not any(
        row.kind == "appointment" and row.id != one.id and row.state != "gone" for row in rows
    )


def _shown(step: Step, system: str, remote_id: str) -> Visit | None:
    sync = step.sync
    try:
        if system == "oncall":
            json = sync.oncall.get_appointment(step.ticket, remote_id)
            return oncall.to_visit(json, sync.mapping)
        json = sync.drchrono.get_appointment(step.ticket, remote_id)
        return drchrono.to_visit(json, sync.mapping)
    except Gone:
        return None


def chart_person(step: Step, person: int) -> Person | None:
    """The chart of a person as it is now: of a line that names nothing but its id."""
    patient = _patient_id(step, person)
    if patient is None:
        return None
    try:
        return drchrono.to_person(step.sync.drchrono.get_patient(step.ticket, patient))
    except Gone:
        return None


def _patient_id(step: Step, person: int | None) -> str | None:
    if person is None:
        return None
    with step.sync.store.read() as conn:
        row = links.patient_row(conn, person)
    return None if row is None else row.remote_id


def _place(read: AppointmentRead) -> tuple[datetime, str]:
    assert read.starts is not None and read.doctor is not None  # noqa: S101, PT018 - asked before
    return read.starts, read.doctor
