"""Show OnCall's objects with the keys of its guides' samples, and more by switch.

O… are facts of docs/api-facts.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.answers import Call, Json
    from sandbox.oncall.organisation import Organisation
    from sandbox.trouble.behaviours import Behaviours


def url(call: Call, kind: str, row_id: str) -> str:
    """The address of an object on the host that was asked."""
    return f"{call.request.host_url}{kind}/{row_id}/"


def instant(text: str, behaviours: Behaviours) -> str:
    """Write a time as "2019-01-16T18:00:00Z", or in another form by switch (O20)."""
    if behaviours.on("one_digit_hour"):
        # As in the guide's sample of a create answer: "2026-01-15T0:00:00Z".
        day, _, clock = text.partition("T")
        text = f"{day}T{clock[1:] if clock.startswith('0') else clock}"
    return text.replace("Z", ".000000Z") if behaviours.on("fractional_seconds") else text


def canonical(moment: datetime) -> str:
    """UTC, whole seconds, Z. A time sent without a zone is taken for UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def participant(call: Call, row: Json) -> Json:
    """A participant as /participants/{id}/ and a visit show it (O23)."""
    return {
        "url": url(call, "participants", row["id"]),
        "appointment": url(call, "appointments", row["appointment"]),
        "name": row["name"],
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "email": row["email"],
        "fee": row["fee"],
        "cancelled": row["cancelled"],
        "user_id": row["user_id"],
    }


def appointment(organisation: Organisation, call: Call, row: Json, *, listed: bool) -> Json:
    """A visit as an answer shows it: no id, provider, update time or link to join (O11)."""
    behaviours = organisation.behaviours
    shown: Json = {
        "url": url(call, "appointments", row["id"]),
        "title": row["title"],
        "datetime": instant(row["datetime"], behaviours) if row["datetime"] else None,
        "duration": row["duration"],
        "type": row["type"],
        "status": row["status"],
        "cancelled": row["cancelled"],
        "division": url(call, "divisions", row["division"]),
        "participants": [participant(call, one) for one in row["participants"]],
        "metadata": row["metadata"],
    }
    if listed and not behaviours.on("status_on_list"):
        del shown["status"]
    if behaviours.on("returns_id"):
        shown["id"] = int(row["id"])
    if behaviours.on("returns_provider"):
        shown["provider"] = url(call, "providers", row["provider"])
    if behaviours.on("returns_updated"):
        shown["updated"] = row["updated"]
    return shown


def created(organisation: Organisation, call: Call, row: Json) -> Json:
    """The answer of a create: it lacks `status`, and its participants lack two keys (O12)."""
    shown = appointment(organisation, call, row, listed=False)
    del shown["status"]
    for one in shown["participants"]:
        del one["appointment"], one["user_id"]
    return shown


def contact(organisation: Organisation, call: Call, row: Json) -> Json:
    """A contact as an answer shows it: its `id` is not the one in its `url` (O30)."""
    return {
        "id": int(row["roster_id"]),
        "division": url(call, "divisions", row["division"]),
        "provider": url(call, "providers", row["provider"]),
        "url": url(call, "contacts", row["id"]),
        "name": row["name"],
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "email": row["email"],
        "phone": row["phone"],
        "notes": row["notes"],
        "sex": row["sex"],
        "date_of_birth": row["date_of_birth"],
        "appointments": f"{url(call, 'contacts', row['roster_id'])}appointments/",
        "custom_field_names": organisation.custom_fields,
        "custom_field_values": row["custom_field_values"],
    }


def listed_contact(organisation: Organisation, call: Call, row: Json) -> Json:
    """A contact as a list item: fewer keys (O30)."""
    full = contact(organisation, call, row)
    keys = ["url", "name", "email", "phone", "sex", "date_of_birth", "custom_field_names"]
    keys += ["custom_field_values", "appointments"]
    if not organisation.behaviours.on("contacts_list_email"):
        keys.remove("email")
    return {key: full[key] for key in keys}


def provider(organisation: Organisation, call: Call, row: Json) -> Json:
    """A provider as an answer shows it (O36)."""
    divisions = [url(call, "divisions", division) for division in row["divisions"]]
    objects = organisation.behaviours.word("memberships") == "objects"
    return {
        "url": url(call, "providers", row["id"]),
        "full_name": row["full_name"],
        "email": row["email"],
        "memberships": [{"division": one} for one in divisions] if objects else divisions,
    }
