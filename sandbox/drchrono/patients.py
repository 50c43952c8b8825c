"""Create, read, list and change patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.answers import Call, Json, Refusal, json_answer, no_content
from sandbox.drchrono import hooks, wire
from sandbox.drchrono.paging import paged
from sandbox.fields import Fields, as_integer

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from sandbox.drchrono.practice import Practice

NOT_FOUND = {"detail": "Not found."}
# The newer schema's set (docs/api-facts.md, D45).
GENDERS = ("", "Male", "Female", "Other", "UNK", "ASKU")
TEXTS = (
    *("first_name", "middle_name", "last_name", "nick_name", "chart_id"),
    *("address", "city", "state", "zip_code", "social_security_number"),
    *("employer", "employer_address", "employer_city", "employer_state", "employer_zip_code"),
    *("emergency_contact_name", "emergency_contact_relation"),
    *("responsible_party_name", "responsible_party_relation", "responsible_party_email"),
    *("primary_care_physician", "referring_source", "default_pharmacy"),
)
PHONES = (
    *("home_phone", "cell_phone", "office_phone"),
    *("emergency_contact_phone", "responsible_party_phone"),
)


def collection(practice: Practice, call: Call) -> Response:
    """/api/patients: GET lists, POST creates one, or all of a list of them."""
    if call.request.method == "GET":
        verbose = call.flag("verbose")
        rows = chosen(practice, call)
        return paged(
            practice,
            call,
            rows,
            key=lambda row: [row["id"]],
            view=lambda row: wire.patient(row, verbose=verbose),
        )
    data = call.data()
    many = isinstance(data, list)
    items = data if many else [data]
    checked = [_checked(practice, item, partial=False) for item in items]
    for item, values in zip(items, checked, strict=True):
        _refuse_duplicate(practice, call, item, values)
    rows = [_create(practice, values) for values in checked]
    shown = [wire.patient(row, verbose=True) for row in rows]
    return json_answer(shown if many else shown[0], 201)


def single(practice: Practice, call: Call, patient_id: str) -> Response:
    """/api/patients/:id."""
    row = practice.patients.get(patient_id, stale=call.stale)
    if row is None:
        raise Refusal(404, NOT_FOUND)
    method = call.request.method
    if method == "GET":
        return json_answer(wire.patient(row, verbose=call.flag("verbose")))
    if method == "DELETE":
        # No PATIENT_DELETE event exists (D62).
        practice.patients.drop(patient_id, practice.clock.seconds())
        return no_content()
    _change(practice, row, call.data(), partial=method == "PATCH")
    return no_content()


def chosen(practice: Practice, call: Call) -> list[Json]:
    """All patients that pass the request's filters (D49)."""
    lag = practice.behaviours.seconds("list_lag_seconds")
    rows = practice.patients.listed(practice.clock.seconds(), lag, stale=call.stale)
    show_inactive = call.flag("show_inactive") and practice.behaviours.on("patients_show_inactive")
    if not show_inactive:
        rows = [row for row in rows if row["patient_status"] == "A"]
    exact = ["date_of_birth", "gender", "ethnicity", "race", "preferred_language", "chart_id"]
    for name in exact:
        wanted = call.arg(name)
        if wanted is not None:
            rows = [row for row in rows if row[name] == wanted]
    email = call.arg("email")
    if email is not None and practice.behaviours.on("email_filter"):
        rows = [row for row in rows if row["email"].lower() == email.lower()]
    for name in ("first_name", "last_name"):
        # Case-insensitive and includes partial matches.
        part = call.arg(name)
        if part is not None:
            rows = [row for row in rows if part.lower() in row[name].lower()]
    doctor = call.arg("doctor")
    if doctor:
        rows = [row for row in rows if row["doctor"] == as_integer(doctor)]
    since = call.arg("since")
    if since:
        rows = [row for row in rows if row["updated_at"][:10] >= since[:10]]
    return rows


def _checked(practice: Practice, data: Any, *, partial: bool) -> Json:
    invisible = practice.behaviours.word("invisible")
    fields = Fields(data, partial=partial, invisible=invisible)
    fields.integer("doctor", required=True)
    doctor = fields.values.get("doctor")
    if doctor is not None and str(doctor) not in practice.tables["doctors"].rows:
        fields.fail("doctor", f'Invalid pk "{doctor}" - object does not exist.')
    fields.choice("gender", GENDERS, required=True)
    fields.choice("patient_status", ("A", "I", "D"))
    fields.choice("ethnicity", ("blank", "hispanic", "not_hispanic", "declined"))
    fields.text("preferred_language")
    fields.text("race")
    fields.boolean("disable_sms_messages")
    fields.day("date_of_birth")
    fields.email("email", checked=practice.behaviours.on("checks_email"))
    for name in TEXTS:
        fields.text(name)
    for name in PHONES:
        fields.text(name)
        if name in fields.values:
            form = wire.phone(fields.values[name])
            if form is None:
                fields.fail(name, "Enter a valid phone number.")
            fields.values[name] = form
    _demographics(practice, fields)
    return fields.done()


