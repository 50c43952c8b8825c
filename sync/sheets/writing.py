"""Write rows as a CSV that spreadsheets read as it is meant, and in which nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.core import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

# Without it Excel takes UTF-8 for the machine's own encoding.
BOM: Final = "\ufeff"
# What a cell of Excel holds; a CSV's reader takes more (csv.field_size_limit).
LONGEST: Final = 32_767


def line(cells: Iterable[str]) -> str:
    """One line with its end: a file's own cells as they came, and nothing that runs.

    What begins like a formula gets an apostrophe in front (`unmarked` takes it away again), what is
    not seen is named, ends of lines within a cell stay.
    """
    return printable.quoted(printable.cell(cell, LONGEST, lines=True) for cell in cells)


def unmarked(cell: str) -> str:
    """A cell without the apostrophe that `line`, or a spreadsheet, has put before its text."""
    rest = cell[1:]
    return rest if cell[:1] == "'" and printable.cell(rest) != printable.printable(rest) else cell
