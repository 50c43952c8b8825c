"""Fuzz the reading of files, guided by coverage: rows or a sentence, in bounded time and memory.

    .venv/bin/python tests/fuzz/fuzz_sheets.py -max_total_time=600 -rss_limit_mb=1024 -timeout=20

Anything else than UnusableError or ChoiceError ends it with the bytes that did it. It begins with
the files of `tests/files`. What runs of it came to stands in docs/reliability.md.
"""

from __future__ import annotations

import io
import sys
import tempfile
import zipfile
from datetime import date
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sync", "clevercsv", "csv", "zipfile"]):
    import clevercsv  # noqa: F401 - the reading imports it with the first file

    from sync.core.addresses import USUAL_TABLE
    from sync.core.batch.model import Kind
    from sync.sheets import choosing, headers, writing
    from sync.sheets.appointments import read_appointment
    from sync.sheets.errors import ChoiceError, UnusableError
    from sync.sheets.look import look, rows
    from sync.sheets.model import Options
    from sync.sheets.patients import read_patient
    from sync.sheets.places import Named, Place, Places

SHELF = Path(__file__).parents[1] / "files"
READERS = {Kind.IMPORT_PATIENTS: read_patient, Kind.IMPORT_APPOINTMENTS: read_appointment}
OPTIONS = Options(
    date(2026, 11, 29),
    USUAL_TABLE,
    Places((Place("1", "10", "100", "America/Toronto"),), (Named("10", "Ada Provider"),)),
)
HEADERS = (
    b"First Name,Last Name,Email,DOB,Sex,Phone,Provider\r\n",
    b"Patient Name;Email;Start;End Time;Duration;Status;Visit Type;Time Zone\n",
)
with zipfile.ZipFile(SHELF / "patients.xlsx") as _book:
    PARTS = {one: _book.read(one) for one in _book.namelist()}
FUZZED = ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml")


def read(data: bytes) -> None:
    """Read a file as the service does."""
    pieces = [data[place : place + 4096] for place in range(0, len(data), 4096)]
    sheet = look(pieces)
    for kind, reader in READERS.items():
        chosen = headers.recognised(kind, sheet.headers, sheet.samples)
        try:
            choice = choosing.choose(kind, sheet, chosen)
        except ChoiceError:
            choice = choosing.Choice({field: place for place, field in chosen.items()}, {})
        for row in rows(pieces, sheet.form):
            reader(row.cells, choice, OPTIONS)
            writing.line(row.cells)


def once(data: bytes) -> None:
    """One input: the first byte says which part of a file the rest is."""
    how, rest = (data[0], data[1:]) if data else (0, b"")
    try:
        if how % 8 < 3:
            read(rest)
        elif how % 8 < 5:
            read(HEADERS[how % 2] + rest)
        else:
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as made:
                for name, part in PARTS.items():
                    made.writestr(name, rest if name == FUZZED[how // 8 % 4] else part)
            read(out.getvalue())
    except UnusableError:
        pass


def main() -> None:
    """Fuzz from the shelf on."""
    with tempfile.TemporaryDirectory() as corpus:
        for file in SHELF.iterdir():
            (Path(corpus) / file.name).write_bytes(b"\0" + file.read_bytes())
        for place, name in enumerate(FUZZED):
            (Path(corpus) / f"part{place}").write_bytes(bytes([5 + 8 * place]) + PARTS[name])
        atheris.Setup([*sys.argv, corpus], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
