"""Turn `--map HEADER=FIELD` into columns, and say which option is missing. Pure functions."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from sync.core.batch.model import Kind
from sync.sheets import fields
from sync.sheets.errors import ChoiceError
from sync.sheets.values.dates import TITLES

if TYPE_CHECKING:
    from sync.batches.showing import Columns

NOT_USED: Final = ("", "-", "ignore")


class WrongOptionError(ValueError):
    """An option names what the file or we don't know; the text says what to write."""


def chosen(found: "Columns", kind: Kind, pairs: Iterable[str]) -> dict[int, str]:
    """The field of each column (from 0): what was recognised, changed by what was said.

    A column that is said by its number is counted from 1. Raises WrongOptionError.
    """
    columns = dict(found.chosen)
    for pair in pairs:
        header, equals, field = pair.rpartition("=")
        if not equals:
            raise WrongOptionError(
                "Write --map as HEADER=FIELD, with the header as the file has it."
            )
        place, field = _place(found.headers, header.strip()), field.strip()
        if field in NOT_USED:
            columns.pop(place, None)
            continue
        if field not in fields.names(kind):
            known = ", ".join(one.name for one in fields.FIELDS[kind])
            raise WrongOptionError(
                f"There is no field {field}. Write --map '{header.strip()}=FIELD' with one of: "
                f"{known}; or ignore."
            )
        columns = {at: name for at, name in columns.items() if name != field}
        columns[place] = field
    return columns


def _place(headers: tuple[str, ...], told: str) -> int:
    for alike in (str, lambda text: " ".join(text.split()).casefold()):
        there = [at for at, header in enumerate(headers) if alike(header) == alike(told)]
        if len(there) == 1:
            return there[0]
        if there:
            raise WrongOptionError(
                f"The file has {len(there)} columns {told}: write the number of one of them, "
                f"as in --map {there[0] + 1}=FIELD."
            )
    if told.isascii() and told.isdigit() and 1 <= int(told) <= len(headers):
        return int(told) - 1
    raise WrongOptionError(
        f"The file has no column {told}. It has: {', '.join(headers)}. "
        "Write --map HEADER=FIELD with one of these."
    )


def what_to_add(error: ChoiceError, formats: Mapping[str, tuple[str, ...]]) -> str:
    """The sentence of a choice that does not fit, with the option that makes it fit."""
    if error.code.startswith("date_format") and error.code != "date_format_mixed":
        named = list(dict.fromkeys(name for each in formats.values() for name in each))
        options = ", or ".join(f"--date-format {name}: {TITLES.get(name, name)}" for name in named)
        return f"{error} Add {options}." if options else f"{error} Add --date-format."
    if error.code in {"field_missing", "field_twice"}:
        return f"{error} Say it by --map HEADER=FIELD."
    return str(error)
