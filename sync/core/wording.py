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
_NOT_FIELDS = frozenset({"detail", "error", "errors", "message", "non_field_errors"})


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
    """Give the names in `{"field": ["message"]}`; what does not look like a name is left out."""
    if not isinstance(json, dict):
        return ()
    named = {key for key, messages in json.items() if isinstance(messages, list | dict)}
    names = (key for key in named - _NOT_FIELDS if _FIELD_NAME.fullmatch(key))
    return tuple(sorted(names)[:20])


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
