"""Build request bodies for DrChrono from our terms.

A body holds only what is given, as PATCH changes only the keys that it names (D2). Lists of custom
fields are written whole: whether PATCH merges or replaces them is unknown (D31, D46). D… are facts
of docs/api-facts.md.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Final

from sync.core.markers import marker_text, parse_marker
from sync.core.records import ABSENT, Absent, CancelledBy, Life, Marker, Maybe, State, VisitType
from sync.core.rules.lifecycle import drchrono_word
from sync.core.times import to_wall
from sync.core.wire import MalformedError, items, record, verbatim
from sync.core.wording import Json
from sync.mapping import Mapping as VisitMapping
from sync.mapping import UnmappedError, ZoneUnknownError

_GENDER: Final = {"male": "Male", "female": "Female", "other": "Other", "": "UNK"}
# The same pair of keys under two names (D31, D46).
FIELD_LIST: Final = {"appointment": "custom_fields", "patient": "custom_demographics"}
FIELD_VALUE: Final = {"appointment": "field_value", "patient": "value"}
_READ_ONLY: Final = frozenset({"created_at", "updated_at"})


def appointment_body(
    changes: Mapping[str, object], *, doctor: str, mapping: VisitMapping
) -> dict[str, Json]:
    """The body of an appointment POST or PATCH.

    `changes` by our names: starts (aware), minutes, type, provider (a doctor's id), office,
    exam_room, patient, state (State or Life), overlapping (bool). `doctor` is whose the appointment
    will be: its wall clock and its profiles are used, so when the provider changes to another zone,
    starts must be among the changes. A changed provider brings that doctor's booking office unless
    `office` is given. Raises UnmappedError where the mapping lacks an answer, ValueError for an
    unknown name or a life that has no word.
    """
    body: dict[str, Json] = {}
    if "provider" in changes and "office" not in changes:
        changes = {**changes, "office": _booking_office(str(changes["provider"]), mapping)}
    for name, value in changes.items():
        if name == "starts":
            body["scheduled_time"] = _wall(value, doctor, mapping)
        elif name == "type":
            body["profile"] = int(mapping.booking_profile(doctor, VisitType(str(value))))
        elif name == "state":
            body["status"] = _status(value, mapping)
        elif name in _PLAIN:
            key, form = _PLAIN[name]
            body[key] = form(value)
        else:
            raise ValueError(f"{name} is no field of an appointment")
    return body


def patient_body(changes: Mapping[str, object]) -> dict[str, Json]:
    """The body of a patient POST or PATCH.

    `changes` by our names: first_name, last_name, email, phone (digits), birth_date (date or None),
    sex, doctor. A POST needs doctor and sex (D45); an unknown sex is written as UNK. Raises
    ValueError for an unknown name.
    """
    body: dict[str, Json] = {}
    for name, value in changes.items():
        if name not in _PATIENT:
            raise ValueError(f"{name} is no field of a patient")
        key, form = _PATIENT[name]
        body[key] = form(value)
    return body


def with_marker(
    kind: str, existing: Json, field_id: str, marker: Marker, *, link: str = ""
) -> list[Json]:
    """The whole list of custom fields with `marker` under `field_id`, every other entry kept.

    `kind` is "appointment" or "patient"; `existing` the list as it was read ([] for a new object);
    `link` the address before the marker. Raises MalformedError when no list was read: without it,
    writing could wipe the clinic's own fields.
    """
    if not isinstance(existing, list):
        raise MalformedError(FIELD_LIST[kind], "a list that was read")
    kept: list[Json] = []
    for item in existing:
        entry = record(item, FIELD_LIST[kind])
        if str(entry.get("field_type")) != field_id:
            kept.append({key: value for key, value in entry.items() if key not in _READ_ONLY})
    value = f"{link}#{marker_text(marker)}" if link else marker_text(marker)
    return [*kept, {"field_type": int(field_id), FIELD_VALUE[kind]: value}]


def read_marker(
    kind: str, json: Mapping[str, Json], field_id: str | None = None
) -> Maybe[Marker | None]:
    """The marker in an object's custom fields, None when there is none there.

    ABSENT when the list was not returned (it needs verbose=true). Without `field_id` any field that
    holds a marker counts: the field's own id differs from doctor to doctor.
    """
    entries = items(json, FIELD_LIST[kind])
    if isinstance(entries, Absent):
        return ABSENT
    for entry in entries:
        if field_id is None or str(entry.get("field_type")) == field_id:
            marker = parse_marker(entry.get(FIELD_VALUE[kind]))
            if marker is not None:
                return marker
    return None


def cancel_note(by: CancelledBy | None) -> str:
    """The line added to an appointment's notes when OnCall says who cancelled."""
    return f"Cancelled by {by} in OnCall" if by else "Cancelled in OnCall"


def with_note(json: Mapping[str, Json], line: str) -> str | None:
    """The whole notes with `line` below them; None when it stands there, or they weren't read."""
    notes = verbatim(json, "notes")
    if isinstance(notes, Absent) or line in notes.splitlines():
        return None
    return f"{notes}\n{line}" if notes else line


def _booking_office(doctor: str, mapping: VisitMapping) -> str:
    office = mapping.booking_office(doctor)
    if office is None:
        raise UnmappedError(f"booking_office of doctor {doctor}")
    return office


def _wall(value: object, doctor: str, mapping: VisitMapping) -> str:
    zone = mapping.zone(doctor)
    if zone is None:
        raise ZoneUnknownError(doctor)
    if not isinstance(value, datetime):
        raise ValueError("starts is not a time")  # noqa: TRY004 - one kind of error for callers
    return to_wall(value, zone)


def _status(value: object, mapping: VisitMapping) -> str:
    life = value.life if isinstance(value, State) else Life(str(value))
    word = drchrono_word(life, mapping.statuses)
    if word is None:
        raise ValueError(f"no DrChrono status stands for {life}")
    return word


def _number(value: object) -> Json:
    return None if value is None else int(str(value))


def _plain_text(value: object) -> Json:
    return "" if value is None else str(value)


def _truth(value: object) -> Json:
    return bool(value)


def _phone(value: object) -> Json:
    # The form in which DrChrono answers (D47), so that the echo equals what we wrote.
    digits = str(value or "")
    ten = re.fullmatch(r"(\d{3})(\d{3})(\d{4})", digits)
    return f"({ten[1]}) {ten[2]}-{ten[3]}" if ten else digits


def _gender(value: object) -> Json:
    return _GENDER.get(str(value or ""), "UNK")


def _date(value: object) -> Json:
    return value.isoformat() if isinstance(value, date) else None


_Form = Callable[[object], Json]
_PLAIN: Final[Mapping[str, tuple[str, _Form]]] = {
    "minutes": ("duration", _number),
    "provider": ("doctor", _number),
    "office": ("office", _number),
    "exam_room": ("exam_room", _number),
    "patient": ("patient", _number),
    "overlapping": ("allow_overlapping", _truth),
}
_PATIENT: Final[Mapping[str, tuple[str, _Form]]] = {
    "first_name": ("first_name", _plain_text),
    "last_name": ("last_name", _plain_text),
    "email": ("email", _plain_text),
    "phone": ("cell_phone", _phone),
    "birth_date": ("date_of_birth", _date),
    "sex": ("gender", _gender),
    "doctor": ("doctor", _number),
}
