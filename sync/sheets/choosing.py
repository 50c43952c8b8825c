"""Check what a person chose: each field once, nothing missing, one form of date in a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sync.sheets import fields
from sync.sheets.errors import ChoiceError
from sync.sheets.values import dates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.core.batch.model import Kind
    from sync.core.wording import Json
    from sync.sheets.model import Sheet

# The fields whose cells hold a date.
DATED: Final = ("birth_date", "date", "start")
_SHOWN_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """What is read from where: each field's column (from 0), and the form of its dates."""

    columns: Mapping[str, int]
    formats: Mapping[str, str]

    def json(self) -> dict[str, Json]:
        """The choice as it may be stored: names of fields, places of columns, names of formats."""
        return {"columns": dict(self.columns), "formats": dict(self.formats)}

    @classmethod
    def of(cls, json: Mapping[str, object]) -> Choice:
        """The choice that was stored."""
        columns, formats = json["columns"], json["formats"]
        if not isinstance(columns, dict) or not isinstance(formats, dict):
            raise TypeError("no choice of columns")
        return cls(
            {str(field): int(column) for field, column in columns.items()},
            {str(field): str(name) for field, name in formats.items()},
        )


def date_formats(
    columns: Mapping[int, str], fits: Mapping[int, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """The formats that fit each chosen column of dates, by field; more than one is to be asked."""
    return {
        field: fits[column]
        for column, field in columns.items()
        if field in DATED and column in fits
    }


def choose(
    kind: Kind, sheet: Sheet, columns: Mapping[int, str], date_format: str | None = None
) -> Choice:
    """The choice, where rows can be read with it. Raises ChoiceError."""
    _check(kind, int(str(sheet.form["width"])), columns)
    wanted = dates.named(date_format) if date_format else None
    places = {field: column for column, field in columns.items()}
    formats: dict[str, str] = {}
    refused: list[str] = []
    for field in DATED:
        if field not in places:
            continue
        found = _format(kind, sheet, field, places[field], wanted)
        if found is not None:
            formats[field] = found
            if wanted and found.removesuffix("2") != wanted.removesuffix("2"):
                refused.append(field)
    if wanted and formats and len(refused) == len(formats):
        raise ChoiceError(
            "date_format_unfit",
            f"The dates of this file are not written as {dates.TITLES[wanted]}. "
            f"They fit: {', '.join(sorted({dates.TITLES[one] for one in formats.values()}))}.",
        )
    return Choice(places, formats)


def _check(kind: Kind, width: int, columns: Mapping[int, str]) -> None:
    known = fields.names(kind)
    for column, field in columns.items():
        if not 0 <= column < width:
            raise ChoiceError("no_column", f"The file has no column {column + 1}.")
        if field not in known:
            raise ChoiceError(
                "no_field", f"Choose one of these fields: {', '.join(sorted(known))}."
            )
    chosen = list(columns.values())
    for field in chosen:
        if chosen.count(field) > 1:
            raise ChoiceError(
                "field_twice", f"Choose one column for “{fields.title(kind, field)}”, not two."
            )
    lacking = fields.lacking(kind, frozenset(chosen))
    if lacking:
        raise ChoiceError("field_missing", lacking)


def _format(kind: Kind, sheet: Sheet, field: str, column: int, wanted: str | None) -> str | None:
    """The one form of the dates in a column; None where it is empty or holds no dates."""
    where = f"“{fields.title(kind, field)}” (column {column + 1})"
    if column in sheet.misfits:
        lines = ", ".join(str(line) for line in sheet.misfits[column][:_SHOWN_LINES])
        raise ChoiceError(
            "date_format_mixed",
            f"The dates of {where} are not all written the same way. "
            f"Correct them in the file, first in line {lines}.",
        )
    fits = sheet.fits.get(column, ())
    if wanted in fits:
        return wanted
    if f"{wanted}2" in fits and field != "birth_date":
        return f"{wanted}2"
    if len(fits) > 1:
        titles = " or ".join(dates.TITLES[one] for one in fits)
        raise ChoiceError(
            "date_format_asked",
            f"The dates of {where} can be read in several ways. Choose {titles}.",
        )
    if not fits:
        return None
    if fits[0] in dates.SHORT and field == "birth_date":
        raise ChoiceError(
            "date_format_asked",
            f"The dates of {where} have years of two digits, so that a century must be chosen. "
            f"Choose {dates.TITLES[fits[0]]}, or write the years with four digits.",
        )
    return fits[0]
