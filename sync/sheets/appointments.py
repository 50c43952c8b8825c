"""Read a row of a file of appointments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from sync.core import times as clocks
from sync.core.records import Life, VisitType
from sync.core.rules import people as rules
from sync.core.rules import plausible
from sync.core.rules.lifecycle import plain
from sync.core.zones import known_zone
from sync.sheets import people
from sync.sheets.values import dates, times, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sync.core.records import Person
    from sync.sheets.choosing import Choice
    from sync.sheets.model import Options, Problem
    from sync.sheets.values.times import Clock

# How Excel shows the day of a cell that holds a time alone.
_NO_DAY: Final = re.compile(r"(?:1899-12-3[01]|1900-01-0[01]|1/0/1900|12/3[01]/1899)[T ](.+)")


@dataclass(frozen=True, slots=True)
class AppointmentRead:
    """An appointment of a file, with whatever of it could be read.

    `person` is who it is with, `patient` their id in DrChrono, `record` and `reference` the health
    record's own names for the patient and the visit. `doctor` is DrChrono's id by the mapping.
    """

    person: Person
    patient: str = field(repr=False)
    record: str = field(repr=False)
    reference: str = field(repr=False)
    doctor: str | None
    starts: datetime | None
    minutes: int | None
    type: VisitType | None
    problems: tuple[Problem, ...] = ()


def read_appointment(cells: Sequence[str], choice: Choice, options: Options) -> AppointmentRead:
    """What a row says of an appointment. Never raises for a cell.

    A visit that is over or cancelled is a problem of its row. `minutes` and `type` are None where
    nothing is said of them.
    """
    row = people.Cells(cells, choice)
    patient = people.patient_id(row)
    person = people.read_person(row, options, known=bool(patient))
    doctor = people.doctor(row, options)
    if doctor is None and not any(one.field in {"provider", "division"} for one in row.problems):
        doctor = options.doctor
        if doctor is None:
            row.tell("provider", "provider_missing")
    starts, local = _starts(row, options, doctor)
    minutes = _minutes(row, local)
    kind = _type(row)
    _check_status(row, options)
    return AppointmentRead(
        person,
        patient,
        people.identity(row, "record"),
        people.identity(row, "reference"),
        doctor,
        starts,
        minutes,
        kind,
        tuple(row.problems),
    )


def _starts(
    row: people.Cells, options: Options, doctor: str | None
) -> tuple[datetime | None, datetime | None]:
    """When it begins, in UTC, and on the wall clock where it was read on one."""
    found = _moment(row)
    if found is None:
        return None, None
    day, clock, name = found
    if clock.unsure:
        row.tell(name, "time_unsure")
        return None, None
    wall = datetime.combine(day, clock.time)
    try:
        if clock.offset is not None:
            return wall.replace(tzinfo=timezone(clock.offset)).astimezone(UTC), None
        said = row.given("zone")
        zone = known_zone(said) if said else options.places.zone(doctor) if doctor else None
        if zone is None:
            if said or doctor is not None:
                row.tell("zone" if said else name, "zone_unknown")
            return None, None
        instant, note = clocks.to_utc(wall.isoformat(), zone)
    except (clocks.TimeFormatError, OverflowError):
        row.tell(name, "time_unreadable")
        return None, None
    if note == "gap":
        row.tell(name, "time_skipped")
        return None, None
    return instant, wall


def _moment(row: people.Cells) -> tuple[date, Clock, str] | None:
    """The day, the time and the field they were read in; what is wrong is told."""
    name = "start" if row.has("start") else "date"
    text = row.given(name)
    found = dates.read(text, row.choice.formats.get(name, ""))
    day = found.date() if found is not None else None
    if found is None or day is None:
        row.tell(name, "date_unreadable" if text else "date_missing")
        return None
    if name == "start":
        time, missing = found.rest, "time_missing"
    else:
        name = "time"
        time, missing = row.given(name), "time_missing"
        if not times.is_midnight(found.rest):
            row.tell("date", "date_with_time")
            return None
        time = _alone(time)
    clock = times.read(time)
    if clock is None:
        row.tell(name, "time_unreadable" if time else missing)
        return None
    return day, clock, name


def _alone(time: str) -> str:
    """A time without the day that Excel shows before one (1899-12-30, 1900-01-00)."""
    match = _NO_DAY.fullmatch(time)
    return match[1] if match else time


def _minutes(row: people.Cells, local: datetime | None) -> int | None:
    """The length in minutes; None where none is said, or none that a visit has."""
    if row.has("minutes"):
        text = row.given("minutes")
        if not text:
            return None
        found = times.minutes(text)
        if found is None or not 1 <= found <= plausible.LONGEST_MINUTES:
            row.tell("minutes", "length_unreadable")
            return None
        return found
    text = row.given("end_time")
    if not text or local is None:
        return None
    day, rest = local.date(), text
    for form, one in dates.readings(text).items():
        if form == row.choice.formats.get("start", row.choice.formats.get("date", "")):
            day, rest = one.date() or day, one.rest
    end = times.read(_alone(rest))
    if end is None or end.unsure or end.offset is not None:
        row.tell("end_time", "length_unreadable")
        return None
    length = (datetime.combine(day, end.time) - local) // timedelta(minutes=1)
    if not 1 <= length <= plausible.LONGEST_MINUTES:
        row.tell("end_time", "length_unreadable")
        return None
    return length


def _type(row: people.Cells) -> VisitType | None:
    text = row.given("type")
    if not text:
        return None
    found = words.TYPES.get(rules.normal_name(text))
    if found is None:
        row.tell("type", "type_unknown")
    return found


def _check_status(row: people.Cells, options: Options) -> None:
    """Tell of a visit that is over, and of a status that nobody knows."""
    text = row.given("status")
    word = rules.normal_name(text)
    if not word:
        return
    known = options.statuses.drchrono.get(plain(text)), options.statuses.oncall.get(plain(text))
    ended = any(life is not None and life is not Life.OPEN for life in known)
    if ended or word in words.OVER or "cancel" in word or word.startswith("no show"):
        row.tell("status", "visit_over")
    elif word not in words.TO_COME and not any(known):
        row.tell("status", "status_unknown")
