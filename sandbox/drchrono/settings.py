"""Serve doctors, offices, profiles, users and custom fields.

D… are facts of docs/api-facts.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.wrappers import Response

from sandbox.answers import Call, Json, Refusal, json_answer, no_content
from sandbox.drchrono.paging import paged
from sandbox.fields import Fields, as_integer

if TYPE_CHECKING:
    from sandbox.drchrono.practice import Practice

NOT_FOUND = {"detail": "Not found."}


class Writer(Protocol):
    """Checks a body of one kind; raises Refusal 400."""

    def __call__(self, practice: Practice, data: Any, *, partial: bool) -> Json:
        """Return the checked values; with `partial`, of the keys that are there."""


def collection(practice: Practice, call: Call, kind: str) -> Response:
    """GET lists, POST creates (where the kind allows it)."""
    if call.request.method == "GET":
        rows = practice.tables[kind].listed(practice.clock.seconds(), 0, stale=call.stale)
        if not call.flag("show_archived"):
            rows = [row for row in rows if not row.get("archived")]
        doctor = call.arg("doctor")
        if doctor and kind not in ("doctors", "users"):
            rows = [row for row in rows if row["doctor"] == as_integer(doctor)]
        return paged(practice, call, rows, key=lambda row: [row["id"]], view=lambda row: row)
    values = WRITERS[kind](practice, call.data(), partial=False)
    row = {**BLANKS[kind], **values, "id": practice.new_id()}
    if kind == "custom_appointment_fields":
        row["created_at"] = row["updated_at"] = practice.revision()
    practice.tables[kind].put(str(row["id"]), row, practice.clock.seconds())
    return json_answer(row, 201)


def single(practice: Practice, call: Call, kind: str, row_id: str) -> Response:
    """GET, PUT, PATCH or DELETE one (where the kind allows it)."""
    table = practice.tables[kind]
    row = table.get(row_id, stale=call.stale)
    if row is None:
        raise Refusal(404, NOT_FOUND)
    method = call.request.method
    if method == "GET":
        return json_answer(row)
    if method == "DELETE":
        row["archived"] = True
    else:
        row.update(WRITERS[kind](practice, call.data(), partial=method == "PATCH"))
    if "updated_at" in row:
        row["updated_at"] = practice.revision()
    table.put(row_id, row, practice.clock.seconds())
    return no_content()


def doctor(practice: Practice, call: Call, row_id: str) -> Response:
    """GET one; staff's PATCH stands for the page on which a doctor's zone is changed.

    Wall clocks stay, and no webhook comes (D26). What a page or an import can leave there is
    unknown, so whatever is given is taken.
    """
    method = call.request.method
    if method == "PATCH":
        row, data = practice.tables["doctors"].get(row_id), call.data()
        if call.actor == "app":  # The API only reads doctors (D68).
            detail = 'Method "PATCH" not allowed.'
            raise Refusal(405, {"detail": detail}, {"Allow": "GET"})
        if row is None or not isinstance(data, dict):
            raise Refusal(404, NOT_FOUND)
        practice.tables["doctors"].put(row_id, {**row, **data}, practice.clock.seconds())
        return no_content()
    return single(practice, call, "doctors", row_id)


def current_user(practice: Practice, call: Call) -> Response:
    """/api/users/current redirects to /api/users/:current_user_id (D5)."""
    user = min(practice.tables["users"].rows, key=int)
    location = f"{call.request.host_url}api/users/{user}"
    return Response(status=302, headers={"Location": location})


def telehealth(practice: Practice, call: Call) -> Response:
    """GET /api/telehealth_appointments, with a read-only telehealth_url (D39)."""
    wanted = call.arg("appointment")
    rows = [row for row in practice.appointments.rows.values() if row.get("_telehealth")]
    rows = [row for row in rows if not row["deleted_flag"] and wanted in (None, row["id"])]
    doctor = call.arg("doctor")
    if doctor:
        rows = [row for row in rows if row["doctor"] == as_integer(doctor)]
    return paged(practice, call, rows, key=lambda row: [row["id"]], view=_telehealth)


def _telehealth(row: Json) -> Json:
    return {
        "appointment": int(row["id"]),
        "duration": row["duration"],
        "telehealth_url": f"https://video.drchrono.example/room/{row['id']}",
        "sent_patient_email": False,
        "overlapping_duration": None,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _doctor(practice: Practice, fields: Fields, *, required: bool) -> None:
    fields.integer("doctor", required=required)
    value = fields.values.get("doctor")
    if value is not None and str(value) not in practice.tables["doctors"].rows:
        fields.fail("doctor", f'Invalid pk "{value}" - object does not exist.')


def _profile(practice: Practice, data: Any, partial: bool) -> Json:
    fields = Fields(data, partial=partial)
    _doctor(practice, fields, required=False)
    fields.text("name", required=True, blank=False)
    fields.text("color", required=True)
    fields.text("reason")
    fields.integer("duration", least=1)
    fields.integer("sort_order")
    if fields.sent("online_scheduling", required=True):
        fields.boolean("online_scheduling")
    return fields.done()


def _appointment_field(practice: Practice, data: Any, partial: bool) -> Json:
    fields = Fields(data, partial=partial)
    _doctor(practice, fields, required=True)
    fields.text("field_name", required=True, blank=False)
    fields.text("field_desc")
    return fields.done()


def _demographic(practice: Practice, data: Any, partial: bool) -> Json:
    fields = Fields(data, partial=partial)
    _doctor(practice, fields, required=True)
    fields.text("name", required=True, blank=False)
    fields.text("template_name")
    fields.text("description")
    fields.text("allowed_values")
    fields.boolean("archived")
    return fields.done()


WRITERS: dict[str, Writer] = {
    "appointment_profiles": _profile,
    "custom_appointment_fields": _appointment_field,
    "custom_demographics": _demographic,
}
# DrChrono's schema: AppointmentProfile, CustomAppointmentFieldType, CustomPatientFieldType.
BLANKS: dict[str, Json] = {
    "appointment_profiles": {
        "archived": False,
        "doctor": None,
        "reason": "",
        "duration": 30,
        "sort_order": 0,
    },
    "custom_appointment_fields": {"archived": False, "field_desc": "", "order": 0},
    "custom_demographics": {
        "archived": False,
        "description": "",
        "template_name": "",
        "allowed_values": "",
    },
}
