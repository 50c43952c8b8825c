"""Find how a CSV parts its cells: by the line that says it, by counting, else by clevercsv."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import Final

from sync.sheets.errors import UnusableError

_CANDIDATES: Final = (",", ";", "\t", "|", "^", "~", ":")
# Excel's own first line.
_SAID: Final = re.compile(r'\s*"?sep=(.|\\t)"?[\s,;]*', re.IGNORECASE)
_ROWS: Final = 200
# clevercsv weighs every dialect against every row; more tells it nothing.
_WEIGHED: Final = 8_000
_SURE: Final = 0.9


def said(line: str) -> str | None:
    """The delimiter that Excel's line `sep=;` says, None for any other line."""
    match = _SAID.fullmatch(line.rstrip("\r\n"))
    if match is None:
        return None
    found = "\t" if match[1] == "\\t" else match[1]
    return None if found.isalnum() or found in "\"'\r\n" else found


def find(lines: list[str]) -> tuple[str, str]:
    """The delimiter and the quote of these first lines of a file. Raises UnusableError."""
    quote = _quote(lines)
    shares = {one: share for one in _CANDIDATES if (share := _share(lines, one, quote))}
    sure = [one for one, share in shares.items() if share >= _SURE]
    if len(sure) == 1:
        return sure[0], quote
    weighed = _weighed(lines, sure or list(shares)) if shares else None
    if weighed is None:
        raise UnusableError(
            "one_column",
            "Only one column was found. Export the file with commas or semicolons between columns.",
        )
    return weighed, quote


def _quote(lines: list[str]) -> str:
    """The apostrophe where every cell of the first line is in apostrophes, else the usual one."""
    first = next((line.strip() for line in lines if line.strip()), "")
    inner = re.fullmatch(r"'[^']*'(?:[,;\t|]\s*'[^']*')+", first)
    return "'" if inner else '"'


def _share(lines: list[str], delimiter: str, quote: str) -> float:
    """The share of rows that have as many cells as most; 0 where that is one cell."""
    try:
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True)
        widths = Counter(
            len(cells) for cells, _ in zip(reader, range(_ROWS), strict=False) if any(cells)
        )
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    width, rows = max(widths.items(), key=lambda found: (found[1], found[0]))
    return rows / widths.total() if width > 1 else 0.0


def _weighed(lines: list[str], among: list[str]) -> str | None:
    import clevercsv  # 2.4 MB with its tables, for the rare file that counting does not settle

    sample = "".join(lines)[:_WEIGHED]
    sample = sample[: sample.rfind("\n") + 1] or sample
    try:
        found = clevercsv.Detector().detect(sample, delimiters=among)
    except (clevercsv.Error, ValueError, IndexError, KeyError):
        found = None
    if found is not None and found.delimiter in among:
        return str(found.delimiter)
    return among[0] if len(among) == 1 else None
