"""Read the rows of an XLSX: what it unpacks to is counted first, and no more is ever unpacked.

calamine gets a workbook made anew of the counted parts, so a size that the file states falsely
deceives nobody. It reads values; no formula is worked out and no entity of XML is followed.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import python_calamine

from sync.sheets.errors import UnusableError
from sync.sheets.files import head
from sync.sheets.model import MAX_COLUMNS, MAX_ROWS, MAX_WORKBOOK, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from python_calamine import CalamineSheet, CalamineWorkbook

_MOST_PARTS: Final = 1000
_UNPACKED: Final = 160 * 1024 * 1024
# A sheet of the same few values packs a hundredfold; deflate's most is a thousandfold.
_RATIO: Final = 200
_SMALL: Final = 8 * 1024 * 1024
# calamine lays a sheet out from its first to its last cell, empty ones too.
_MOST_CELLS: Final = 8_000_000
_PIECE: Final = 256 * 1024
_NEEDED: Final = re.compile(
    r"\[content_types\]\.xml|_rels/\.rels|xl/(?:_rels/)?workbook\.xml(?:\.rels)?|xl/styles\.xml"
    r"|xl/sharedstrings\.xml|xl/worksheets/[^/]+\.xml",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(rb"\br\s*=\s*[\"']\s*([A-Za-z]*)(\d+)\s*[\"']")
_SAVE: Final = "Save the sheet as CSV and bring that."


def whole(pieces: Iterable[bytes]) -> bytes:
    """All bytes of a workbook. Raises UnusableError where it is too large."""
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > MAX_WORKBOOK:
            raise UnusableError(
                "too_big", f"The workbook is larger than {MAX_WORKBOOK // 1024 // 1024} MB. {_SAVE}"
            )
    return bytes(found)


def rows(data: bytes, sheet: int | None = None) -> tuple[int, Iterator[Row]]:
    """The sheet that is used (its place) and its rows that say something. Raises UnusableError."""
    counted = _counted(data)
    try:
        book = python_calamine.load_workbook(io.BytesIO(counted))
        chosen = _choose(book) if sheet is None else sheet
        found = book.get_sheet_by_index(chosen)
    except UnusableError:
        raise
    except BaseException as error:  # a panic of calamine's is no Exception
        if not _is_calamines(error):
            raise
        raise _broken() from None
    return chosen, _rows(found)


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    start = sheet.start
    if start is None:
        return
    first, left = start
    try:
        for line, values in enumerate(sheet.to_python(skip_empty_area=True), start=first + 1):
            cells = [""] * left + [_text(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield Row(line, tuple(cells))
    except BaseException as error:  # as above
        if not _is_calamines(error):
            raise
        raise _broken() from None


def _choose(book: CalamineWorkbook) -> int:
    """The one sheet that holds a table. Raises UnusableError."""
    visible = python_calamine.SheetVisibleEnum.Visible
    kinds = python_calamine.SheetTypeEnum.WorkSheet
    shown = [
        place
        for place, about in enumerate(book.sheets_metadata)
        if about.visible == visible and about.typ == kinds
    ]
    filled = [place for place in shown if book.get_sheet_by_index(place).height > 0]
    if not filled:
        raise UnusableError("empty", "No sheet of the workbook holds anything. Export it again.")
    if len(filled) == 1:
        return filled[0]
    tables = [place for place in filled if _is_table(book.get_sheet_by_index(place))]
    if len(tables) == 1:
        return tables[0]
    raise UnusableError(
        "several_sheets",
        f"{len(filled)} sheets of the workbook hold rows. Keep one sheet, or save it as CSV.",
    )


def _is_table(sheet: CalamineSheet) -> bool:
    first = sheet.to_python(skip_empty_area=True, nrows=head.LOOKED_AT)
    return any(head.is_header([_text(value) for value in values]) for values in first)


def _counted(data: bytes) -> bytes:
    """The workbook with nothing but the parts that hold values, each unpacked once and counted."""
    try:
        return _made_anew(data)
    except UnusableError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError):
        raise _broken() from None
    except (NotImplementedError, RuntimeError):
        raise UnusableError(
            "password", "The workbook has a password, or is packed in an unusual way. Save it anew."
        ) from None


def _made_anew(data: bytes) -> bytes:
    out = io.BytesIO()
    left = _UNPACKED
    with zipfile.ZipFile(io.BytesIO(data)) as packed, zipfile.ZipFile(out, "w") as made:
        parts = [one for one in packed.infolist() if _NEEDED.fullmatch(one.filename)]
        names = {one.filename.lower() for one in parts}
        if len(packed.infolist()) > _MOST_PARTS or len(names) < len(parts):
            raise _broken()
        if "xl/workbook.xml" not in names:
            raise UnusableError("wrong_type", f"This is no Excel workbook (.xlsx). {_SAVE}")
        for part in parts:
            unpacked = _unpack(packed, part, left, len(data))
            left -= len(unpacked)
            if part.filename.lower().startswith("xl/worksheets/"):
                _measure(unpacked)
            made.writestr(part.filename, unpacked)
    return out.getvalue()


def _unpack(packed: zipfile.ZipFile, part: zipfile.ZipInfo, left: int, size: int) -> bytes:
    found = bytearray()
    with packed.open(part) as stream:
        while piece := stream.read(_PIECE):
            found += piece
            spent = _UNPACKED - left + len(found)
            if spent > _UNPACKED or (spent > _SMALL and spent > _RATIO * size):
                raise UnusableError("zip_bomb", f"The workbook unpacks to far too much. {_SAVE}")
    if b"\0" in found:
        raise _broken()
    return bytes(found)


def _measure(sheet: bytes) -> None:
    """Refuse a sheet whose cells lie too far apart to be laid out."""
    rows = columns = 0
    for match in _PLACE.finditer(sheet):
        columns = max(columns, _column(match[1]))
        if len(match[2]) > 7:
            raise _broken()
        rows = max(rows, int(match[2]))
    if columns > MAX_COLUMNS:
        raise head.too_many_columns()
    if rows > MAX_ROWS + head.LOOKED_AT:
        raise UnusableError(
            "too_many_rows", f"The sheet has cells beyond row {MAX_ROWS}. Delete these rows."
        )
    counted = max(sheet.count(b"<c "), sheet.count(b":c "), sheet.count(b"<c>"), 1)
    if rows * max(columns, 1) > _MOST_CELLS or counted > _MOST_CELLS:
        raise UnusableError("too_big", f"The sheet is too large. {_SAVE}")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper()[:4]:
        number = number * 26 + letter - 64
    return number


def _text(value: object) -> str:
    """A cell as its CSV would say it, with dates in the form of ISO 8601."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return (
            str(int(value)) if value.is_integer() and abs(value) < 1e17 else format(value, ".15g")
        )
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return _moment(datetime.combine(date(1904, 1, 1), value))[11:] or "00:00:00"
    return str(value).strip()


def _moment(value: datetime) -> str:
    """A day, or a day and a time to the second: Excel keeps fractions of a day, and rounds."""
    try:
        exact = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
    except OverflowError:
        exact = value.replace(microsecond=0)
    return exact.date().isoformat() if exact.time() == time(0) else exact.isoformat(" ")


def _is_calamines(error: BaseException) -> bool:
    if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)):
        return False
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _broken() -> UnusableError:
    return UnusableError("broken", f"The workbook is damaged. {_SAVE}")
