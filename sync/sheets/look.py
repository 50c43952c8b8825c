"""Look at a whole file once, and read its rows again: CSV in bounded memory, XLSX as a whole."""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import charset_normalizer

from sync.sheets.errors import UnusableError
from sync.sheets.files import dialect, head, lines, sniff, workbook
from sync.sheets.model import MAX_COLUMNS, MAX_ROWS, SAMPLES, Form, Row, Sheet
from sync.sheets.values.fitting import Fitting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_OTHER: Final = re.compile("[^\x00-\x7f\udc80-\udcff]")
# The bytes that Windows-1252 gives no letter.
_NO_WINDOWS: Final = re.compile("[\udc81\udc8d\udc8f\udc90\udc9d]")
# What no word of Windows-1252 has: other encodings (Mac OS Roman, DOS) look like this in it.
_ODD: Final = re.compile("[a-zß-ÿ][ŠŒŽŸ]|[a-zß-ÿ][–¡¢£¤][a-zß-ÿ]|[A-Za-zÀ-ÿ][‚ƒ„†‡ˆ‰‹‘•˜]")
_ASKED: Final = ["mac_roman", "cp1250", "cp850", "cp437", "latin_1"]
_FIRST_LINES: Final = 250
_REMEMBERED: Final = 64 * 1024


def look(chunks: Iterable[bytes]) -> Sheet:
    """See a whole file in one pass: its form, its columns, how many rows it has, what is wrong.

    The bytes may come in any pieces. Raises UnusableError.
    """
    first, pieces = _peeked(chunks)
    found = sniff.kind(first)
    if found == sniff.WORKBOOK:
        return _of_workbook(pieces)
    return _of_text(pieces, found)


def rows(chunks: Iterable[bytes], form: Mapping[str, object]) -> Iterator[Row]:
    """The rows of a file that was looked at, from its bytes again, by the form that was found.

    A row of too few or too many cells is one with a problem. Raises UnusableError where the bytes
    are others than those that were looked at.
    """
    begins, width = int(str(form["header_line"])), int(str(form["width"]))
    if form["type"] == sniff.WORKBOOK:
        _, found = workbook.rows(workbook.whole(chunks), int(str(form["sheet"])))
    else:
        text = _text_lines(lines.Lines(chunks, str(form["encoding"])), bool(form["says_delimiter"]))
        found = lines.records(text, str(form["delimiter"]), str(form["quote"]))
    header: tuple[str, ...] = ()
    for row in found:
        if row.line == begins:
            header = row.cells
        elif row.line > begins:
            yield _shaped(row, width, header)


