"""Translate OnCall's JSON to our terms: pure functions of JSON and mapping.

The fields mean what docs/api-facts.md says of them (O9 to O16, O41). Ids come from `url`: in a
sample the `id` is not the one in the `url` (O30). A contact's `notes` never enter a record.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sync.core import readings
from sync.core import wire as read
from sync.core.addresses import USUAL_TABLE, Table
from sync.core.records import (
    ABSENT,
    ONCALL,
    Absent,
    Attendee,
    Maybe,
    Person,
    State,
    Visit,
    VisitType,
    present,
)
from sync.core.rules import plausible
from sync.core.rules.lifecycle import oncall_state
from sync.core.rules.people import is_surely_split, split_name
from sync.core.times import TimeFormatError, format_utc, parse_utc
from sync.core.wording import Json
from sync.mapping import Mapping as VisitMapping
from sync.oncall import translate as oncall
from sync.oncall.bodies import (
    MOST_PARTICIPANTS,
    appointment_body,
    contact_body,
    participant_body,
    participants_with,
    read_contact_marker,
    read_marker,
    url_of,
    with_contact_marker,
    with_marker,
)

__all__ = [
    "MOST_PARTICIPANTS",
    "appointment_body",
    "contact_body",
    "id_from_url",
    "participant_body",
    "participants_with",
    "read_contact_marker",
    "read_marker",
    "to_attendee",
    "to_person",
    "to_visit",
    "url_of",
    "wire",
    "with_contact_marker",
    "with_marker",
]

_ID: Final = re.compile(r"(?=[A-Za-z-]*[0-9])[0-9A-Za-z-]{1,64}")
_TYPES: Final = {each.value: each for each in VisitType}
_SEX: Final = {"male": "male", "female": "female", "other": "other"}


def id_from_url(url: str, collection: str | None = None) -> str:
    """Give the id at the end of an OnCall URL, on any host, with or without the trailing slash.

    With `collection` ("appointments") the URL must be of that kind. It is only parsed, never
    fetched. Raises MalformedError.
    """
    try:
        parts = urlsplit(url).path.strip("/").split("/")
    except ValueError:
        raise read.MalformedError("url", "an address with an id") from None
    if len(parts) < 2 or not _ID.fullmatch(parts[-1]):
        raise read.MalformedError("url", "an address with an id")
    if collection is not None and parts[-2] != collection:
        raise read.MalformedError("url", f"an address of {collection}")
    return parts[-1]


def wire(kind: str, json: Json) -> dict[str, Json]:
    """Give OnCall's own values by our field names, only for fields that were sent.

    `kind` is "appointment", "participant" or "contact". Digests are made of these values, so no
    mapping is needed. Times are in one form, as OnCall writes one instant in several (O20). Raises
    MalformedError.
    """
    sent = read.record(json, kind)
    if kind == "participant":
        return read.sent(
            first_name=read.text(sent, "first_name"),
            last_name=read.text(sent, "last_name"),
            email=read.address(sent, "email"),
            state=read.flag(sent, "cancelled"),
        )
    if kind == "contact":
        return read.sent(
            first_name=read.text(sent, "first_name"),
            last_name=read.text(sent, "last_name"),
            email=read.address(sent, "email"),
            phone=readings.text(sent, "phone"),
            birth_date=readings.text(sent, "date_of_birth"),
            sex=readings.text(sent, "sex"),
        )
    starts, word = _starts(sent), read.text(sent, "type")
    return read.sent(
        starts=ABSENT if isinstance(starts, Absent) else format_utc(starts),
        minutes=read.length(sent, "duration"),
        type=ABSENT if isinstance(word, Absent) else word.casefold(),
        provider=_linked(sent, "provider") or ABSENT,
        state=_state_wire(sent),
    )


def _state_wire(sent: Mapping[str, Json]) -> Maybe[Json]:
    # A create answer lacks `status` (O12): a visit without it that is not cancelled has no known
    # state.
    status, cancelled = read.text(sent, "status"), bool(read.flag(sent, "cancelled"))
    if isinstance(status, Absent) and not cancelled:
        return ABSENT
    return [status.casefold() if isinstance(status, str) else None, cancelled]


def to_visit(json: Json, mapping: VisitMapping) -> Visit:
    """Read the visit in an appointment of any shape, with its attendees. Raises MalformedError."""
    sent = read.record(json, "appointment")
    provider, division = _linked(sent, "provider"), _linked(sent, "division")
    participants = read.items(sent, "participants")
    return Visit(
        system=ONCALL,
        remote_id=_own_id(sent),
        starts=_starts(sent),
        minutes=plausible.minutes(read.length(sent, "duration")),
        type=_type(sent),
        provider=mapping.doctor_for(provider, division) or ABSENT,
        state=_state(sent, mapping),
        attendees=tuple(
            to_attendee(dict(one), mapping.addresses) for one in present(participants, [])
        ),
        marker=read_marker(sent),
        provider_wire=provider,
        division=division,
    )


def to_attendee(json: Json, addresses: Table = USUAL_TABLE) -> Attendee:
    """The attendee in a participant of any shape. Raises MalformedError.

    A placeholder of `addresses` counts as no e-mail.
    """
    sent = read.record(json, "participants")
    first, last, guessed = _names(sent)
    return Attendee(
        remote_id=_own_id(sent),
        first_name=first,
        last_name=last,
        email=_email(sent, addresses),
        cancelled=read.flag(sent, "cancelled"),
        name_guessed=guessed,
    )


def to_person(json: Json, addresses: Table = USUAL_TABLE) -> Person:
    """The person in a contact of any shape. Raises MalformedError.

    A placeholder of `addresses` counts as no e-mail.
    """
    sent = read.record(json, "contact")
    first, last, guessed = _names(sent)
    phone, sex = readings.text(sent, "phone"), readings.text(sent, "sex")
    return Person(
        system=ONCALL,
        remote_id=_own_id(sent),
        kind="contact",
        first_name=first,
        last_name=last,
        email=_email(sent, addresses),
        phone=ABSENT if isinstance(phone, Absent) else readings.phone(phone),
        birth_date=readings.birth_date(sent, "date_of_birth"),
        odd=("birth_date",) if readings.odd_birth_date(sent, "date_of_birth") else (),
        sex=ABSENT if isinstance(sex, Absent) else _SEX.get(sex.casefold(), ""),
        provider=_linked(sent, "provider") or ABSENT,
        division=_linked(sent, "division") or ABSENT,
        marker=read_contact_marker(sent),
        name_guessed=guessed,
    )


def _own_id(sent: Mapping[str, Json]) -> str:
    url = read.text(sent, "url")
    return id_from_url(url) if url else read.required_id(sent)


def _linked(sent: Mapping[str, Json], key: str) -> str | None:
    """The id of a linked object: an address, a bare id, or an object with an address of its own."""
    value = sent.get(key)
    if isinstance(value, dict):
        return _own_id(value)
    found = present(read.identity(sent, key), None)
    return id_from_url(found) if found and "/" in found else found


def _starts(sent: Mapping[str, Json]) -> Maybe[datetime]:
    value = read.text(sent, "datetime")
    if not value:
        return ABSENT
    try:
        return parse_utc(value)
    except TimeFormatError:
        raise read.MalformedError("datetime", "a time with its offset") from None


def _type(sent: Mapping[str, Json]) -> Maybe[VisitType | None]:
    word = read.text(sent, "type")
    if isinstance(word, Absent):
        return ABSENT
    plain = re.sub(r"[\s_-]", "", word.casefold())
    # A message has no time and no counterpart in DrChrono (O9). Any other word is unknown.
    return None if plain == "message" else _TYPES.get(plain, ABSENT)


def _state(sent: Mapping[str, Json], mapping: VisitMapping) -> Maybe[State]:
    if isinstance(_state_wire(sent), Absent):
        return ABSENT
    status, cancelled = present(read.text(sent, "status"), ""), read.flag(sent, "cancelled")
    return oncall_state(status, cancelled=bool(cancelled), table=mapping.statuses)


def _names(sent: Mapping[str, Json]) -> tuple[Maybe[str], Maybe[str], bool]:
    """First and last name, and whether they are a guess.

    They are cut out of `name` where nothing else was sent or both are empty.
    """
    first, last = read.text(sent, "first_name"), read.text(sent, "last_name")
    name = present(read.text(sent, "name"), "")
    if not first and not last and name:
        return *split_name(name), not is_surely_split(name)
    return first, last, False


def _email(sent: Mapping[str, Json], addresses: Table) -> Maybe[str]:
    email = read.address(sent, "email")
    return ABSENT if isinstance(email, Absent) else addresses.mailbox(email)


def participants_wire(json: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    """The wire form of each participant in an answer, by its id."""
    items = json.get("participants")
    found = {}
    for item in items if isinstance(items, list) else []:
        found[oncall.to_attendee(item).remote_id] = oncall.wire("participant", item)
    return found
