"""Create, read, change and delete one appointment."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from sandbox.answers import Call, Json, Refusal, json_answer, no_content
from sandbox.drchrono import hooks, recurrence, rules, wire
from sandbox.drchrono.calendar import appointment_lists
from sandbox.fields import day_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from sandbox.drchrono.practice import Practice

NOT_FOUND = {"detail": "Not found."}


def collection(practice: Practice, call: Call) -> Response:
    """/api/appointments: GET lists, POST creates one, or all of a list of them."""
    if call.request.method == "GET":
        return appointment_lists.answer(practice, call)
    data = call.data()
    many = isinstance(data, list)
    rows = create(practice, data if many else [data], staff=call.actor != "app")
    shown = [wire.appointment(row, practice.behaviours, verbose=True) for row in rows]
    # POST answers 201 with the object(s) created (docs/api-facts.md, D2).
    return json_answer(shown if many else shown[0], 201)


def single(practice: Practice, call: Call, appointment_id: str) -> Response:
    """/api/appointments/:id."""
    method = call.request.method
    if method == "GET":
        row = read(practice, appointment_id, stale=call.stale)
        verbose = call.flag("verbose")
        return json_answer(wire.appointment(row, practice.behaviours, verbose=verbose))
    if method == "DELETE":
        delete(practice, appointment_id)
    else:
        partial = method == "PATCH"
        staff = call.actor != "app"
        change(practice, appointment_id, call.data(), partial=partial, staff=staff)
    # PUT, PATCH and DELETE answer 204, empty (D2).
    return no_content()


def read(practice: Practice, appointment_id: str, *, stale: bool = False) -> Json:
    """A real or virtual appointment; raises Refusal 404."""
    row = practice.appointments.get(appointment_id, stale=stale)
    if row is None:
        row = recurrence.find(practice, appointment_id, stale=stale)
    if row is None:
        raise Refusal(404, NOT_FOUND)
    if row["deleted_flag"] and practice.behaviours.word("delete_get") == "404":
        raise Refusal(404, NOT_FOUND)
    return row


def create(practice: Practice, items: list[Any], *, staff: bool) -> list[Json]:
    """Create all or none; raises Refusal 400 or 409."""
    rows: list[Json] = []
    for item in items:
        values = rules.checked(practice, item, partial=False, staff=staff)
        row = {**wire.blank_appointment(), **_profile_defaults(practice, values), **values}
        row["custom_fields"] = []
        _series(row, values)
        rules.settled(practice, row)
        _fields(practice, row, values, replace=True)
        rules.refuse_overlap(practice, row, rows)
        rows.append(row)
    for row in rows:
        row["id"] = str(practice.new_id())
        row["created_at"] = row["updated_at"] = row["extended_updated_at"] = practice.revision()
        if row["status"]:
            _transition(row, "")
        _store(practice, row)
        _announce(practice, "APPOINTMENT_CREATE", row)
    return rows


def change(
    practice: Practice, appointment_id: str, data: Any, *, partial: bool, staff: bool
) -> Json:
    """PUT or PATCH; a virtual occurrence becomes real by it. Raises Refusal 400, 404 or 409."""
    before = _present(practice, appointment_id)
    values = rules.checked(practice, data, partial=partial, staff=staff)
    row = copy.deepcopy(before)
    if not partial:
        row.update({k: copy.deepcopy(v) for k, v in rules.OPTIONAL.items() if k not in values})
    row.update({k: v for k, v in values.items() if k not in ("custom_fields", "clinical_note")})
    _series(row, values)
    rules.settled(practice, row)
    replace = practice.behaviours.word("custom_fields_patch") == "replace" or not partial
    _fields(practice, row, values, replace=replace)
    revived = before["status"] in rules.FREES_SLOT and row["status"] not in rules.FREES_SLOT
    moved = any(row[name] != before[name] for name in rules.SLOT_FIELDS)
    if moved or revived or practice.behaviours.on("overlap_on_any_patch"):
        rules.refuse_overlap(practice, {**row, "id": before["id"]}, [])
    if "_" in before["id"]:
        real = recurrence.make_real(practice, before["id"])
        row["id"] = real["id"] if real else before["id"]
        row["created_at"] = real["created_at"] if real else before["created_at"]
    if row["status"] != before["status"]:
        _transition(row, before["status"])
    row["updated_at"] = row["extended_updated_at"] = practice.revision()
    _lock_note(row, values)
    _store(practice, row)
    real_now = "_" not in before["id"]
    _announce(practice, "APPOINTMENT_MODIFY" if real_now else "APPOINTMENT_CREATE", row)
    _announce_note(practice, row, before)
    return row


def delete(practice: Practice, appointment_id: str) -> None:
    """DELETE: the flag is set; what a GET says afterwards is a switch (D34)."""
    row = _present(practice, appointment_id)
    row["deleted_flag"] = True
    row["updated_at"] = row["extended_updated_at"] = practice.revision()
    if "_" in row["id"]:
        recurrence.take_out(practice, row["id"])
    else:
        practice.appointments.put(row["id"], row, practice.clock.seconds())
    shown = wire.hook_deleted(row, practice.behaviours)
    hooks.announce(practice, "APPOINTMENT_DELETE", row["id"], shown)


def materialise(practice: Practice, virtual_id: str) -> Json:
    """Make a virtual occurrence real, as DrChrono does on its own; raises Refusal 404."""
    row = recurrence.make_real(practice, virtual_id)
    if row is None:
        raise Refusal(404, NOT_FOUND)
    _announce(practice, "APPOINTMENT_CREATE", row)
    return row


def instances(practice: Practice, call: Call) -> Response:
    """GET /api/recurring_appointment_instances: a bare array, no pages (D44)."""
    if not practice.behaviours.on("recurring_instances"):
        raise Refusal(404, NOT_FOUND)
    if call.denied:
        return json_answer([])
    base_id = call.arg("base_recurring_appointment")
    if not base_id or not base_id.isdecimal():
        raise Refusal(400, {"base_recurring_appointment": ["A valid integer is required."]})
    base = practice.appointments.get(base_id)
    if base is None or not base["is_virtual_base"] or base["deleted_flag"]:
        raise Refusal(404, NOT_FOUND)
    days = [call.arg(name) for name in ("start_date", "end_date")]
    first, last = (day_of(day) if day else None for day in days)
    rows = recurrence.instances(practice, base_id, first, last)
    verbose = call.flag("verbose")
    return json_answer([wire.appointment(r, practice.behaviours, verbose=verbose) for r in rows])


def split(practice: Practice, base_id: str, day: str, values: Json) -> Json:
    """Change a series from one day on, as DrChrono's own page does: two bases, two events."""
    base, row = recurrence.split(practice, base_id, day_of(day), values)
    _announce(practice, "APPOINTMENT_MODIFY", base)
    _announce(practice, "APPOINTMENT_CREATE", row)
    return row


