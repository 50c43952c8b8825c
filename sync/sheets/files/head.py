"""Find the header among a file's first rows, and refuse a file in which it isn't sure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sync.core.batch.model import Kind
from sync.sheets import headers
from sync.sheets.errors import UnusableError
from sync.sheets.files import sniff
from sync.sheets.model import MAX_COLUMNS
from sync.sheets.values import dates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.sheets.model import Row

# So many rows are looked at; a report's title has fewer lines.
LOOKED_AT: Final = 12
_KINDS: Final = (Kind.IMPORT_PATIENTS, Kind.IMPORT_APPOINTMENTS)
_MANY_DIGITS: Final = re.compile(r"[\d\s()+.-]{7,}")
_SAY: Final = "The file's first line must hold the names of the columns."


def find(rows: Sequence[Row]) -> int:
    """The place of the header among the first rows. Raises UnusableError."""
    if not rows:
        raise sniff.empty()
    for row in rows:
        if len(row.cells) > MAX_COLUMNS:
            raise too_many_columns()
    found = next((place for place, row in enumerate(rows) if is_header(row.cells)), None)
    if found is None:
        return _of_other_words(rows)
    for row in rows[:found]:
        # A title stands alone in its line. Names of groups of columns are half of the header.
        if filled(row) > 1:
            raise UnusableError(
                "two_headers",
                f"Names of columns stand in line {rows[found].line}, and other words above them in "
                f"line {row.line}. Delete the lines above, so that the names are in one line.",
            )
    header = rows[found]
    if _looks_like_data(header.cells):
        raise UnusableError("no_header", f"Line {header.line} holds data. {_SAY}")
    for row in rows[found + 1 : found + 2]:
        if is_header(row.cells) and not _looks_like_data(row.cells):
            raise UnusableError(
                "two_headers",
                f"Names of columns stand in line {header.line} and in line {row.line}. "
                "Delete one of these lines.",
            )
    return found


def is_header(cells: Sequence[str]) -> bool:
    """Whether at least two cells, and a third of them, are names of columns that we know."""
    named = sum(bool(cell) for cell in cells)
    known = max(len(headers.recognised(kind, cells)) for kind in _KINDS)
    return known >= 2 and known * 3 >= named


def filled(row: Row) -> int:
    """How many cells of a row say something."""
    return sum(bool(cell) for cell in row.cells)


def too_many_columns() -> UnusableError:
    """A row of more cells than any export has."""
    return UnusableError(
        "too_many_columns",
        f"The file has more than {MAX_COLUMNS} columns. Keep those of the patients or the visits.",
    )


def _of_other_words(rows: Sequence[Row]) -> int:
    """The first row, where it may be a header in words that we don't know. Raises UnusableError."""
    first = rows[0]
    widest = max(filled(row) for row in rows)
    named = filled(first)
    if named < 2 or named * 2 < widest or _looks_like_data(first.cells):
        raise UnusableError("no_header", f"Names of columns weren't found. {_SAY}")
    said = [cell for cell in first.cells if cell]
    if len(set(said)) < len(said):
        raise UnusableError(
            "same_names", f"Two columns have the same name in line {first.line}. Name each its own."
        )
    return 0


def _looks_like_data(cells: Sequence[str]) -> bool:
    return any(
        "@" in cell or _MANY_DIGITS.fullmatch(cell) or dates.readings(cell) for cell in cells
    )
