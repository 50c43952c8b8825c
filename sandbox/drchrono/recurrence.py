"""Compute the occurrences of a series, and make one of them a real appointment.

D… are facts of docs/api-facts.md.
"""

from __future__ import annotations

import copy
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.answers import Json
    from sandbox.drchrono.practice import Practice

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# How far a series without an end is shown when the list has no end either.
HORIZON = timedelta(days=180)


def virtuals(practice: Practice, first: date, last: date, *, stale: bool) -> list[Json]:
    """The virtual occurrences of all series from `first` to `last`, both inclusive."""
    lag = practice.behaviours.seconds("list_lag_seconds")
    bases = practice.appointments.listed(practice.clock.seconds(), lag, stale=stale)
    found: list[Json] = []
    for base in bases:
        if base["is_virtual_base"] and not base["deleted_flag"]:
            found.extend(occurrence(base, day) for day in days_of(base, first, last))
    return found


def days_of(base: Json, first: date, last: date) -> Iterator[date]:
    """The days a series still occurs virtually: not the ones that became real or were deleted."""
    start = date.fromisoformat(base["recur_start_date"])
    end = date.fromisoformat(base["recur_end_date"]) if base["recur_end_date"] else last
    monday = start - timedelta(days=start.weekday())
    day = max(start, first)
    while day <= min(end, last):
        weeks = (day - monday).days // 7
        on_day = DAYS[day.weekday()] in base["recurring_days"]
        if on_day and weeks % base["recurs_every"] == 0 and day.isoformat() not in base["_gone"]:
            yield day
        day += timedelta(days=1)


def occurrence(base: Json, day: date) -> Json:
    """One virtual instance: id `<date>_<id>` (D23), key `{series}_{YYYYMMDD}` (D42)."""
    row = copy.deepcopy(base)
    del row["_gone"]
    series = row.pop("_series", base["id"])
    clock = datetime.fromisoformat(base["scheduled_time"]).time()
    row.update(
        id=f"{day.isoformat()}_{base['id']}",
        scheduled_time=datetime.combine(day, clock).isoformat(),
        is_virtual_base=False,
        base_recurring_appointment=base["id"],
        recurrence_instance_key=f"{series}_{day:%Y%m%d}",
    )
    return row


def find(practice: Practice, virtual_id: str, *, stale: bool = False) -> Json | None:
    """A virtual occurrence by its id, or None when there is none (any more)."""
    day_text, _, base_id = virtual_id.partition("_")
    base = practice.appointments.get(base_id, stale=stale)
    if base is None or not base["is_virtual_base"] or base["deleted_flag"]:
        return None
    try:
        day = date.fromisoformat(day_text)
    except ValueError:
        return None
    return occurrence(base, day) if day in days_of(base, day, day) else None


def split(practice: Practice, base_id: str, day: date, values: Json) -> tuple[Json, Json]:
    """End a series before a day and go on from there under a new base, with other values.

    The keys of the occurrences stay when they are split off (D42): they name the first series.
    Returns both bases.
    """
    base = practice.appointments.rows[base_id]
    row = copy.deepcopy(base)
    revision = practice.revision()
    clock = datetime.fromisoformat(base["scheduled_time"]).time()
    row.update(
        id=str(practice.new_id()),
        scheduled_time=datetime.combine(day, clock).isoformat(),
        recur_start_date=day.isoformat(),
        created_at=revision,
        _series=base.get("_series", base_id),
    )
    row.update(values)
    base["recur_end_date"] = (day - timedelta(days=1)).isoformat()
    for one in (row, base):
        one["updated_at"] = one["extended_updated_at"] = practice.revision()
        practice.appointments.put(one["id"], one, practice.clock.seconds())
    return base, row


def instances(
    practice: Practice, base_id: str, first: date | None, last: date | None
) -> list[Json]:
    """A series' occurrences, virtual ones without an id, in the order of their time.

    From the first day of the series to a year on, unless `first` or `last` is given (D44).
    """
    base = practice.appointments.rows[base_id]
    first = first or date.fromisoformat(base["recur_start_date"])
    last = last or date.fromisoformat(practice.today()) + timedelta(days=365)
    virtual = [{**occurrence(base, day), "id": None} for day in days_of(base, first, last)]
    real = [
        row
        for row in practice.appointments.rows.values()
        if row["base_recurring_appointment"] == base_id and not row["deleted_flag"]
        if first.isoformat() <= row["scheduled_time"][:10] <= last.isoformat()
    ]
    return sorted([*virtual, *real], key=lambda row: str(row["scheduled_time"]))


def take_out(practice: Practice, virtual_id: str) -> None:
    """Let a series skip the day of this occurrence."""
    day_text, _, base_id = virtual_id.partition("_")
    base = practice.appointments.rows[base_id]
    base["_gone"].append(day_text)
    practice.appointments.put(base_id, base, practice.clock.seconds())


def make_real(practice: Practice, virtual_id: str) -> Json | None:
    """Give a virtual occurrence a row and a numeric id of its own; its key stays."""
    row = find(practice, virtual_id)
    if row is None:
        return None
    take_out(practice, virtual_id)
    revision = practice.revision()
    row.update(id=str(practice.new_id()), created_at=revision, updated_at=revision)
    row["extended_updated_at"] = revision
    practice.appointments.put(row["id"], row, practice.clock.seconds())
    return row
