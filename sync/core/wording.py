"""Read a closed set of things out of an error body: field names, a time, an id.

Error bodies can quote a patient's name or address, so their text goes no further than this module.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from sync.core.texts import PlainText, plain

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# DrChrono's limit ends at the top of the hour (docs/api-facts.md, D9), OnCall's is unknown (O7): no
# answer closes a system for longer.
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
# What the complaints of all fields, or of one, may be wrapped in; alone they name nothing.
_WRAPPERS = frozenset(
    {"code", "data", "detail", "details", "error", "errors", "field_errors", "fields", "message"}
    | {"messages", "non_field_errors", "validation_errors"}
)
_DEEPEST = 5
_LONGEST_LIST = 100
# What a sentence is about where no field is named, by our names of fields that can be left out.
_SPOKEN = {
    "phone": re.compile(r"\b(?:tele)?phone\b|\bmobile number\b", re.IGNORECASE),
    "birth_date": re.compile(r"\bbirth ?date\b|\bdate of birth\b|\bDOB\b", re.IGNORECASE),
    "sex": re.compile(r"\bsex\b|\bgender\b", re.IGNORECASE),
    "marker": re.compile(r"\bcustom (?:field|demographic)s?\b|\bmetadata\b", re.IGNORECASE),
}


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
    `{"participants": [{}, {"email": ["message"]}]}`, in dotted names too. Where no field is named,
    what the sentences are about (`_SPOKEN`).
    """
    named = {path for path, _place in _complaints(json)}
    if not named:
        said = words(json)
        named = {name for name, pattern in _SPOKEN.items() if pattern.search(said)}
    return tuple(sorted(named)[:20])


def places(json: Json) -> tuple[tuple[str, int], ...]:
    """Give which objects of a list are complained about: the field, and the place from 0."""
    found = {(path.partition(".")[0], at) for path, at in _complaints(json) if at is not None}
    return tuple(sorted(found)[:50])


def _complaints(json: Json) -> list[tuple[str, int | None]]:
    """Each field's path with the place in its list, where it is in one."""
    found: list[tuple[str, int | None]] = []
    for steps in _paths(json, (), 0):
        names = [one for one in steps if isinstance(one, str)]
        at = steps[1] if len(steps) > 1 else None
        place = at if isinstance(at, int) and at < _LONGEST_LIST else None  # else a key, or an id
        if names and isinstance(steps[0], str):
            found.append((".".join(names), place))
    return found


_Steps: TypeAlias = "tuple[str | int, ...]"


def _paths(json: Json, above: _Steps, depth: int) -> list[_Steps]:
    """The way to each complaint below: names of fields, and places in lists."""
    if depth > _DEEPEST:
        return []
    if isinstance(json, list):
        below = [_paths(one, (*above, at) if above else (), depth + 1)
                 for at, one in enumerate(json) if isinstance(one, dict | list)]  # fmt: skip
        return [steps for some in below for steps in some]
    if not isinstance(json, dict):
        return []
    found: list[_Steps] = []
    for key, value in json.items():
        steps = _steps(key)
        if not steps or not isinstance(value, str | list | dict):
            continue
        own = (*above, *(one for one in steps if one not in _WRAPPERS))
        inner = _paths(value, own, depth + 1)
        in_list = bool(above) and isinstance(above[-1], int)
        found += inner or ([own] if own != above or in_list else [])
    return found


def _steps(key: str) -> _Steps:
    """The names and places in `a.b`, `a[0].b` or `aB`; empty for what is no name."""
    parts = [part for part in re.split(r"[.\[\]]", key[:200]) if part]
    plain = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower() for part in parts]
    if not all(part.isdecimal() or _FIELD_NAME.fullmatch(part) for part in plain):
        return ()
    return tuple(int(part) if part.isdecimal() and len(part) < 9 else part for part in plain)


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


def as_sent(value: Json) -> Json:
    """A value of a wire form with each text as its remote sent it."""
    if isinstance(value, PlainText):
        return value.sent
    if isinstance(value, list):
        return [as_sent(one) for one in value]
    return value
