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
_OVERLAP: Final = 64  # longer than a place with blanks around it
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
    import python_calamine  # 1.3 MB that no process holds before it reads a workbook

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
    # Its rows begin with the sheet's first, its cells with the leftmost that says something.
    left = [""] * start[1]
    try:
        for line, values in enumerate(sheet.iter_rows(), start=1):
            cells = left + [_text(value) for value in values]
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
    from python_calamine import SheetTypeEnum, SheetVisibleEnum  # as in `rows`

    visible, kinds = SheetVisibleEnum.Visible, SheetTypeEnum.WorkSheet
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
    # Packed again, quickly: calamine keeps all of it in memory.
    with (
        zipfile.ZipFile(io.BytesIO(data)) as packed,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
    ):
        parts = [one for one in packed.infolist() if _NEEDED.fullmatch(one.filename)]
        names = {one.filename.lower() for one in parts}
        if len(packed.infolist()) > _MOST_PARTS or len(names) < len(parts):
            raise _broken()
        if "xl/workbook.xml" not in names:
            raise UnusableError("wrong_type", f"This is no Excel workbook (.xlsx). {_SAVE}")
        for part in parts:
            left -= _copy(packed, part, made, left, len(data))
    return out.getvalue()


def _copy(
    packed: zipfile.ZipFile, part: zipfile.ZipInfo, made: zipfile.ZipFile, left: int, size: int
) -> int:
    """Copy a part while it is counted; returns how many bytes it unpacks to."""
    extent = _Extent() if part.filename.lower().startswith("xl/worksheets/") else None
    read = 0
    with packed.open(part) as source, made.open(part.filename, "w") as target:
        while piece := source.read(_PIECE):
            read += len(piece)
            spent = _UNPACKED - left + read
            if spent > _UNPACKED or (spent > _SMALL and spent > _RATIO * size):
                raise UnusableError("zip_bomb", f"The workbook unpacks to far too much. {_SAVE}")
            if b"\0" in piece:
                raise _broken()
            if extent is not None:
                extent.see(piece)
            target.write(piece)
    if extent is not None:
        extent.require()
    return read


class _Extent:
    """How far the cells of a sheet reach, seen piece by piece."""

    def __init__(self) -> None:
        self._rows = self._columns = self._cells = 0
        self._tail = b""

    def see(self, piece: bytes) -> None:
        """Look at the next piece; a place may begin in the one before."""
        joined = self._tail + piece
        for match in _PLACE.finditer(joined):
            if len(match[2]) > 7:
                raise _broken()
            self._columns = max(self._columns, _column(match[1]))
            self._rows = max(self._rows, int(match[2]))
        self._cells += piece.count(b"<c ") + piece.count(b":c ") + piece.count(b"<c>")
        self._tail = joined[-_OVERLAP:]

    def require(self) -> None:
        """Refuse a sheet whose cells lie too far apart to be laid out."""
        if self._columns > MAX_COLUMNS:
            raise head.too_many_columns()
        if self._rows > MAX_ROWS + head.LOOKED_AT:
            raise UnusableError(
                "too_many_rows", f"The sheet has cells beyond row {MAX_ROWS}. Delete these rows."
            )
        if max(self._rows * max(self._columns, 1), self._cells) > _MOST_CELLS:
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
