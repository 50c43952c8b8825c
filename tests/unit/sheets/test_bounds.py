"""Files made to hurt are refused before they do: bombs, a million columns, cells far apart."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sync.sheets import model
from sync.sheets.errors import UnusableError
from sync.sheets.files import lines, workbook
from sync.sheets.look import look, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELF = Path(__file__).parents[2] / "files"
HEADER = b"First Name,Last Name,Email\n"


def _book(**changed: bytes) -> bytes:
    """The shelf's workbook with some parts in place of its own: sheet, strings, workbook."""
    names = {
        "sheet": "xl/worksheets/sheet1.xml",
        "strings": "xl/sharedStrings.xml",
        "workbook": "xl/workbook.xml",
    }
    parts = {names[name]: data for name, data in changed.items()}
    out = io.BytesIO()
    with (
        zipfile.ZipFile(SHELF / "patients.xlsx") as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in old.namelist():
            made.writestr(name, parts.get(name, old.read(name)))
    return out.getvalue()


def _sheet(rows_of: bytes) -> bytes:
    return (
        b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/'
        b'2006/main"><sheetData>' + rows_of + b"</sheetData></worksheet>"
    )


def _refused(data: bytes) -> str:
    with pytest.raises(UnusableError) as refused:
        look([data])
    return refused.value.code


def test_a_bomb_is_not_unpacked() -> None:
    tracemalloc.start()
    # 60 MB of blanks in 60 kB.
    bomb = _book(sheet=b"<worksheet>" + b" " * 60_000_000)
    tracemalloc.reset_peak()
    held = tracemalloc.get_traced_memory()[0]
    assert _refused(bomb) == "zip_bomb"
    peak = tracemalloc.get_traced_memory()[1] - held
    tracemalloc.stop()
    assert peak < 40_000_000


def test_a_size_that_is_stated_falsely_deceives_nobody() -> None:
    bomb = bytearray(_book(sheet=_sheet(b" " * 2_000_000)))
    # The central directory says that the sheet unpacks to 10 bytes (APPNOTE 4.3.12, offset 24).
    place = bomb.rindex(b"xl/worksheets/sheet1.xml") - 46
    assert bomb[place : place + 4] == b"PK\x01\x02"
    struct.pack_into("<I", bomb, place + 24, 10)
    assert _refused(bytes(bomb)) == "broken"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (b'<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c></row>', "too_many_columns"),
        (b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>', "too_many_rows"),
        (b'<row r="1048576"><c><v>1</v></c></row>', "too_many_rows"),
        (b'<row r="1"><c r="A1"><v>1</v></c></row><row r="199999"><c r="CV1"/></row>', "too_big"),
        (b'<row r="99999999999"><c r="A1"><v>1</v></c></row>', "broken"),
    ],
)
def test_cells_far_apart_are_not_laid_out(cells: bytes, code: str) -> None:
    assert _refused(_book(sheet=_sheet(cells))) == code


def test_rows_are_where_the_sheet_has_them() -> None:
    text = b'<c r="%s" t="inlineStr"><is><t>%s</t></is></c>'
    names = (b"First Name", b"Last Name", b"Email")
    said = [
        b'<row r="%d">%s</row>'
        % (at, b"".join(text % (b"CDE"[i : i + 1] + b"%d" % at, one) for i, one in enumerate(row)))
        for at, row in ((4, names), (7, (b"Ann", b"Lee", b"ann@example.com")))
    ]
    data = _book(sheet=_sheet(b"".join(said)))
    sheet = look([data])
    assert (sheet.form["header_line"], sheet.headers[2:]) == (
        4,
        ("First Name", "Last Name", "Email"),
    )
    assert [row.line for row in rows([data], sheet.form)] == [7]


def test_entities_are_not_followed() -> None:
    laughs = b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    strings = laughs + b'<sst xmlns="x"><si><t>&b;</t></si></sst>'
    assert _refused(_book(strings=strings)) in {"broken", "empty", "no_header"}


def test_a_workbook_that_is_locked_or_none_says_so() -> None:
    locked = bytearray(_book())
    for place in range(len(locked) - 4):
        # Bit 0 of the flags says that a part is encrypted (APPNOTE 4.4.4).
        if locked[place : place + 4] == b"PK\x01\x02":
            locked[place + 8] |= 1
    assert _refused(bytes(locked)) == "password"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("content.xml", "<x/>")
    assert _refused(out.getvalue()) == "wrong_type"
    assert _refused(_book()[:-100]) == "broken"
    assert _refused(b"PK\x03\x04" + bytes(200)) == "broken"


def test_a_workbook_that_is_too_large_is_not_kept() -> None:
    piece = b"PK\x03\x04" + bytes(1024 * 1024)
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield piece

    with pytest.raises(UnusableError) as refused:
        look(pieces())
    assert refused.value.code == "too_big"
    assert read <= model.MAX_WORKBOOK // len(piece) + 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"a," * 300_000 + b"\n" + b"1," * 300_000, "too_many_columns"),
        (b"a," * 1_000_000 + b"\n", "row_too_long"),
        (HEADER + b"A,B,c@example.com" + b",x" * 250 + b"\n", "too_many_columns"),
        (HEADER + b'A,"B,c@example.com\n' + b"A,B,c@example.com\n" * 9000, "open_quote"),
        (HEADER + b"A,B," + b"c" * 2_000_000, "row_too_long"),
        (HEADER + b"A,B,c@example.com\n" * 70_000 + b"\0", "binary"),
    ],
)
def test_a_text_without_bounds_is_refused(data: bytes, code: str) -> None:
    assert _refused(data) == code


def test_no_more_rows_and_bytes_than_a_clinic_has(monkeypatch: pytest.MonkeyPatch) -> None:
    import sync.sheets.look as looking

    monkeypatch.setattr(looking, "MAX_ROWS", 3)
    monkeypatch.setattr(lines, "MAX_BYTES", 1000)
    assert _refused(HEADER + b"A,B,c@example.com\n" * 4) == "too_many_rows"
    assert look([HEADER + b"A,B,c@example.com\n" * 3]).count == 3
    assert _refused(HEADER + b"A,B,c@example.com\n" + b" " * 1000) == "too_big"


def test_rows_are_read_in_bounded_memory() -> None:
    size = 10_000

    def pieces() -> Iterator[bytes]:
        yield HEADER
        for number in range(size // 100):
            yield b"".join(b"A%d,B,c%d@example.com\n" % (number, one) for one in range(100))

    tracemalloc.start()
    sheet = look(pieces())
    seen = sum(1 for _ in rows(pieces(), sheet.form))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == sheet.count == size
    # The file has 240 kB; what is kept of it at once is a piece of 64 kB, decoded.
    assert peak < 2_000_000


def test_calamine_is_given_what_was_counted() -> None:
    made = workbook._counted(_book())
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        assert "xl/theme/theme1.xml" not in parts.namelist()
        assert "xl/worksheets/sheet1.xml" in parts.namelist()
