"""What may be read out of a remote's error: a closed set of patterns, field names, a time, an id.

Error bodies can quote a patient's name or address, so their text goes no further than this module.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from sync.core.texts import plain

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# DrChrono's limit ends at the top of the hour, OnCall's is unknown: no answer closes us for longer.
LONGEST_THROTTLE = timedelta(days=1)

_OVERLAP = re.compile(
    r"overlaps with\s+(?:appointment\s+)?#?([0-9][0-9_\-]{0,39})\b", re.IGNORECASE
)
_AVAILABLE_IN = re.compile(r"available in\s+(\d{1,7}(?:\.\d+)?)\s*second", re.IGNORECASE)
DUPLICATE = re.compile(r"potential duplicate patient", re.IGNORECASE)
THROTTLE = re.compile(r"\bthrottled\b|\brate limit|\btoo many requests", re.IGNORECASE)
NO_CREDENTIALS = re.compile(
    r"credentials were not provided|(invalid|incorrect) (authentication|token|api key|credentials)",
    re.IGNORECASE,
)
BAD_UUID = re.compile(r"invalid uuid", re.IGNORECASE)
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NOT_FIELDS = frozenset({"code", "detail", "error", "errors", "message", "non_field_errors"})
# What the errors of all fields may be wrapped in.
_WRAPPER = "errors"
_DEEPEST = 3


def words(json: Json) -> str:
    """Give all strings of an error body, at most three levels deep, to look for the patterns in."""
    found: list[str] = []
    level: list[Json] = [json]
    for _ in range(4):
        found += [value for value in level if isinstance(value, str)]
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return "\n".join(plain(one[:4000]) for one in found)[:4000]


def overlapping_id(text: str) -> str | None:
    """Give the id in "Appointment overlaps with <id>"; ids are digits, or `<date>_<id>`."""
    match = _OVERLAP.search(text)
    return match.group(1) if match else None


def field_names(json: Json) -> tuple[str, ...]:
    """Give the names in `{"field": ["message"]}`; what does not look like a name is left out.

    Those of a field's own objects come with it: "participants.email" for
    `{"participants": [{}, {"email": ["message"]}]}`. `{"errors": {…}}` is read too.
    """
    return tuple(sorted({path for path, _place in _complaints(json)})[:20])


def places(json: Json) -> tuple[tuple[str, int], ...]:
    """Give which objects of a list are complained about: the field, and the place from 0."""
    found = {(path.partition(".")[0], at) for path, at in _complaints(json) if at is not None}
    return tuple(sorted(found)[:50])


def _complaints(json: Json, depth: int = 0) -> list[tuple[str, int | None]]:
    """Each field's path with the place in its list, where it is in one."""
    found: list[tuple[str, int | None]] = []
    if not isinstance(json, dict) or depth > _DEEPEST:
        return found
    for key, value in json.items():
        if key == _WRAPPER:
            found += _complaints(value, depth + 1)
        elif _FIELD_NAME.fullmatch(key) and key not in _NOT_FIELDS:
            found += _of_field(key, value, depth)
    return found


def _of_field(key: str, value: Json, depth: int) -> list[tuple[str, int | None]]:
    if isinstance(value, dict):
        inner = _complaints(value, depth + 1)
        return [(f"{key}.{path}", None) for path, _place in inner] or [(key, None)]
    found: list[tuple[str, int | None]] = []
    for at, one in enumerate(value if isinstance(value, list) else ()):
        if isinstance(one, dict):
            found += [(f"{key}.{path}", at) for path, _place in _complaints(one, depth + 1)]
    return found or [(key, None)]


def retry_at(headers: Mapping[str, str], text: str, now: datetime) -> datetime | None:
    """Give when to come back: Retry-After in seconds or as a date, else DrChrono's own sentence."""
    header = headers.get("retry-after", "").strip()
    stated: datetime | None = None
    if re.fullmatch(r"\d{1,9}", header):
        stated = now + timedelta(seconds=int(header))
    elif header:
        stated = _http_date(header)
    if stated is None and (match := _AVAILABLE_IN.search(text)):
        stated = now + timedelta(seconds=float(match.group(1)))
    if stated is None:
        return None
    return min(max(stated, now + timedelta(seconds=1)), now + LONGEST_THROTTLE)


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
