"""Give the lines of a text file from its bytes, in bounded memory, and its records from those."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from sync.sheets.errors import UnusableError
from sync.sheets.files import sniff
from sync.sheets.model import MAX_BYTES, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE: Final = 1024 * 1024
_END_INSIDE: Final = "unexpected end of data"
_TOO_LONG: Final = "field larger than field limit"


class _Bytes(io.RawIOBase):
    """A stream of the pieces that somebody yields."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
            self._read += len(piece)
            if self._read > MAX_BYTES:
                raise too_big()
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def too_big() -> UnusableError:
    """A file of more bytes than a clinic's list has."""
    return UnusableError(
        "too_big",
        f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it and bring the parts.",
    )


class Lines:
    """The lines of a file with their ends. `number` of the last one; `ended`: it had an end."""

    def __init__(self, pieces: Iterable[bytes], encoding: str) -> None:
        undecided = encoding == sniff.UNDECIDED
        self._text = io.TextIOWrapper(
            io.BufferedReader(_Bytes(pieces), sniff.FIRST),
            encoding="utf-8" if undecided else encoding,
            errors="surrogateescape" if undecided else "strict",
            newline="",
        )
        self.number = 0
        self.ended = True

    def __iter__(self) -> Iterator[str]:
        while True:
            try:
                line = self._text.readline(LONGEST_LINE + 1)
            except UnicodeError:
                raise UnusableError(
                    "encoding_broken",
                    f"The file can't be read as text after line {self.number}. Export it again.",
                ) from None
            if not line:
                return
            self.number += 1
            if len(line) > LONGEST_LINE:
                raise _row_too_long(self.number)
            if "\0" in line:
                raise sniff.binary()
            self.ended = line[-1] in "\r\n"
            yield line.rstrip("\x1a") if "\x1a" in line else line


class _Feed:
    """Lines for a reader of records, which can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: list[str] = []
        self.number = 0
        self.taken: list[str] = []
        self._size = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self.number += 1
        self.taken.append(line)
        self._size += len(line)
        if self._size > LONGEST_LINE:
            raise _row_too_long(self.begun)
        return line

    @property
    def begun(self) -> int:
        """The line in which the present record begins."""
        return self.number - len(self.taken) + 1

    def begin(self) -> None:
        """What was taken is a record; the next one begins."""
        self.taken.clear()
        self._size = 0

    def give_back(self) -> str:
        """Keep the record's first line alone; the others are read again."""
        first, *rest = self.taken
        self._again += reversed(rest)
        self.number -= len(rest)
        self.taken = [first]
        return first


def records(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[Row]:
    """The records of a CSV. A line whose quotes are wrong is a row with a problem, by itself.

    Raises UnusableError where a quote is open at the end, or a record has no end.
    """
    feed = _Feed(iter(lines))
    reader = _reader(feed, delimiter, quote, strict=True)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = _wrong(error, feed, delimiter, quote)
            yield Row(feed.number, tuple(cells), "quotes")
            reader = _reader(feed, delimiter, quote, strict=True)
            continue
        if any(cells):
            yield Row(feed.begun, tuple(map(str.strip, cells)))


def _wrong(error: csv.Error, feed: _Feed, delimiter: str, quote: str) -> list[str]:
    """What there is of a line that is no record. Raises UnusableError."""
    told = str(error)
    if told.startswith(_END_INSIDE):
        raise half_a_row(feed.begun)
    if told.startswith(_TOO_LONG):
        raise UnusableError(
            "open_quote",
            f"A quotation mark in line {feed.begun} is never closed. Correct it in the file.",
        )
    line = feed.give_back()
    try:
        return next(_reader(iter([line]), delimiter, quote, strict=False), [])
    except csv.Error:
        return [line.strip()]


def _reader(
    lines: Iterator[str], delimiter: str, quote: str, *, strict: bool
) -> Iterator[list[str]]:
    return csv.reader(
        lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True, strict=strict
    )


def half_a_row(line: int) -> UnusableError:
    """A file that was cut off."""
    return UnusableError(
        "half_a_row",
        f"The file ends in the middle of the row that begins in line {line}. Export it again.",
    )


def _row_too_long(line: int) -> UnusableError:
    return UnusableError(
        "row_too_long",
        f"The row in line {line} has no end within a million letters. Export the file again.",
    )
