"""Read the phone number or the birth date that somebody typed, where it has one reading.

One with several readings is ABSENT: it is not written to the other system, and it does not keep the
person from being synced.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from sync.core import wire
from sync.core.records import ABSENT, Absent
from sync.core.rules.plausible import FIRST_BIRTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.core.records import Maybe
    from sync.core.wording import Json

# Whose numbers are written without a country: DrChrono is used in the United States, OnCall there
# and in Canada, which share one numbering plan.
_HOME: Final = "US"
_HOME_CODE: Final = 1
# Written with the month as a word, a date has one reading; so has one with the year first.
_SURE_DAYS: Final = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y", "%d %B %Y", "%d %b %Y", "%d-%b-%Y"),
)
_MONTH_FIRST: Final = ("%m/%d/%Y", "%m-%d-%Y")
_NUMBER: Final = re.compile(r"(?i)[\d\s()+.\-]+(?:(?:x|ext\.?)\s*\d{1,6})?\s*")


def phone(*texts: str) -> Maybe[str]:
    """The one number that is surely in the first text with one; "" when all are empty.

    Digits without a North American 1 and without an extension; other countries keep their `+`.
    ABSENT when something is written there that holds no number, or several.
    """
    if not any(text.strip() for text in texts):
        return ""
    for text in texts:
        found = _numbers(text)
        if len(found) == 1:
            return found.pop()
    return ABSENT


def _numbers(text: str) -> set[str]:
    """The numbers in a text: of one that is nothing else, whatever has a number's length."""
    # With its tables 2 MB and a tenth of a process's start; a door or a command reads no number.
    import phonenumbers

    if _NUMBER.fullmatch(text):
        try:
            number = phonenumbers.parse(text, _HOME)
        except phonenumbers.NumberParseException:
            return set()
        found = phonenumbers.is_possible_number_with_reason(number)
        possible = found == phonenumbers.ValidationResult.IS_POSSIBLE
        filled_up = len(set(str(number.national_number))) == 1  # 000-000-0000, 999-999-9999
        numbers = [number] if possible and not filled_up else []
    else:
        numbers = [match.number for match in phonenumbers.PhoneNumberMatcher(text, _HOME)]
    return {
        _plain(number.country_code, phonenumbers.national_significant_number(number))
        for number in numbers
    }


def _plain(country: int | None, digits: str) -> str:
    return digits if country == _HOME_CODE else f"+{country}{digits}"


def birth_date(json: Mapping[str, Json], key: str) -> Maybe[date | None]:
    """A date that has one reading, None when it was sent empty, ABSENT when it has several.

    ABSENT too when nobody who lives is as old (`odd_birth_date`).
    """
    said = _said(json, key)
    return ABSENT if isinstance(said, date) and said < FIRST_BIRTH else said


def odd_birth_date(json: Mapping[str, Json], key: str) -> bool:
    """Whether a date is said at which nobody who lives was born."""
    said = _said(json, key)
    return isinstance(said, date) and said < FIRST_BIRTH


def _said(json: Mapping[str, Json], key: str) -> Maybe[date | None]:
    value = json.get(key, ABSENT)
    if isinstance(value, Absent):
        return ABSENT
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return ABSENT
    return _day(" ".join(value.split()))


def _day(text: str) -> Maybe[date | None]:
    if not text:
        return None
    found: date | None = None
    for form in _SURE_DAYS:
        found = found or _parsed(text, form)
    found = found or _parsed(text[:10], "%Y-%m-%d")  # with a time behind it
    if found is None:
        # 05/16/1984 can't be the fifth of a sixteenth month; 05/06/1984 could be either day.
        found = next(filter(None, (_parsed(text, form) for form in _MONTH_FIRST)), None)
        if found is not None and found.day <= 12 and found.day != found.month:
            return ABSENT
    return ABSENT if found is None else found


def _parsed(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def text(json: Mapping[str, Json], key: str) -> Maybe[str]:
    """An optional field's text; one of another kind than text is as good as not sent."""
    try:
        return wire.text(json, key)
    except wire.MalformedError:
        return ABSENT
