"""Build request bodies for OnCall from our terms.

A body holds only what is given. `metadata`, `custom_field_values` and `participants` are written
whole: whether a PATCH merges or replaces them is unknown (docs/api-facts.md, O21, O24, O32).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from sync.core.markers import marker_text, parse_marker
from sync.core.records import ABSENT, Absent, Life, Marker, Maybe, State, VisitType
from sync.core.rules.lifecycle import oncall_words
from sync.core.rules.people import full_name
from sync.core.times import format_utc
from sync.core.wire import MalformedError, items
from sync.core.wording import Json
from sync.mapping import Mapping as VisitMapping
from sync.mapping import UnmappedError

# A POST takes no more participants (O10).
MOST_PARTICIPANTS: Final = 25
METADATA_KEY: Final = "drchrono_oncall"
# What a participant may be given, and the url that says which one it is (O23, O24).
_KEPT: Final = frozenset({"url", "email", "name", "first_name", "last_name", "fee", "cancelled"})
_SEX: Final = {"male": "male", "female": "female"}


def url_of(base_url: str, collection: str, remote_id: str) -> str:
    """The address by which OnCall names one of its own objects, with the trailing slash."""
    return f"{base_url.rstrip('/')}/{collection}/{remote_id}/"


def appointment_body(
    changes: Mapping[str, object], *, base_url: str, mapping: VisitMapping
) -> dict[str, Json]:
    """The body of an appointment POST or PATCH.

    `changes` by our names: starts (aware), minutes, type, provider (a DrChrono doctor's id; brings
    provider and division), state (State or Life), and for a new one title. Participants and
    metadata are added from `participants_with` and `with_marker`. A life that may not be written
    (no-shows and completions without fee_bearing_writes) adds nothing. Raises UnmappedError for a
    doctor who has no provider, ValueError for an unknown name.
    """
    body: dict[str, Json] = {}
    for name, value in changes.items():
        if name == "provider":
            body |= owner(str(value), base_url=base_url, mapping=mapping)
        elif name == "state":
            life = value.life if isinstance(value, State) else Life(str(value))
            body |= oncall_words(life, fees=mapping.policy.fee_bearing_writes) or {}
        elif name in _APPOINTMENT:
            key, form = _APPOINTMENT[name]
            body[key] = form(value)
        else:
            raise ValueError(f"{name} is no field of a visit")
    return body


def owner(doctor: str, *, base_url: str, mapping: VisitMapping) -> dict[str, Json]:
    """`provider` and `division` as URLs, for that DrChrono doctor. Raises UnmappedError."""
    entry = mapping.doctor(doctor)
    if entry is None:
        raise UnmappedError(f"doctors: {doctor}")
    return {
        "provider": url_of(base_url, "providers", entry.oncall_provider),
        "division": url_of(base_url, "divisions", entry.oncall_division),
    }


def participant_body(changes: Mapping[str, object]) -> dict[str, Json]:
    """The body of a participant PATCH, or an item for a new one.

    `changes` by our names: first_name, last_name, email, state (State or Life). With both names
    given, `name` is written too: whether OnCall derives it is unknown. Raises ValueError.
    """
    return _named(changes, _PARTICIPANT)


def contact_body(
    changes: Mapping[str, object], *, base_url: str, mapping: VisitMapping
) -> dict[str, Json]:
    """The body of a contact POST or PATCH.

    `changes` by our names: first_name, last_name, email, phone, birth_date (date or None), sex, and
    for a new one provider (a DrChrono doctor's id): provider and division are mandatory there.
    Raises UnmappedError, ValueError.
    """
    rest = {name: value for name, value in changes.items() if name != "provider"}
    body = _named(rest, _CONTACT)
    if "provider" in changes:
        body |= owner(str(changes["provider"]), base_url=base_url, mapping=mapping)
    return body


def _named(changes: Mapping[str, object], forms: Mapping[str, "_Form"]) -> dict[str, Json]:
    body: dict[str, Json] = {}
    for name, value in changes.items():
        if name not in forms:
            raise ValueError(f"{name} can't be written there")
        key, form = forms[name]
        body[key] = form(value)
    if "first_name" in changes and "last_name" in changes:
        body["name"] = full_name(str(changes["first_name"]), str(changes["last_name"]))
    return body


def participants_with(
    json: Mapping[str, Json], added: Sequence[dict[str, Json]], *, urls_only: bool = False
) -> list[Json]:
    """The visit's whole list of participants with new ones at its end.

    Existing ones go back as they were read (fee too), by their `url` alone where `urls_only`; who
    is cancelled is left out where there is no room. Raises MalformedError when the list was not
    read, ValueError when more than 25 would come.
    """
    existing = items(json, "participants")
    if isinstance(existing, Absent):
        raise MalformedError("participants", "a list that was read")
    over = len(existing) + len(added) - MOST_PARTICIPANTS
    if over > 0:
        cancelled = [one for one in existing if one.get("cancelled") is True][:over]
        existing = [one for one in existing if one not in cancelled]
    if len(existing) + len(added) > MOST_PARTICIPANTS:
        raise ValueError(f"OnCall takes at most {MOST_PARTICIPANTS} participants")
    kept = {"url"} if urls_only else _KEPT
    old: list[Json] = [
        {key: one[key] for key in one if key in kept and _may_go_back(key, one[key])}
        for one in existing
    ]
    return old + [dict(one) for one in added]


def _may_go_back(key: str, value: Json) -> bool:
    """Not `cancelled: false`: who was cancelled since the list was read would come back."""
    return key != "cancelled" or value is True


def with_marker(existing: Json, marker: Marker) -> dict[str, Json]:
    """The whole `metadata` with `marker`, every foreign key kept. `existing` None: there is none.

    Raises MalformedError when it holds something other than an object.
    """
    if not isinstance(existing, dict | None):
        raise MalformedError("metadata", "an object")
    return {**(existing or {}), METADATA_KEY: marker_text(marker)}


def read_marker(json: Mapping[str, Json]) -> Maybe[Marker | None]:
    """The marker in an appointment's `metadata`; ABSENT when that was not returned."""
    metadata = json.get("metadata", ABSENT)
    if isinstance(metadata, Absent):
        return ABSENT
    return parse_marker(metadata.get(METADATA_KEY)) if isinstance(metadata, dict) else None


def with_contact_marker(existing: Json, field_id: str, marker: Marker) -> dict[str, Json]:
    """The whole `custom_field_values` with `marker` under `field_id`, every other value kept.

    Raises MalformedError when it holds something other than an object.
    """
    if not isinstance(existing, dict | None):
        raise MalformedError("custom_field_values", "an object")
    return {**(existing or {}), field_id: marker_text(marker)}


def read_contact_marker(
    json: Mapping[str, Json], field_id: str | None = None
) -> Maybe[Marker | None]:
    """The marker in a contact's custom fields; ABSENT when they were not returned.

    Without `field_id` any field that holds a marker counts.
    """
    values = json.get("custom_field_values", ABSENT)
    if isinstance(values, Absent):
        return ABSENT
    if not isinstance(values, dict):
        return None
    chosen = values.values() if field_id is None else [values.get(field_id)]
    return next(filter(None, map(parse_marker, chosen)), None)


def _text(value: object) -> Json:
    return "" if value is None else str(value)


def _minutes(value: object) -> Json:
    return int(str(value))


def _instant(value: object) -> Json:
    if not isinstance(value, datetime):
        raise ValueError("starts is not a time")  # noqa: TRY004 - one kind of error for callers
    return format_utc(value)


def _type(value: object) -> Json:
    return VisitType(str(value)).value


def _date(value: object) -> Json:
    return value.isoformat() if isinstance(value, date) else None


def _sex(value: object) -> Json:
    return _SEX.get(str(value or ""), "Unknown")


def _cancelled(value: object) -> Json:
    life = value.life if isinstance(value, State) else Life(str(value))
    return life in {Life.CANCELLED, Life.DELETED, Life.RESCHEDULED}


_Form = tuple[str, Callable[[object], Json]]
_APPOINTMENT: Final[Mapping[str, _Form]] = {
    "title": ("title", _text),
    "starts": ("datetime", _instant),
    "minutes": ("duration", _minutes),
    "type": ("type", _type),
}
_PARTICIPANT: Final[Mapping[str, _Form]] = {
    "first_name": ("first_name", _text),
    "last_name": ("last_name", _text),
    "email": ("email", _text),
    "state": ("cancelled", _cancelled),
}
_CONTACT: Final[Mapping[str, _Form]] = {
    "first_name": ("first_name", _text),
    "last_name": ("last_name", _text),
    "email": ("email", _text),
    "phone": ("phone", _text),
    "birth_date": ("date_of_birth", _date),
    "sex": ("sex", _sex),
}
