"""Translate DrChrono's JSON to our terms: pure functions of JSON and mapping.

What its fields mean follows API v4 (appointments, patients). A chart's `reason` and `notes` never
enter a record: nothing medical leaves DrChrono.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sync.core import readings
from sync.core import wire as read
from sync.core.addresses import USUAL_TABLE, Table
from sync.core.records import (
    ABSENT,
    DRCHRONO,
    Absent,
    Maybe,
    Person,
    State,
    TimeNote,
    Visit,
    VisitType,
    present,
)
from sync.core.rules import plausible
from sync.core.rules.lifecycle import drchrono_state
from sync.core.times import TimeFormatError, to_utc
from sync.core.wording import Json
from sync.drchrono.bodies import (
    appointment_body,
    cancel_note,
    patient_body,
    read_marker,
    with_marker,
    with_note,
)
from sync.mapping import Mapping as VisitMapping

__all__ = [
    "appointment_body",
    "cancel_note",
    "patient_body",
    "read_marker",
    "to_person",
    "to_visit",
    "wire",
    "with_marker",
    "with_note",
]

_VIRTUAL_ID: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})_(\d+)")
# What says when a series occurs, beside its days (docs/api-facts.md, D41).
_SERIES: Final = ("recurs_every", "recur_start_date", "recur_end_date")
# UNK and ASKU say nothing (D45); OnCall has no word for Other (O31).
_SEX: Final = {"male": "male", "female": "female", "other": "other"}


def wire(kind: str, json: Json) -> dict[str, Json]:
    """Give DrChrono's own values by our field names, only for fields that were sent.

    `kind` is "appointment" or "patient". Digests are made of these values, so no mapping is needed.
    A field that is made of several keys counts as sent when all of them were. Raises
    MalformedError.
    """
    return _patient_wire(json) if kind == "patient" else _appointment_wire(json)


def _appointment_wire(json: Json) -> dict[str, Json]:
    sent = read.record(json, "appointment")
    doctor, office = read.identity(sent, "doctor"), read.identity(sent, "office")
    time = read.text(sent, "scheduled_time") or ABSENT
    profile, room = read.identity(sent, "profile"), read.identity(sent, "exam_room")
    telehealth = present(read.flag(sent, "is_telehealth"), None)
    return read.sent(
        starts=_all(time, doctor or ABSENT),
        minutes=read.length(sent, "duration"),
        type=_also(_all(profile, room), telehealth),
        provider=_all(doctor or ABSENT, office),
        state=_state_wire(sent),
        patient=read.identity(sent, "patient"),
        series=_series_wire(sent),
    )


def _series_wire(sent: Mapping[str, Json]) -> Maybe[Json]:
    """When a series occurs, as its base says it; no other appointment has anything of it."""
    if read.flag(sent, "is_virtual_base") is not True:
        return ABSENT
    days = sent.get("recurring_days")
    named = sorted(str(day) for day in days) if isinstance(days, list) else []
    return [*(present(read.identity(sent, key), None) for key in _SERIES), ",".join(named)]


def _patient_wire(json: Json) -> dict[str, Json]:
    sent = read.record(json, "patient")
    return read.sent(
        first_name=read.text(sent, "first_name"),
        last_name=read.text(sent, "last_name"),
        email=read.address(sent, "email"),
        phone=_all(readings.text(sent, "cell_phone"), readings.text(sent, "home_phone")),
        birth_date=readings.text(sent, "date_of_birth"),
        sex=readings.text(sent, "gender"),
        active=read.text(sent, "patient_status"),
    )


def _all(*parts: Maybe[str | None]) -> Maybe[Json]:
    values: list[Json] = [part for part in parts if not isinstance(part, Absent)]
    return values if len(values) == len(parts) else ABSENT


def _also(parts: Maybe[Json], last: Json) -> Maybe[Json]:
    return [*parts, last] if isinstance(parts, list) else ABSENT


def _state_wire(sent: Mapping[str, Json]) -> Maybe[Json]:
    status, deleted = read.text(sent, "status"), bool(read.flag(sent, "deleted_flag"))
    if isinstance(status, Absent) and not deleted:
        return ABSENT
    return [present(status, None), present(read.text(sent, "custom_status"), "") or None, deleted]


def to_visit(json: Json, mapping: VisitMapping, *, zone: str | None = None) -> Visit:
    """Read the visit in an appointment of any shape (list item, webhook body, create answer).

    Its wall clock is read in `zone`, else in the doctor's zone; `starts` is ABSENT while that is
    unknown. `occurrence_key` is DrChrono's own where the account has it (D42), else series and day.
    Of an occurrence that is already real, that is the day on which it was first seen. Raises
    MalformedError.
    """
    sent = read.record(json, "appointment")
    remote_id = read.required_id(sent)
    doctor = present(read.identity(sent, "doctor"), None)
    zone = zone or (mapping.zone(doctor) if doctor else None)
    starts, note = _starts(sent, zone)
    profile = present(read.identity(sent, "profile"), None)
    return Visit(
        system=DRCHRONO,
        remote_id=remote_id,
        starts=starts,
        starts_note=note,
        minutes=plausible.minutes(read.length(sent, "duration")),
        profile_minutes=mapping.profile_minutes(profile) or ABSENT,
        type=_type(sent, mapping),
        provider=doctor or ABSENT,
        office=present(read.identity(sent, "office"), None) or ABSENT,
        state=_state(sent, mapping),
        patient=read.identity(sent, "patient"),
        revision=present(read.text(sent, "updated_at"), "") or None,
        marker=read_marker("appointment", sent),
        is_break=_is_break(sent),
        cloned_from=present(read.identity(sent, "cloned_from"), None),
        occurrence_key=_occurrence_key(sent, remote_id),
        keyed=bool(present(read.text(sent, "recurrence_instance_key"), "")),
        virtual=not remote_id.isdecimal(),
        zone=zone,
        exam_room=present(read.identity(sent, "exam_room"), None) or ABSENT,
        group=mapping.is_group(profile),
        virtual_base=bool(read.flag(sent, "is_virtual_base")),
    )


def _starts(sent: Mapping[str, Json], zone: str | None) -> tuple[Maybe[datetime], TimeNote | None]:
    time = read.text(sent, "scheduled_time")
    if not time or zone is None:
        return ABSENT, None
    try:
        return to_utc(time, zone)
    except TimeFormatError:
        raise read.MalformedError("scheduled_time", "a wall-clock time") from None


def _type(sent: Mapping[str, Json], mapping: VisitMapping) -> Maybe[VisitType | None]:
    profile, room = read.identity(sent, "profile"), read.identity(sent, "exam_room")
    if isinstance(profile, Absent) or isinstance(room, Absent):
        return ABSENT
    telehealth = present(read.flag(sent, "is_telehealth"), None)
    office = present(read.identity(sent, "office"), None)
    return mapping.visit_type(profile, room, telehealth, office=office)


def _state(sent: Mapping[str, Json], mapping: VisitMapping) -> Maybe[State]:
    if isinstance(_state_wire(sent), Absent):
        return ABSENT
    note = sent.get("clinical_note")
    return drchrono_state(
        present(read.text(sent, "status"), ""),
        deleted=bool(read.flag(sent, "deleted_flag")),
        custom_status=present(read.text(sent, "custom_status"), None),
        note_locked=isinstance(note, dict) and note.get("locked") is True,
        table=mapping.statuses,
    )


def _is_break(sent: Mapping[str, Json]) -> bool:
    stated = read.flag(sent, "appt_is_break")
    if not isinstance(stated, Absent):
        return stated
    # A break has no patient and exam room 0 (D36).
    return read.identity(sent, "patient") is None and read.identity(sent, "exam_room") == "0"


def _occurrence_key(sent: Mapping[str, Json], remote_id: str) -> str | None:
    own = present(read.text(sent, "recurrence_instance_key"), "")
    if own or read.flag(sent, "is_virtual_base"):
        return own or None
    virtual = _VIRTUAL_ID.fullmatch(remote_id)
    if virtual is not None:
        return f"{virtual[4]}_{virtual[1]}{virtual[2]}{virtual[3]}"
    series = present(read.identity(sent, "base_recurring_appointment"), None)
    day = present(read.text(sent, "scheduled_time"), "")[:10].replace("-", "")
    return f"{series}_{day}" if series and day else None


def to_person(json: Json, addresses: Table = USUAL_TABLE) -> Person:
    """The person in a patient of any shape. Raises MalformedError.

    A placeholder of `addresses` counts as no e-mail.
    """
    sent = read.record(json, "patient")
    cell, home = readings.text(sent, "cell_phone"), readings.text(sent, "home_phone")
    phones = not isinstance(cell, Absent) and not isinstance(home, Absent)
    status, gender = read.text(sent, "patient_status"), readings.text(sent, "gender")
    email = read.address(sent, "email")
    return Person(
        system=DRCHRONO,
        remote_id=read.required_id(sent),
        kind="patient",
        first_name=read.text(sent, "first_name"),
        last_name=read.text(sent, "last_name"),
        email=ABSENT if isinstance(email, Absent) else addresses.mailbox(email),
        phone=readings.phone(str(cell), str(home)) if phones else ABSENT,
        birth_date=readings.birth_date(sent, "date_of_birth"),
        odd=("birth_date",) if readings.odd_birth_date(sent, "date_of_birth") else (),
        sex=ABSENT if isinstance(gender, Absent) else _SEX.get(gender.casefold(), ""),
        doctor=present(read.identity(sent, "doctor"), None) or ABSENT,
        active=ABSENT if isinstance(status, Absent) else status.upper() in {"A", ""},
        revision=present(read.text(sent, "updated_at"), "") or None,
        marker=read_marker("patient", sent),
    )
