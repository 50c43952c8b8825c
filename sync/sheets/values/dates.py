"""Read dates as a file writes them: one form for a whole column, never a guess for one cell.

03/04/1980 is two days. What tells them apart is the other cells of its column, or a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sync.core.texts import bare
from sync.sheets.errors import ChoiceError

# The forms, and how a person is asked for one. A form of two-digit years ends in 2.
TITLES: Final = {
    "ymd": "year-month-day (1980-12-31)",
    "mdy": "month/day/year (12/31/1980)",
    "dmy": "day/month/year (31/12/1980)",
    "month": "a month's name (31 Dec 1980)",
    "serial": "Excel's number of the day (29586)",
    "mdy2": "month/day/two-digit year (12/31/80; never in the future for a birth)",
    "dmy2": "day/month/two-digit year (31/12/80; never in the future for a birth)",
    "ymd2": "two-digit year/month/day (80/12/31; never in the future for a birth)",
    "month2": "a month's name with a two-digit year (31-Dec-80; never in the future for a birth)",
}
SHORT: Final = frozenset({"mdy2", "dmy2", "ymd2", "month2"})
_LONGEST: Final = 60
_YEARS: Final = range(1850, 2151)
# Excel counts days from here, for all days after its February 29th of 1900.
_EXCEL: Final = date(1899, 12, 30)
_SERIALS: Final = range(61, 91_000)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
_MONTH: Final = rf"(?P<name>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR: Final = r"(?P<year>\d{4}|'?\d{2})"
_GAP: Final = r"[\s,./-]+"
_WEEKDAY: Final = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_END: Final = r"(?![\d/])(?:[\sT,]+(?:at\s+)?(?P<rest>\S.*))?"
_FLAGS: Final = re.ASCII | re.IGNORECASE | re.DOTALL
_NUMERIC: Final = re.compile(
    rf"{_WEEKDAY}(?P<one>\d{{1,4}})\s*(?P<sign>[-/.])\s*(?P<two>\d{{1,2}})\s*(?P=sign)\s*"
    rf"(?P<three>\d{{1,4}}){_END}",
    _FLAGS,
)
_COMPACT: Final = re.compile(rf"(?P<all>\d{{8}}){_END}", _FLAGS)
_SERIAL: Final = re.compile(r"(?P<day>\d{2,5})(?:\.(?P<part>\d{1,12}))?", re.ASCII)
_NAMED: Final = (
    re.compile(rf"{_WEEKDAY}{_MONTH}{_GAP}{_DAY}{_GAP}{_YEAR}{_END}", _FLAGS),
    re.compile(rf"{_WEEKDAY}{_DAY}(?:{_GAP})?(?:of\s+)?{_MONTH}(?:{_GAP})?{_YEAR}{_END}", _FLAGS),
    re.compile(rf"(?P<year>\d{{4}}){_GAP}{_MONTH}{_GAP}{_DAY}{_END}", _FLAGS),
)


@dataclass(frozen=True, slots=True)
class Read:
    """A date in one form: its parts, and what stands behind it (a time). `year` may be short."""

    year: int
    month: int
    day: int
    short: bool = False
    rest: str = ""

    def date(self, today: date | None = None) -> date | None:
        """The day; None where there is none. A short year is of this century.

        With `today` (a birth) it is the latest one that is not in the future.
        """
        if not self.short:
            return _day(self.year, self.month, self.day)
        found = _day(2000 + self.year, self.month, self.day)
        if today is not None and (found is None or found > today):
            return _day(1900 + self.year, self.month, self.day)
        return found


def readings(cell: str) -> dict[str, Read]:
    """Each form in which a cell is a date, with what it then says; nothing where it is none."""
    text = bare(cell)
    if not 2 <= len(text) <= _LONGEST or not (text[0].isdigit() or text[0].isalpha()):
        return {}
    if text[0].isalpha() and not any(one.isdigit() for one in text):
        return {}
    found = _numeric(text) or _compact(text) or _serial(text) or _with_name(text)
    return {form: one for form, one in found.items() if _is_day(one)}


def read(cell: str, form: str) -> Read | None:
    """The date that a cell says in that form, None where it says none."""
    return readings(cell).get(form)


def named(text: str) -> str:
    """The form that a person names: `mdy`, `MM/DD/YYYY`, `%d.%m.%Y`, `iso`. Raises ChoiceError."""
    said = text.strip()
    if said.casefold() in TITLES:
        return said.casefold()
    spelt = _spelt(said)
    if spelt is None:
        raise ChoiceError("date_format_unknown", f"Choose a form of date: {', '.join(TITLES)}.")
    return spelt


def _spelt(said: str) -> str | None:
    words = " ".join(re.sub(r"[-_]", " ", said.casefold()).split())
    if words in _SPOKEN:
        return _SPOKEN[words]
    tokens = re.sub(r"%[bBh]", "MMM", said).replace("%Y", "yyyy").replace("%y", "yy")
    letters = re.sub(r"%[-#]?([dmeD])", r"\1", tokens).casefold()
    parts = re.findall(r"y+|m+|d+|e", letters)
    if (
        re.sub(r"[-/. ,ymde]", "", letters)
        or len(parts) != len({one[0] for one in parts})
        or len(parts) != 3
    ):
        return None
    short = "2" if "yy" in parts else ""
    if any(one.startswith("mmm") for one in parts):
        return f"month{short}"
    order = "".join(one[0] for one in parts).replace("e", "d")
    return f"{order}{short}" if f"{order}{short}" in TITLES else None


_SPOKEN: Final = {
    **dict.fromkeys(("iso", "iso 8601", "iso8601", "year first", "yearfirst"), "ymd"),
    **dict.fromkeys(("us", "month first", "monthfirst", "american", "month/day/year"), "mdy"),
    **dict.fromkeys(("eu", "uk", "day first", "dayfirst", "european", "day/month/year"), "dmy"),
    **dict.fromkeys(("month name", "name", "text"), "month"),
    **dict.fromkeys(("excel", "excel serial", "number"), "serial"),
}


def _numeric(text: str) -> dict[str, Read]:
    match = _NUMERIC.fullmatch(text)
    if match is None:
        return {}
    one, two, three = match["one"], match["two"], match["three"]
    rest = match["rest"] or ""
    first, second, third = int(one), int(two), int(three)
    if len(one) == 4 and len(three) <= 2:
        return {"ymd": Read(first, second, third, rest=rest)}
    if len(three) == 4 and len(one) <= 2:
        return {
            "mdy": Read(third, first, second, rest=rest),
            "dmy": Read(third, second, first, rest=rest),
        }
    if len(one) > 2 or len(three) > 2:
        return {}
    found = {}
    if len(three) == 2:
        found["mdy2"] = Read(third, first, second, short=True, rest=rest)
        found["dmy2"] = Read(third, second, first, short=True, rest=rest)
    if len(one) == 2:
        found["ymd2"] = Read(first, second, third, short=True, rest=rest)
    return found


def _compact(text: str) -> dict[str, Read]:
    match = _COMPACT.fullmatch(text)
    if match is None:
        return {}
    digits, rest = match["all"], match["rest"] or ""
    front, back = int(digits[:2]), int(digits[2:4])
    return {
        "ymd": Read(int(digits[:4]), int(digits[4:6]), int(digits[6:]), rest=rest),
        "mdy": Read(int(digits[4:]), front, back, rest=rest),
        "dmy": Read(int(digits[4:]), back, front, rest=rest),
    }


def _serial(text: str) -> dict[str, Read]:
    match = _SERIAL.fullmatch(text)
    if match is None or int(match["day"]) not in _SERIALS:
        return {}
    day = _EXCEL + timedelta(days=int(match["day"]))
    minutes = round(float(f"0.{match['part'] or 0}") * 24 * 60)
    if minutes >= 24 * 60:
        return {}
    rest = f"{minutes // 60:02}:{minutes % 60:02}" if match["part"] else ""
    return {"serial": Read(day.year, day.month, day.day, rest=rest)}


def _with_name(text: str) -> dict[str, Read]:
    for pattern in _NAMED:
        match = pattern.fullmatch(text)
        if match is not None:
            year = match["year"].strip("'")
            month, day = _MONTHS[match["name"].casefold()], int(match["day"])
            short = len(year) == 2
            form = "month2" if short else "month"
            return {form: Read(int(year), month, day, short=short, rest=match["rest"] or "")}
    return {}


def _is_day(read: Read) -> bool:
    if read.short:
        return any(_day(century + read.year, read.month, read.day) for century in (1900, 2000))
    return read.year in _YEARS and _day(read.year, read.month, read.day) is not None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