def _demographics(practice: Practice, fields: Fields) -> None:
    if not fields.sent("custom_demographics"):
        return
    items = fields.data["custom_demographics"]
    known = practice.tables["custom_demographics"].rows
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        fields.fail("custom_demographics", "Expected a list of items.")
        return
    for item in items:
        if str(item.get("field_type")) not in known:
            fields.fail("custom_demographics", f'Invalid pk "{item.get("field_type")}".')
        elif not isinstance(item.get("value"), str):
            # `value` here, `field_value` on appointments (D31, D46).
            fields.fail("custom_demographics", "value: Not a valid string.")
    fields.values["custom_demographics"] = items


def _refuse_duplicate(practice: Practice, call: Call, item: Any, values: Json) -> None:
    """Some accounts refuse a second one with the same name, birth date and gender (D48)."""
    mode = practice.behaviours.word("duplicate_patient")
    if mode == "off" or call.flag("allow_duplicates") or item.get("allow_duplicates"):
        return
    names = ("first_name", "last_name", "date_of_birth", "gender")
    blank = wire.blank_patient()
    wanted = [str(values.get(name, blank.get(name))).lower() for name in names]
    for row in practice.patients.rows.values():
        if [str(row[name]).lower() for name in names] == wanted:
            raise Refusal(int(mode), {"detail": "Potential duplicate patient(s) found."})


def _create(practice: Practice, values: Json) -> Json:
    number = practice.new_id()
    row = {**wire.blank_patient(), **values, "id": number, "custom_demographics": []}
    row["chart_id"] = row["chart_id"] or wire.chart_id(row["first_name"], row["last_name"], number)
    row["created_at"] = row["updated_at"] = practice.revision()
    _write_demographics(practice, row, values, replace=True)
    practice.patients.put(str(number), row, practice.clock.seconds())
    hooks.announce(practice, "PATIENT_CREATE", str(number), wire.hook_patient(row))
    return row


def _change(practice: Practice, row: Json, data: Any, *, partial: bool) -> None:
    values = _checked(practice, data, partial=partial)
    if not partial:
        kept = {name: row[name] for name in ("id", "chart_id", "created_at", "offices")}
        row = {**wire.blank_patient(), **kept}
    replace = practice.behaviours.word("custom_demographics_patch") == "replace" or not partial
    row.update({k: v for k, v in values.items() if k != "custom_demographics"})
    row["updated_at"] = practice.revision()
    _write_demographics(practice, row, values, replace=replace)
    practice.patients.put(str(row["id"]), row, practice.clock.seconds())
    hooks.announce(practice, "PATIENT_MODIFY", str(row["id"]), wire.hook_patient(row))


def leave(practice: Practice, patient_id: str, values: Json) -> Json:
    """Store values as they are, without a check, told by PATIENT_MODIFY; raises Refusal 404."""
    row = {**_present(practice, patient_id), **values, "updated_at": practice.revision()}
    practice.patients.put(patient_id, row, practice.clock.seconds())
    hooks.announce(practice, "PATIENT_MODIFY", patient_id, wire.hook_patient(row))
    return row


def _write_demographics(practice: Practice, row: Json, values: Json, *, replace: bool) -> None:
    """Merged by field_type, or the whole list replaced (D46)."""
    if "custom_demographics" not in values:
        return
    revision = practice.revision()
    held = {} if replace else {item["field_type"]: item for item in row["custom_demographics"]}
    for item in values["custom_demographics"]:
        field_type = int(item["field_type"])
        held[field_type] = {
            "field_type": field_type,
            "value": item["value"],
            "updated_at": revision,
        }
    row["custom_demographics"] = list(held.values())


def vanish(practice: Practice, patient_id: str) -> None:
    """Have a chart be there no more, without a webhook; raises Refusal 404."""
    _present(practice, patient_id)
    practice.patients.drop(patient_id, practice.clock.seconds())


def deactivate(practice: Practice, patient_id: str) -> None:
    """Make a chart inactive, told by PATIENT_MODIFY; raises Refusal 404."""
    _change(practice, _present(practice, patient_id), {"patient_status": "I"}, partial=True)


def _present(practice: Practice, patient_id: str) -> Json:
    row = practice.patients.get(patient_id)
    if row is None:
        raise Refusal(404, NOT_FOUND)
    return dict(row)
