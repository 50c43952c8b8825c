"""Check the visit or the participant in a request's body."""

from __future__ import annotations

from typing import Any

from sandbox.answers import Json, Refusal
from sandbox.fields import Fields
from sandbox.oncall import wire
from sandbox.oncall.organisation import Organisation, reference

# What a POST may say and needs (docs/api-facts.md, O9).
TYPES = ("online", "inperson", "phone", "message")
TIMED_TYPES = ("online", "inperson", "phone")
MOST_PARTICIPANTS = 25
# The words of OnCall's own client, compared without case (O14).
CANCELLED_STATUSES = (
    "Coordinator cancelled",
    "Provider cancelled",
    "Patient cancelled",
    "Staff cancelled",
)
STATUSES = (
    "Incomplete",
    "Complete",
    "No show",
    "No-show fee charged",
    "Charge failed",
    "Fee waived",
    *CANCELLED_STATUSES,
)
_BY_LOWER = {status.lower(): status for status in STATUSES}


def visit(organisation: Organisation, data: Any, *, partial: bool) -> Json:
    """The checked values of an appointment's body; raises Refusal 400.

    `participants` stays as sent; see `people`.
    """
    fields = Fields(data, partial=partial)
    fields.text("title", required=True, blank=False)
    fields.choice("type", TYPES, required=True)
    fields.integer("duration", required=True, least=1)
    # Required for online, inperson, phone.
    fields.moment("datetime", required=fields.values.get("type") in TIMED_TYPES)
    if "datetime" in fields.values:
        fields.values["datetime"] = wire.canonical(fields.values["datetime"])
    owner(organisation, fields)
    fields.boolean("cancelled")
    _status(fields)
    if fields.sent("metadata", null=True):
        if isinstance(fields.data["metadata"], dict):
            fields.values["metadata"] = fields.data["metadata"]
        else:
            fields.fail("metadata", "A JSON object is expected.")
    if fields.sent("participants", required=True):
        _list_of_people(fields)
    return fields.done()


def owner(organisation: Organisation, fields: Fields) -> None:
    """Check the division and provider URLs of a visit or a contact."""
    _reference(fields, "division", "divisions", set(organisation.divisions), required=True)
    coordinator = organisation.behaviours.word("key_role") == "coordinator"
    providers = set(organisation.providers.rows)
    _reference(fields, "provider", "providers", providers, required=coordinator)
    if not fields.partial and "provider" not in fields.values and not coordinator:
        fields.values["provider"] = min(providers, key=int)
    provider, division = fields.values.get("provider"), fields.values.get("division")
    if provider and division:
        check_member(organisation, fields, provider, division)


def check_member(organisation: Organisation, fields: Fields, provider: str, division: str) -> None:
    """A provider works in the divisions of the memberships only."""
    if division not in organisation.providers.rows[provider]["divisions"]:
        fields.fail("provider", "The provider is not a member of the division.")


def person(organisation: Organisation, data: Any, *, partial: bool) -> Json:
    """The checked values of one participant; raises Refusal 400.

    Writable are name, email, fee, cancelled, first_name and last_name (O23).
    """
    invisible = organisation.behaviours.word("invisible")
    fields = Fields(data, partial=partial, invisible=invisible)
    for name in ("name", "first_name", "last_name"):
        fields.text(name)
    fields.email("email", null=True, checked=organisation.behaviours.on("checks_email"))
    fields.boolean("cancelled")
    if fields.sent("fee", null=True):
        fee = fields.data["fee"]
        if isinstance(fee, int | float) and not isinstance(fee, bool) and fee >= 0:
            fields.values["fee"] = fee
        else:
            fields.fail("fee", "A valid number is required.")
    named = any(fields.values.get(name) for name in ("name", "first_name", "last_name"))
    if not partial and not named:
        fields.fail("name", "This field is required.")
    return fields.done()


def name_parts(values: Json) -> None:
    """Keep name, first_name and last_name in step, in place; the one that is sent leads."""
    if "first_name" in values or "last_name" in values:
        parts = [values.get("first_name") or "", values.get("last_name") or ""]
        values["name"] = " ".join(part for part in parts if part) or values.get("name", "")
    elif "name" in values:
        first, _, last = values["name"].strip().partition(" ")
        values["first_name"], values["last_name"] = first, last.strip()


def refuse_crowd(count: int) -> None:
    """At most 25 participants, and somebody must come (O10)."""
    if count == 0:
        raise Refusal(400, {"participants": ["This list may not be empty."]})
    if count > MOST_PARTICIPANTS:
        message = f"Ensure this field has no more than {MOST_PARTICIPANTS} elements."
        raise Refusal(400, {"participants": [message]})


def _reference(fields: Fields, name: str, kind: str, known: set[str], *, required: bool) -> None:
    if not fields.sent(name, required=required):
        return
    row_id = reference(fields.data[name], kind)
    if row_id is None:
        fields.fail(name, "Invalid hyperlink - No URL match.")
    elif row_id not in known:
        fields.fail(name, "Invalid hyperlink - Object does not exist.")
    else:
        fields.values[name] = row_id


def _status(fields: Fields) -> None:
    if not fields.sent("status"):
        return
    word = _BY_LOWER.get(str(fields.data["status"]).lower())
    if word is None:
        fields.fail("status", f'"{fields.data["status"]}" is not a valid choice.')
    else:
        fields.values["status"] = word


def _list_of_people(fields: Fields) -> None:
    items = fields.data["participants"]
    if isinstance(items, list) and all(isinstance(item, dict) for item in items):
        fields.values["participants"] = items
    else:
        fields.fail("participants", "Expected a list of items.")
