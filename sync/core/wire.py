"""Read one key of a remote's JSON: sent, not sent (ABSENT), or malformed.

Every text from outside is read here in its plain form (`core.texts`), and every e-mail address in
its one form. A value of the wrong kind raises MalformedError, which names the key only: the value
may be personal.
"""

from collections.abc import Mapping
from typing import Final

from sync.core import addresses
from sync.core.records import ABSENT, Absent, Maybe
from sync.core.texts import PlainText, plain
from sync.core.wording import Json

_TOO_LARGE: Final = 10**9
_LONGEST_TEXT: Final = 40  # characters of a number with blanks around it

# In place of a value that can't be read where the rest of its object can.
UNREADABLE: Final = "unreadable"


class MalformedError(ValueError):
    """A value is of no usable kind. `field` is the remote's name for it."""

    def __init__(self, field: str, wanted: str) -> None:
        """Name the field and what was wanted, never what came."""
        super().__init__(f"{field} is not {wanted}")
        self.field = field


def record(json: Json, what: str) -> Mapping[str, Json]:
    """The JSON as an object, or Malformed."""
    if not isinstance(json, dict):
        raise MalformedError(what, "an object")
    return json


def text(json: Mapping[str, Json], key: str) -> Maybe[str]:
    """A string, plain; null is an empty one (DrChrono's unset strings are "", OnCall's null)."""
    value = json.get(key, ABSENT)
    if type(value) is not str:
        value = verbatim(json, key)
    return ABSENT if isinstance(value, Absent) else PlainText.of(plain(value), value)


def verbatim(json: Mapping[str, Json], key: str) -> Maybe[str]:
    """A text of several lines that is written back as it was read: a chart's notes."""
    value = json.get(key, ABSENT)
    if isinstance(value, Absent):
        return ABSENT
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MalformedError(key, "text")
    return str(value)


def address(json: Mapping[str, Json], key: str) -> Maybe[str]:
    """An e-mail in its one form where it is surely one (`core.addresses`), else its plain text."""
    value = verbatim(json, key)
    return ABSENT if isinstance(value, Absent) else PlainText.of(addresses.form(value), value)


def identity(json: Mapping[str, Json], key: str) -> Maybe[str | None]:
    """An id: the same one is a string here and a number there (docs/api-facts.md, D23)."""
    value = json.get(key, ABSENT)
    if isinstance(value, Absent):
        return ABSENT
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MalformedError(key, "an id")
    return plain(str(value)) or None


def required_id(json: Mapping[str, Json], key: str = "id") -> str:
    """An id that must be there."""
    value = identity(json, key)
    if not value:
        raise MalformedError(key, "an id")
    return value


def whole(json: Mapping[str, Json], key: str) -> Maybe[int]:
    """A whole number of at most nine digits, also as text or a float without fraction.

    null counts as not sent. A longer one would fail in what is made of it: a date, a column, and
    Python itself refuses to read more than 4,300 digits.
    """
    value = json.get(key, ABSENT)
    if isinstance(value, Absent) or value is None:
        return ABSENT
    if isinstance(value, str | float) and _says_whole(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _TOO_LARGE:
        raise MalformedError(key, "a whole number")
    return value


def _says_whole(value: str | float) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return len(value) <= _LONGEST_TEXT and value.strip().isdecimal()


def length(json: Mapping[str, Json], key: str) -> Maybe[Json]:
    """A length as it was sent: in whole minutes, null too, or UNREADABLE.

    `plausible.minutes` says what it means. A length that can't be read must not keep the rest from
    being read, and its change must be noticed.
    """
    try:
        value = whole(json, key)
    except MalformedError:
        return UNREADABLE
    return json.get(key, ABSENT) if isinstance(value, Absent) else value


def flag(json: Mapping[str, Json], key: str) -> Maybe[bool]:
    """A boolean; null counts as not sent."""
    value = json.get(key, ABSENT)
    if isinstance(value, Absent) or value is None:
        return ABSENT
    if not isinstance(value, bool):
        raise MalformedError(key, "true or false")
    return value


def items(json: Mapping[str, Json], key: str) -> Maybe[list[Mapping[str, Json]]]:
    """A list of objects; null counts as not sent."""
    value = json.get(key, ABSENT)
    if isinstance(value, Absent) or value is None:
        return ABSENT
    if not isinstance(value, list):
        raise MalformedError(key, "a list")
    return [record(item, key) for item in value]


def sent(**fields: Maybe[Json]) -> dict[str, Json]:
    """The fields that were sent, by our name for them."""
    return {name: value for name, value in fields.items() if not isinstance(value, Absent)}