def _peeked(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a file, and all of it."""
    pieces = iter(chunks)
    first: list[bytes] = []
    size = 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size >= sniff.FIRST:
            break
    return b"".join(first)[: sniff.FIRST], chain(first, pieces)


# --- a workbook -----------------------------------------------------------------------------------


def _of_workbook(pieces: Iterator[bytes]) -> Sheet:
    sheet, found = workbook.rows(workbook.whole(pieces))
    form: Form = {"type": sniff.WORKBOOK, "sheet": sheet}
    header, rest = _headed(found)
    return _seen(form, header, rest)


# --- a text ---------------------------------------------------------------------------------------


class _Encoding:
    """What a text's lines say of its encoding, where they are not all UTF-8."""

    def __init__(self) -> None:
        self.others = 0  # the first line with bytes that are no UTF-8
        self.utf8 = False
        self.no_windows = False
        self.sample = ""

    def watched(self, text: Iterable[str]) -> Iterator[str]:
        """The same lines, having been looked at."""
        for number, line in enumerate(text, start=1):
            if not line.isascii():
                self._see(number, line)
            yield line

    def _see(self, number: int, line: str) -> None:
        self.utf8 = self.utf8 or _OTHER.search(line) is not None
        if _ESCAPED.search(line):
            self.others = self.others or number
            self.no_windows = self.no_windows or _NO_WINDOWS.search(line) is not None
            if len(self.sample) < _REMEMBERED:
                self.sample += line

    def name(self) -> str:
        """The encoding of the whole file. Raises UnusableError where there is no one."""
        if not self.others:
            return "utf-8"
        if self.utf8:
            raise UnusableError(
                "encoding_mixed",
                f"The letters in line {self.others} are written otherwise than those of other "
                "lines. Save the file as CSV UTF-8.",
            )
        sample = _raw(self.sample)
        best = None
        if self.no_windows:
            best = charset_normalizer.from_bytes(sample, cp_isolation=_ASKED).best()
        elif not _ODD.search(sample.decode("cp1252", "replace")):
            return "cp1252"
        if best is None:
            raise UnusableError(
                "encoding_unknown",
                f"The letters in line {self.others} can't be read for sure. "
                "Save the file as CSV UTF-8.",
            )
        return str(best.encoding)


def _of_text(pieces: Iterator[bytes], encoding: str) -> Sheet:
    source = lines.Lines(pieces, encoding)
    seen = _Encoding()
    text = seen.watched(source) if encoding == sniff.UNDECIDED else iter(source)
    begin = list(_beginning(text))
    if not any(map(str.strip, begin)):
        raise sniff.empty()
    said = dialect.said(begin[0])
    if said is None:
        delimiter, quote = dialect.find(begin)
    else:
        delimiter, quote = said, '"'
    form: Form = {
        "type": "csv",
        "delimiter": delimiter,
        "quote": quote,
        "says_delimiter": said is not None,
    }
    all_lines = _text_lines(chain(begin, text), said is not None)
    header, rest = _headed(lines.records(all_lines, delimiter, quote))
    cut = _Cut()
    sheet = _seen(form, header, cut.watched(rest))
    if cut.line and not source.ended:
        raise lines.half_a_row(cut.line)
    if encoding != sniff.UNDECIDED:
        form["encoding"] = encoding
        return sheet
    name = seen.name()
    form["encoding"] = name
    return _decoded(sheet, name) if seen.others else sheet


def _beginning(text: Iterator[str]) -> Iterator[str]:
    """The first lines, of which the dialect is found."""
    size = 0
    for line in islice(text, _FIRST_LINES):
        yield line
        size += len(line)
        if size > sniff.FIRST:
            return


def _text_lines(text: Iterable[str], says: bool) -> Iterator[str]:
    """The lines, the one that says the delimiter as an empty one: numbers stay."""
    for number, line in enumerate(text):
        yield "\n" if says and number == 0 else line


class _Cut:
    """The last row, where it alone has too few cells: it may have been cut off."""

    def __init__(self) -> None:
        self.line = 0
        self._short = 0

    def watched(self, found: Iterable[Row]) -> Iterator[Row]:
        """The same rows, having been looked at; `line` is said at their end."""
        last: Row | None = None
        for row in found:
            self._short += row.problem == "few_cells"
            last = row
            yield row
        if last is not None and last.problem == "few_cells" and self._short == 1:
            self.line = last.line


def _decoded(sheet: Sheet, encoding: str) -> Sheet:
    """The sheet with its letters, which waited for the file's encoding."""
    return Sheet(
        sheet.form,
        tuple(_raw(name).decode(encoding, "replace") for name in sheet.headers),
        tuple(
            tuple(_raw(cell).decode(encoding, "replace") for cell in row) for row in sheet.samples
        ),
        sheet.count,
        sheet.fits,
        sheet.misfits,
    )


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# --- both -----------------------------------------------------------------------------------------


def _headed(found: Iterator[Row]) -> tuple[Row, Iterator[Row]]:
    """The header, and the rows below it. Raises UnusableError."""
    first = list(islice(found, head.LOOKED_AT))
    place = head.find(first)
    header = first[place]
    width = len(header.cells)
    below = chain(first[place + 1 :], found)
    return header, (_shaped(row, width, header.cells) for row in below)


def _shaped(row: Row, width: int, header: tuple[str, ...]) -> Row:
    """The row with as many cells as the header has, or with the problem that it has others."""
    cells = row.cells
    if len(cells) > width:
        if any(cells[width:]):
            return Row(row.line, cells, row.problem or "many_cells")
        cells = cells[:width]
    if row.problem:
        return Row(row.line, cells, row.problem)
    if cells == header:
        return Row(row.line, cells, "header_again")
    return Row(row.line, cells, "few_cells" if len(cells) < width else None)


def _seen(form: Form, header: Row, below: Iterator[Row]) -> Sheet:
    """What all rows come to. Raises UnusableError where there are none or too many."""
    fitting = Fitting()
    samples: list[tuple[str, ...]] = []
    count = 0
    for row in below:
        count += 1
        if count > MAX_ROWS:
            raise UnusableError(
                "too_many_rows",
                f"The file has more than {MAX_ROWS} rows. Split it and bring the parts.",
            )
        if len(row.cells) > MAX_COLUMNS:
            raise head.too_many_columns()
        if row.problem is None:
            fitting.add(row.line, row.cells)
            if len(samples) < SAMPLES:
                samples.append(row.cells)
    if not count:
        raise UnusableError("no_rows", "The file has names of columns and no rows below them.")
    form["header_line"], form["width"] = header.line, len(header.cells)
    return Sheet(form, header.cells, tuple(samples), count, fitting.fits(), fitting.misfits())
