"""Check the appointment in a request's body, and refuse overlaps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.answers import Json, Refusal
from sandbox.drchrono.recurrence import DAYS
from sandbox.fields import Fields, as_integer

if TYPE_CHECKING:
    from sandbox.drchrono.practice import Practice

# "Scheduled" is refused with 400 (docs/api-facts.md, D32, D33).
STATUSES = (
    "",
    "Arrived",
    "Checked In",
    "Checked In Online",
    "In Room",
    "Cancelled",
    "Complete",
    "Confirmed",
    "In Session",
    "No Show",
    "Not Confirmed",
    "Rescheduled",
)
# Statuses whose appointments take no room in the calendar.
FREES_SLOT = ("Cancelled", "No Show", "Rescheduled")
SLOT_FIELDS = ("doctor", "office", "exam_room", "scheduled_time", "duration")
REASON_LONGEST = 100
# Minutes: a day. The documents name no limit; without one an end would leave the calendar.
LONGEST = 24 * 60
# What a PUT sets back when it is not sent.
OPTIONAL = {
    "color": "",
    "notes": "",
    "reason": "",
    "status": "",
    "custom_status": "",
    "billing_status": "",
    "is_walk_in": False,
    "profile": None,
    "custom_fields": [],
}


def checked(practice: Practice, data: Any, *, partial: bool, staff: bool) -> Json:
    """The values an appointment's body sets; raises Refusal 400 with every field's error.

    Read-only keys are ignored (D2). `staff` may also do what only DrChrono's own pages do: breaks,
    clones, locking the note.
    """
    fields = Fields(data, partial=partial)
    is_break = staff and fields.data.get("appt_is_break") is True
    _references(practice, fields, is_break=is_break)
    has_profile = fields.values.get("profile") is not None
    # Optional if profile is provided (D37).
    fields.integer("duration", required=not has_profile, least=1, most=LONGEST)
    fields.moment("scheduled_time", required=True)
    fields.text("reason", longest=REASON_LONGEST)
    for name in ("notes", "color", "billing_status"):
        fields.text(name)
    fields.choice("status", STATUSES + practice.custom_statuses)
    fields.choice("custom_status", ("", *practice.custom_statuses))
    fields.boolean("is_walk_in")
    fields.boolean("allow_overlapping")
    _recurrence(fields)
    _custom_fields(practice, fields)
    if staff:
        fields.boolean("appt_is_break")
        fields.integer("cloned_from", null=True)
        _clinical_note(fields)
    return fields.done()


def _references(practice: Practice, fields: Fields, *, is_break: bool) -> None:
    fields.integer("doctor", required=True)
    fields.integer("office", required=True)
    fields.integer("exam_room", required=True, least=0)
    fields.integer("profile", null=True)
    # 400 for a null patient on POST (D33). Breaks have none (D36).
    fields.integer("patient", required=not is_break, null=is_break)
    for name, kind in (
        ("doctor", "doctors"),
        ("office", "offices"),
        ("patient", "patients"),
        ("profile", "appointment_profiles"),
    ):
        value = fields.values.get(name)
        if value is not None and str(value) not in practice.tables[kind].rows:
            fields.fail(name, f'Invalid pk "{value}" - object does not exist.')


def _recurrence(fields: Fields) -> None:
    fields.boolean("recurring_appointment")
    fields.integer("recurs_every", null=True, least=1)
    fields.day("recur_start_date")
    fields.day("recur_end_date")
    if fields.sent("recurring_days"):
        days = fields.data["recurring_days"]
        if isinstance(days, list) and all(day in DAYS for day in days):
            fields.values["recurring_days"] = days
        else:
            fields.fail("recurring_days", "Days of the week are expected.")


def _custom_fields(practice: Practice, fields: Fields) -> None:
    if not fields.sent("custom_fields"):
        return
    items = fields.data["custom_fields"]
    known = practice.tables["custom_appointment_fields"].rows
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        fields.fail("custom_fields", "Expected a list of items.")
        return
    for item in items:
        field_type = as_integer(item.get("field_type"))
        if field_type is None or str(field_type) not in known:
            fields.fail("custom_fields", f'Invalid pk "{item.get("field_type")}".')
        elif not isinstance(item.get("field_value"), str):
            fields.fail("custom_fields", "field_value: Not a valid string.")
    fields.values["custom_fields"] = items


def _clinical_note(fields: Fields) -> None:
    if fields.sent("clinical_note"):
        note = fields.data["clinical_note"]
        if isinstance(note, dict) and isinstance(note.get("locked"), bool):
            fields.values["clinical_note"] = note
        else:
            fields.fail("clinical_note", "locked must be a valid boolean.")


def settled(practice: Practice, row: Json) -> None:
    """Turn checked values into wire form, in place; raises Refusal 400.

    A time with a zone is moved to the doctor's wall clock, so that "Z" appended to a wall clock
    shifts the visit, as it does there (D25).
    """
    start = row["scheduled_time"]
    if isinstance(start, datetime):
        if start.tzinfo is not None:
            start = start.astimezone(practice.zone_of(row["doctor"])).replace(tzinfo=None)
        row["scheduled_time"] = start.replace(microsecond=0).isoformat()
    rooms = len(practice.tables["offices"].rows[str(row["office"])]["exam_rooms"])
    # A 1-based index; breaks show 0 (D36).
    least = 0 if row["appt_is_break"] else 1
    if not least <= row["exam_room"] <= rooms:
        raise Refusal(400, {"exam_room": [f"Exam room {row['exam_room']} does not exist."]})


def refuse_overlap(practice: Practice, row: Json, others: list[Json]) -> None:
    """Raise Refusal 409 when `row` overlaps: same doctor, office, exam room, and time.

    The text is "Appointment overlaps with <id>"; allow_overlapping lets it pass (D35). Occurrences
    that are still virtual take no room here.
    """
    if row["allow_overlapping"] or not _takes_room(row):
        return
    start, end = span(row)
    for other in [*practice.appointments.rows.values(), *others]:
        if other.get("id") == row.get("id") or not _takes_room(other):
            continue
        if any(other[name] != row[name] for name in ("doctor", "office", "exam_room")):
            continue
        other_start, other_end = span(other)
        if start < other_end and other_start < end:
            raise Refusal(
                409, {"detail": f"Appointment overlaps with {other.get('id', 'another')}"}
            )


def span(row: Json) -> tuple[datetime, datetime]:
    """Start and end in the doctor's wall clock."""
    start = datetime.fromisoformat(row["scheduled_time"])
    minutes = row["duration"] if isinstance(row["duration"], int) else 0
    return start, start + timedelta(minutes=minutes)


def _takes_room(row: Json) -> bool:
    gone = row["deleted_flag"] or row["is_virtual_base"]
    return not gone and row["status"] not in FREES_SLOT