def leave(practice: Practice, appointment_id: str, values: Json) -> Json:
    """Store values as they are, without a check; raises Refusal 404."""
    row = {**copy.deepcopy(_present(practice, appointment_id)), **values}
    row["updated_at"] = row["extended_updated_at"] = practice.revision()
    _store(practice, row)
    _announce(practice, "APPOINTMENT_MODIFY", row)
    return row


def clone(
    practice: Practice, appointment_id: str, scheduled_time: str, *, clone_first: bool, fields: bool
) -> Json:
    """Reschedule as DrChrono's own page does: a successor with cloned_from, the original ends.

    `fields`: whether the custom fields are copied too. Raises Refusal 400, 404 or 409.
    """
    original = _present(practice, appointment_id)
    keys = ("doctor", "office", "exam_room", "patient", "profile", "duration", "reason", "notes")
    body = {key: original[key] for key in (*keys, "color", "allow_overlapping")}
    body |= {"scheduled_time": scheduled_time, "cloned_from": int(original["id"])}
    if fields:
        body["custom_fields"] = original["custom_fields"]
    if clone_first:
        successor = create(practice, [body], staff=True)[0]
    end = {"status": "Rescheduled"}
    change(practice, appointment_id, end, partial=True, staff=True)
    if not clone_first:
        successor = create(practice, [body], staff=True)[0]
    return successor


def _present(practice: Practice, appointment_id: str) -> Json:
    row = practice.appointments.get(appointment_id) or recurrence.find(practice, appointment_id)
    if row is None or row["deleted_flag"]:
        raise Refusal(404, NOT_FOUND)
    return row


def _profile_defaults(practice: Practice, values: Json) -> Json:
    """Fill in the profile's colour, duration and reason on creation (D37)."""
    profile = practice.tables["appointment_profiles"].get(str(values.get("profile")))
    if profile is None:
        return {}
    return {name: profile[name] for name in ("color", "duration", "reason")}


def _series(row: Json, values: Json) -> None:
    """A recurring appointment is stored as the base that its virtual instances come from."""
    if values.get("recurring_appointment") and row.get("base_recurring_appointment") is None:
        row["is_virtual_base"] = True
        row.setdefault("_gone", [])
        row["recurs_every"] = row["recurs_every"] or 1
        row["recur_start_date"] = row["recur_start_date"] or str(row["scheduled_time"])[:10]


def _fields(practice: Practice, row: Json, values: Json, *, replace: bool) -> None:
    """custom_fields: merged by field_type, or the whole list replaced (D31)."""
    if "custom_fields" not in values:
        return
    revision = practice.revision()
    held = {} if replace else {item["field_type"]: item for item in row["custom_fields"]}
    for item in values["custom_fields"]:
        field_type = int(item["field_type"])
        created = held.get(field_type, {}).get("created_at", revision)
        held[field_type] = {
            "field_type": field_type,
            "field_value": item["field_value"],
            "created_at": created,
            "updated_at": revision,
        }
    row["custom_fields"] = list(held.values())


def _transition(row: Json, before: str) -> None:
    row["status_transitions"].append(
        {
            "appointment": row["id"],
            "from_status": before,
            "to_status": row["status"],
            "datetime": row["updated_at"],
        }
    )


def _lock_note(row: Json, values: Json) -> None:
    if "clinical_note" in values:
        locked = values["clinical_note"]["locked"]
        row["clinical_note"] = {
            **row["clinical_note"],
            "locked": locked,
            "updated_at": row["updated_at"],
        }


def _store(practice: Practice, row: Json) -> None:
    profile = practice.tables["appointment_profiles"].get(str(row["profile"]))
    row["_telehealth"] = bool(profile and profile["name"] == "Telehealth")
    practice.appointments.put(row["id"], row, practice.clock.seconds())


def _announce(practice: Practice, event: str, row: Json) -> None:
    # The non-verbose shape (D61).
    shown = wire.appointment(row, practice.behaviours, verbose=False)
    hooks.announce(practice, event, row["id"], shown)


def _announce_note(practice: Practice, row: Json, before: Json) -> None:
    locked = row["clinical_note"]["locked"]
    if locked == before["clinical_note"]["locked"]:
        return
    # DrChrono's schema, ClinicalNote: appointment, patient, archived, clinical_note_sections.
    shown = {
        "appointment": row["id"],
        "patient": row["patient"],
        "archived": False,
        "clinical_note_sections": [],
    }
    event = "CLINICAL_NOTE_LOCK" if locked else "CLINICAL_NOTE_UNLOCK"
    hooks.announce(practice, event, row["id"], shown)
