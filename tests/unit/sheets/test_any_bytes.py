"""Whatever the bytes: rows come out, or a sentence; what we write is read as it was."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.core.addresses import USUAL_TABLE
from sync.core.batch.model import Kind
from sync.sheets import fields, headers, writing
from sync.sheets.appointments import read_appointment
from sync.sheets.choosing import Choice
from sync.sheets.errors import UnusableError
from sync.sheets.look import look, rows
from sync.sheets.model import Options
from sync.sheets.patients import read_patient
from sync.sheets.places import Places
from sync.sheets.values import dates, times

HEADER = b"First Name,Last Name,Email,DOB\r\n"
OPTIONS = Options(date(2026, 11, 29), USUAL_TABLE, Places())
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def _read(data: bytes) -> None:
    """Read a file as the service does, in small pieces."""
    pieces = [data[place : place + 37] for place in range(0, len(data), 37)]
    try:
        sheet = look(pieces)
    except UnusableError:
        return
    seen = 0
    for row in rows(pieces, sheet.form):
        seen += 1
        for kind in (Kind.IMPORT_PATIENTS, Kind.IMPORT_APPOINTMENTS):
            chosen = headers.recognised(kind, sheet.headers, sheet.samples)
            _cells(kind, row.cells, {field: column for column, field in chosen.items()}, sheet.fits)
    assert seen == sheet.count


def _cells(
    kind: Kind, cells: tuple[str, ...], columns: dict[str, int], fits: object = None
) -> None:
    formats = {
        field: found[0]
        for field, column in columns.items()
        if isinstance(fits, dict) and (found := fits.get(column))
    }
    reader = read_patient if kind is Kind.IMPORT_PATIENTS else read_appointment
    reader(cells, Choice(columns, formats), OPTIONS)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000))
@example(b"PK\x03\x04")
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf,")
@example(b'sep=;\n"')
def test_any_bytes_give_rows_or_a_sentence(data: bytes) -> None:
    _read(data)
    _read(HEADER + data)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400), st.sampled_from(ENCODINGS), st.sampled_from(",;\t|"))
def test_any_text_below_a_header_gives_rows_or_a_sentence(
    text: str, encoding: str, delimiter: str
) -> None:
    head = HEADER.decode().replace(",", delimiter)
    _read((head + text).encode(encoding, "replace"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(fields.names(Kind.IMPORT_APPOINTMENTS))), st.text(max_size=40)
        )
    )
)
def test_no_cell_raises(said: list[tuple[str, str]]) -> None:
    columns = {field: place for place, (field, _) in enumerate(said)}
    cells = tuple(text for _, text in said)
    for kind in (Kind.IMPORT_PATIENTS, Kind.IMPORT_APPOINTMENTS):
        for form in dates.TITLES:
            formats = dict.fromkeys(("birth_date", "date", "start"), form)
            reader = read_patient if kind is Kind.IMPORT_PATIENTS else read_appointment
            reader(cells, Choice(columns, formats), OPTIONS)


CELLS = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me"),
    )
    | st.sampled_from(" ,;\"'=+-@"),
    max_size=20,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5))
def test_what_is_written_is_read_again_and_runs_nowhere(table: list[tuple[str, ...]]) -> None:
    names = ("First Name", "Last Name", "Email")
    text = writing.BOM + "".join(writing.line(cells) for cells in [names, *table])
    read = list(csv.reader(io.StringIO(text.removeprefix(writing.BOM))))
    for cells in read:
        assert not any(cell.lstrip()[:1] in set("=+-@") and cell.strip() for cell in cells)
    told = [cells for cells in table if any(cell.strip() for cell in cells)]
    try:
        sheet = look([text.encode()])
    except UnusableError:
        # Nothing below the header, or words that look like a header of their own.
        return
    found = [
        tuple(writing.unmarked(cell) for cell in row.cells)
        for row in rows([text.encode()], sheet.form)
    ]
    assert found == [tuple(writing.unmarked(cell.strip()) for cell in cells) for cells in told]


@settings(max_examples=100, deadline=None)
@given(st.dates(date(1850, 1, 1), date(2150, 12, 31)))
def test_each_form_says_the_day_that_was_written(day: date) -> None:
    written = {
        "ymd": [day.isoformat(), f"{day:%Y/%m/%d}", f"{day:%Y%m%d}", f"{day.isoformat()} 00:00:00"],
        "mdy": [f"{day:%m/%d/%Y}", f"{day.month}-{day.day}-{day.year}", f"{day:%m%d%Y}"],
        "dmy": [f"{day:%d.%m.%Y}", f"{day.day}/{day.month}/{day.year} 12:00 AM"],
        "month": [f"{day:%B %d, %Y}", f"{day:%d-%b-%Y}", f"{day:%a, %d %B %Y}"],
    }
    for form, texts in written.items():
        for text in texts:
            found = dates.read(text, form)
            assert found is not None, text
            assert found.date() == day
            assert times.is_midnight(found.rest)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "xl/workbook.xml",
                "xl/worksheets/sheet1.xml",
                "xl/styles.xml",
                "xl/sharedStrings.xml",
                "[Content_Types].xml",
                "xl/_rels/workbook.xml.rels",
                "_rels/.rels",
            ]
        ),
        st.binary(max_size=300),
    )
)
def test_any_parts_of_a_workbook_give_rows_or_a_sentence(parts: dict[str, bytes]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    _read(out.getvalue())
