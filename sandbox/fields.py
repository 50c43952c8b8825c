"""Check a written object field by field, with errors in the form that both APIs use.

Field errors are `{"field": ["message"]}` (docs/api-facts.md, D12, O6), worded as by Django REST
framework.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, TypeVar

from sandbox.answers import Json, Refusal

# A database's integer, and the years a calendar is asked for: beyond them nothing is computed.
LARGEST = 2**31 - 1
YEARS = range(1900, 2200)

Day = TypeVar("Day", date, datetime)

# Text pasted from web pages and spreadsheets brings these along (Unicode, category Cf). Whether
# either API keeps, strips or refuses them is unknown (D52), and other systems differ
# (validatorjs/validator.js#940, mikel/mail#1173, knadh/listmonk#1845).
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
KEEP = "keep"
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Fields:
    """Reads the known fields of one body into `values`, and collects the errors.

    `partial` is a PATCH: what is not sent is not required. Unknown fields are ignored. `invisible`
    says what becomes of format characters in texts: keep, strip, refuse.
    """

    def __init__(self, data: Any, *, partial: bool, invisible: str = KEEP) -> None:
        if not isinstance(data, dict):
            kind = type(data).__name__
            message = f"Invalid data. Expected a dictionary, but got {kind}."
            raise Refusal(400, {"non_field_errors": [message]})
        self.data: Json = data
        self.partial = partial
        self.invisible = invisible
        self.values: Json = {}
        self.errors: dict[str, list[str]] = {}

    def fail(self, name: str, message: str) -> None:
        """Note an error of one field."""
        self.errors.setdefault(name, []).append(message)

    def sent(self, name: str, *, required: bool = False, null: bool = False) -> bool:
        """Whether the field holds something to check; notes missing and null ones."""
        if name not in self.data:
            if required and not self.partial:
                self.fail(name, "This field is required.")
            return False
        if self.data[name] is None:
            if null:
                self.values[name] = None
            else:
                self.fail(name, "This field may not be null.")
            return False
        return True

    def text(
        self,
        name: str,
        *,
        required: bool = False,
        null: bool = False,
        longest: int | None = None,
        blank: bool = True,
    ) -> None:
        """A string; `longest` in characters."""
        if not self.sent(name, required=required, null=null):
            return
        value = self.data[name]
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.fail(name, "Not a valid string.")
        elif longest is not None and len(str(value)) > longest:
            self.fail(name, f"Ensure this field has no more than {longest} characters.")
        elif not blank and not str(value).strip():
            self.fail(name, "This field may not be blank.")
        else:
            self._keep(name, str(value))

    def _keep(self, name: str, text: str) -> None:
        if self.invisible == "refuse" and INVISIBLE.search(text):
            self.fail(name, "Enter a valid value.")
        else:
            self.values[name] = text if self.invisible == KEEP else INVISIBLE.sub("", text)

    def choice(
        self, name: str, words: tuple[str, ...], *, required: bool = False, null: bool = False
    ) -> None:
        """One of `words`."""
        if not self.sent(name, required=required, null=null):
            return
        value = self.data[name]
        if value in words:
            self.values[name] = value
        else:
            self.fail(name, f'"{value}" is not a valid choice.')

    def integer(
        self,
        name: str,
        *,
        required: bool = False,
        null: bool = False,
        least: int | None = None,
        most: int = LARGEST,
    ) -> None:
        """A whole number; forms send it as digits."""
        if not self.sent(name, required=required, null=null):
            return
        value = as_integer(self.data[name])
        if value is None:
            self.fail(name, "A valid integer is required.")
        elif least is not None and value < least:
            self.fail(name, f"Ensure this value is greater than or equal to {least}.")
        elif value > most:
            self.fail(name, f"Ensure this value is less than or equal to {most}.")
        else:
            self.values[name] = value

    def boolean(self, name: str) -> None:
        """True or false; forms send it as a word."""
        if not self.sent(name):
            return
        words = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
        value = self.data[name]
        if isinstance(value, bool | str) and value in words:
            self.values[name] = words[value]
        else:
            self.fail(name, "Must be a valid boolean.")

    def day(self, name: str) -> None:
        """An ISO date, null, or "" (which both mean unset)."""
        if not self.sent(name, null=True):
            return
        value = self.data[name]
        if value == "":
            self.values[name] = None
            return
        try:
            self.values[name] = day_of(value).isoformat()
        except (TypeError, ValueError):
            self.fail(name, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.")

    def moment(self, name: str, *, required: bool = False) -> None:
        """An ISO 8601 time, kept as datetime: naive or aware as it was sent."""
        if not self.sent(name, required=required):
            return
        try:
            self.values[name] = _calendar(datetime.fromisoformat(self.data[name]))
        except (TypeError, ValueError):
            self.fail(name, "Datetime has wrong format.")

    def email(self, name: str, *, null: bool = False, checked: bool = True) -> None:
        """An e-mail address or "" for none; any text where it is not `checked`."""
        if not self.sent(name, null=null):
            return
        value = self.data[name]
        if isinstance(value, str) and (value == "" or not checked or EMAIL.fullmatch(value)):
            self._keep(name, value)
        else:
            self.fail(name, "Enter a valid email address.")

    def done(self) -> Json:
        """The checked values; raises Refusal 400 with all errors noted."""
        if self.errors:
            raise Refusal(400, self.errors)
        return self.values


def day_of(text: str) -> date:
    """An ISO date; ValueError for another text or a year beyond the calendar."""
    return _calendar(date.fromisoformat(text))


def _calendar(when: Day) -> Day:
    if when.year not in YEARS:
        raise ValueError(f"the year {when.year} is beyond the calendar")
    return when


def as_integer(value: Any) -> int | None:
    """A whole number from JSON or from a form, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    return None
