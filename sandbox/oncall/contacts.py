"""Create, read, search and change roster contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.answers import Call, Json, Refusal, json_answer
from sandbox.fields import Fields
from sandbox.oncall import appointments, rules, wire
from sandbox.oncall.paging import paged

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from sandbox.oncall.organisation import Organisation

NOT_FOUND = {"detail": "Not found."}
# The guide's values (docs/api-facts.md, O31).
SEXES = ("male", "female", "Unknown")


def collection(organisation: Organisation, call: Call) -> Response:
    """/contacts/: GET lists and searches, POST creates. No webhook tells of contacts."""
    if call.request.method == "POST":
        row = _create(organisation, call.data())
        return json_answer(wire.contact(organisation, call, row), 201)
    lag = organisation.behaviours.seconds("list_lag_seconds")
    rows = organisation.contacts.listed(organisation.clock.seconds(), lag, stale=call.stale)
    rows = _searched(organisation, call, rows)
    return paged(organisation, call, rows, lambda row: wire.listed_contact(organisation, call, row))


def single(organisation: Organisation, call: Call, row_id: str) -> Response:
    """/contacts/{id}/: GET and PATCH, by the id in its url."""
    row = organisation.read(organisation.contacts, row_id, call)
    if row is None:
        raise Refusal(404, NOT_FOUND)
    if call.request.method == "PATCH":
        _change(organisation, row, call.data())
    return json_answer(wire.contact(organisation, call, row))


def visits(organisation: Organisation, call: Call, row_id: str) -> Response:
    """/contacts/{id}/appointments/: the contact's `appointments` link shows its own `id`."""
    rows = organisation.contacts.rows
    found = rows.get(row_id) or next((r for r in rows.values() if r["roster_id"] == row_id), None)
    if found is None:
        raise Refusal(404, NOT_FOUND)
    seen = [row for row in appointments.listed(organisation, call) if _attends(found, row)]
    return appointments.listing(organisation, call, seen)


def _attends(contact: Json, row: Json) -> bool:
    """A participant is the same user by e-mail; without one, by name."""
    if contact["division"] != row["division"]:
        return False
    key = "email" if contact["email"] else "name"
    wanted = contact[key].lower()
    return any((one[key] or "").lower() == wanted for one in row["participants"])


def _searched(organisation: Organisation, call: Call, rows: list[Json]) -> list[Json]:
    """The contacts that a search by name, e-mail or phone finds; its parameters: O29."""
    mode = organisation.behaviours.word("contact_email_filter")
    for name in ("email", "name", "phone"):
        wanted = call.arg(name)
        if wanted is None:
            continue
        if mode == "400":
            raise Refusal(400, {name: ["Unknown filter."]})
        if mode == "honoured":
            rows = [row for row in rows if (row[name] or "").lower() == wanted.lower()]
    return rows


def _checked(organisation: Organisation, data: Any, *, partial: bool) -> Json:
    invisible = organisation.behaviours.word("invisible")
    fields = Fields(data, partial=partial, invisible=invisible)
    rules.owner(organisation, fields)
    for name in ("name", "first_name", "last_name"):
        fields.text(name)
    for name in ("phone", "notes"):
        fields.text(name, null=True)
    fields.email("email", null=True, checked=organisation.behaviours.on("checks_email"))
    fields.choice("sex", SEXES)
    fields.day("date_of_birth")
    _custom_values(organisation, fields)
    named = any(fields.values.get(name) for name in ("name", "first_name", "last_name"))
    if not partial and not named:
        fields.fail("name", "This field is required.")
    return fields.done()


def _custom_values(organisation: Organisation, fields: Fields) -> None:
    """custom_field_values by the field's id; custom_fields is its older name (O32)."""
    name = "custom_field_values" if "custom_field_values" in fields.data else "custom_fields"
    if not fields.sent(name):
        return
    sent = fields.data[name]
    if not isinstance(sent, dict):
        fields.fail(name, "A JSON object is expected.")
    elif set(sent) - set(organisation.custom_fields):
        # Fields are created only in OnCall's own pages.
        fields.fail(name, "There is no such custom field.")
    else:
        fields.values["custom_field_values"] = sent


def _create(organisation: Organisation, data: Any) -> Json:
    values = _checked(organisation, data, partial=False)
    rules.name_parts(values)
    row = {
        "first_name": "",
        "last_name": "",
        "email": None,
        "phone": None,
        "notes": None,
        "sex": "Unknown",
        "date_of_birth": None,
        "custom_field_values": {},
        **values,
        "id": organisation.new_id("contact"),
        "roster_id": organisation.new_id("roster"),
    }
    organisation.contacts.put(row["id"], row, organisation.clock.seconds())
    return row


def _change(organisation: Organisation, row: Json, data: Any) -> None:
    values = _checked(organisation, data, partial=True)
    editable = organisation.behaviours.on("contact_email_editable")
    if not editable and "email" in values and values["email"] != row["email"]:
        # E-mail may not be editable on a contact (O33).
        raise Refusal(400, {"email": ["This field can't be changed."]})
    merge = organisation.behaviours.word("custom_field_values_patch") == "merge"
    if merge and "custom_field_values" in values:
        merged = {**row["custom_field_values"], **values["custom_field_values"]}
        values["custom_field_values"] = merged
    if {"first_name", "last_name"} & set(values):
        names = {key: row[key] for key in ("first_name", "last_name")}
        values = {**names, **values}
        values.pop("name", None)
    rules.name_parts(values)
    row.update(values)
    organisation.contacts.put(row["id"], row, organisation.clock.seconds())
