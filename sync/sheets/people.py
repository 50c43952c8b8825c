"""Read the person that a row is about, in our terms, and say what is wrong in which column."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sync.core import addresses, readings
from sync.core.records import ABSENT, Absent, Person
from sync.core.rules import people, plausible
from sync.core.texts import plain
from sync.sheets import writing
from sync.sheets.model import Problem
from sync.sheets.values import dates, times, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sync.core.records import Maybe
    from sync.sheets.choosing import Choice
    from sync.sheets.model import Options

SYSTEM: Final = "file"
# Longer ones are no id that any system gives; they go into OnCall as they are.
_LONGEST_ID: Final = 100
# `="007"`: how exports keep a spreadsheet from taking a text for a number.
_KEPT: Final = re.compile(r'="([^"]*)"')
_WHOLE: Final = re.compile(r"(\d{7,15})\.0", re.ASCII)
_ID: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


@dataclass
class Cells:
    """A row while it is read: cells by field, and the problems found so far."""

    cells: Sequence[str] = field(repr=False)
    choice: Choice
    problems: list[Problem] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether the file has a column for that field."""
        return name in self.choice.columns

    def text(self, name: str) -> str:
        """The cell of a field in its plain form; "" where there is none."""
        place = self.choice.columns.get(name)
        if place is None or not 0 <= place < len(self.cells):
            return ""
        cell = writing.unmarked(self.cells[place].strip())
        kept = _KEPT.fullmatch(cell)
        if kept is not None:
            return plain(kept[1])
        if cell.startswith("="):
            self.tell(name, "formula")
            return ""
        return plain(cell)

    def given(self, name: str) -> str:
        """The same; "" too where people have written that there is nothing."""
        text = self.text(name)
        return "" if text.casefold() in words.NOTHING else text

    def tell(self, name: str, code: str) -> None:
        """Note what is wrong with a field; the first that is found says it."""
        if any(one.field == name for one in self.problems):
            return
        self.problems.append(Problem(name, self.choice.columns.get(name), code))


def read_person(row: Cells, options: Options, *, known: bool = False) -> Person:
    """The person of a row; what is wrong is told to the row. Never raises for a cell.

    `known`: an id says already who it is, so neither name nor address is missed.
    """
    first, last, guessed = _names(row)
    email = _email(row, options, needed=not known)
    found = Person(
        SYSTEM,
        "",
        "contact",
        first_name=first,
        last_name=last,
        email=email,
        phone=_phone(row),
        birth_date=_birth_date(row, options.today),
        sex=_sex(row),
        name_guessed=guessed,
    )
    if first or last or not known:
        _check_names(row, found)
    return found


def identity(row: Cells, name: str) -> str:
    """A reference of the health record, as it stands there."""
    text = row.given(name)
    whole = _WHOLE.fullmatch(text)
    text = whole[1] if whole else text
    if len(text) > _LONGEST_ID:
        row.tell(name, f"{name}_too_long")
        return ""
    return text


def patient_id(row: Cells) -> str:
    """DrChrono's id of the patient; "" where none is said or it is none."""
    text = identity(row, "patient_id")
    if text and not _ID.fullmatch(text):
        row.tell("patient_id", "patient_id_unreadable")
        return ""
    return text


def doctor(row: Cells, options: Options) -> str | None:
    """DrChrono's id of the doctor that provider and division mean; None where nothing is said."""
    found, code, name = options.places.doctor(row.given("provider"), row.given("division"))
    if code is not None:
        row.tell(name if row.has(name) else "provider", code)
    return found


def _names(row: Cells) -> tuple[str, str, bool]:
    """First and last name, and whether where they were cut is a guess."""
    if row.has("first_name") and row.has("last_name"):
        return row.text("first_name"), row.text("last_name"), False
    if row.has("full_name"):
        whole = row.text("full_name")
        return *people.split_name(whole), bool(whole) and not people.is_surely_split(whole)
    whole = row.text("full_name_reversed")
    if "," in whole:
        return *people.split_name(whole), not people.is_surely_split(whole)
    last, _, first = whole.partition(" ")
    return first, last, len(whole.split()) > 2


def _check_names(row: Cells, found: Person) -> None:
    columns = {"first_name": "first_name", "last_name": "last_name", "name": "full_name"}
    if not row.has("first_name"):
        whole = "full_name" if row.has("full_name") else "full_name_reversed"
        columns = dict.fromkeys(columns, whole)
    # A person whose domain is their own name is one (ann@example.com), in a file that says names.
    for lacking in people.lacks(replace(found, email=ABSENT)):
        column = columns[lacking]
        text = row.text(column)
        if not text:
            row.tell(column, "name_missing")
        elif "@" in text:
            row.tell(column, "name_is_email")
        else:
            row.tell(column, "name_unsure" if lacking == "name" else "name_invalid")


def _email(row: Cells, options: Options, *, needed: bool) -> str:
    text = row.text("email")
    if not text:
        if needed:
            row.tell("email", "email_missing")
        return ""
    found = options.table.mailbox(text)
    if not found:
        row.tell("email", "email_placeholder")
    elif addresses.is_sure(found):
        return found
    elif text.count("@") > 1:
        row.tell("email", "email_several")
    elif "@" not in text:
        row.tell("email", "email_is_name" if people.is_name(text) else "email_invalid")
    else:
        row.tell("email", "email_invalid")
    return ""


def _phone(row: Cells) -> Maybe[str]:
    """The first number that is said, of those columns that may say one."""
    for name in ("mobile_phone", "phone", "home_phone"):
        text = row.given(name)
        if not text:
            continue
        whole = _WHOLE.fullmatch(text)
        found = readings.phone(whole[1] if whole else text)
        if not isinstance(found, Absent):
            return found
        row.tell(name, "phone_unreadable")
        return ABSENT
    return ""


def _birth_date(row: Cells, today: date) -> date | None:
    text = row.given("birth_date")
    if not text:
        return None
    found = dates.read(text, row.choice.formats.get("birth_date", ""))
    day = found.date(today) if found is not None else None
    if found is None or day is None:
        row.tell("birth_date", "birth_date_unreadable")
    elif not times.is_midnight(found.rest):
        row.tell("birth_date", "birth_date_with_time")
    elif not plausible.birth_date(day, today):
        row.tell("birth_date", "birth_date_impossible")
    else:
        return day
    return None


def _sex(row: Cells) -> str:
    text = row.given("sex")
    if not text:
        return ""
    found = words.SEXES.get(people.normal_name(text).replace("(", "").replace(")", ""))
    if found is None:
        row.tell("sex", "sex_unknown")
        return ""
    return found
