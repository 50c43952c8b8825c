"""What must be read from each file of the shelf, typed from the files by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sync.core.addresses import USUAL_TABLE
from sync.core.batch.model import Kind
from sync.core.records import VisitType, present
from sync.sheets import choosing, headers
from sync.sheets.appointments import AppointmentRead, read_appointment
from sync.sheets.errors import ChoiceError, UnusableError
from sync.sheets.look import look, rows
from sync.sheets.model import Options
from sync.sheets.patients import PatientRead, read_patient
from sync.sheets.places import Named, Place, Places

SHELF = Path(__file__).parents[2] / "files"
PLACES = Places(
    (Place("1", "10", "100", "America/Toronto"), Place("2", "20", "200", "America/Vancouver")),
    (
        Named("10", "Ada Provider", "ada.provider@example.org"),
        Named("20", "Bo Doctor", "bo.doctor@example.org"),
    ),
    (Named("100", "Main Clinic"), Named("200", "North Clinic")),
    (Named("1", "Ada Provider, MD"), Named("2", "Bo Doctor")),
)
OPTIONS = Options(date(2026, 11, 29), USUAL_TABLE, PLACES)
PATIENTS, APPOINTMENTS = Kind.IMPORT_PATIENTS, Kind.IMPORT_APPOINTMENTS


def _read(kind: Kind, name: str, date_format: str | None = None) -> dict[int, Any]:
    """Each row by its line: its problem, or what it says."""
    data = (SHELF / name).read_bytes()
    sheet = look([data])
    chosen = headers.recognised(kind, sheet.headers, sheet.samples)
    choice = choosing.choose(kind, sheet, chosen, date_format)
    reader: Any = read_patient if kind is PATIENTS else read_appointment
    return {
        row.line: row.problem or reader(row.cells, choice, OPTIONS)
        for row in rows([data], sheet.form)
    }


def _person(read: PatientRead | AppointmentRead) -> list[Any]:
    who = read.person
    born = present(who.birth_date, None)
    said = [who.first_name, who.last_name, who.email, present(who.phone, "?")]
    return [*said, born.isoformat() if born else "", who.sex]


def _problems(read: Any) -> list[tuple[str, int | None, str]]:
    if isinstance(read, str):
        return [("", None, read)]
    return [(one.field, one.column, one.code) for one in read.problems]


# --- patients -------------------------------------------------------------------------------------

ANNA = ["Anna", "Example", "anna.example@example.com", "4165550102", "1980-04-13", "female"]
PEOPLE: list[tuple[str, dict[int, list[Any]]]] = [
    (
        "drchrono_patients.csv",
        {
            2: ANNA,
            # No mobile number: the home one. What is beside (emergency, responsible) is not read.
            3: ["Ben", "Sample", "ben.sample@example.com", "4165550103", "1975-12-31", "male"],
            4: ["Chloé", "Test", "", "", "1990-02-28", "other"],
        },
    ),
    (
        "snake_case.csv",
        {
            2: ["Dora", "Example", "dora@example.com", "4165550104", "1988-01-02", "female"],
            3: ["Emil", "Example", "emil@example.com", "", "1950-11-30", "male"],
        },
    ),
    (
        "semicolons_windows_1252.csv",
        {
            2: [
                *("François", "Côté", "francois.cote@example.com", "5145550105"),
                *("1961-07-08", "male"),
            ],
            3: ["Zoé", "Lœuvre", "zoe.loeuvre@example.com", "", "1999-12-01", "female"],
        },
    ),
    (
        "excel_unicode_text.txt",
        {
            2: ["Łukasz", "Przykład", "lukasz@example.com", "", "1980-04-03", "male"],
            3: ["花子", "例", "hanako@example.com", "", "1992-08-15", "female"],
        },
    ),
    ("utf_16_big_endian.csv", {2: ["Ørjan", "Eksempel", "orjan@example.com", "", "", ""]}),
    ("utf_8_with_bom.csv", {2: ["Zoë", "Muster", "zoe@example.com", "", "1970-05-06", ""]}),
    (
        "sep_line.csv",
        {
            3: ["Fay", "Example", "fay@example.com", "", "1969-12-31", ""],
            4: ["Gus", "Example", "gus@example.com", "", "2003-02-01", ""],
        },
    ),
    (
        "pipes.txt",
        {
            2: ["JANE", "EXAMPLE", "jane@example.com", "4165550106", "1980-04-03", "female"],
            3: ["KARL", "SAMPLE", "karl@example.com", "4165550107", "1979-12-31", "male"],
        },
    ),
    (
        "quoted_newlines.csv",
        {
            2: ["Lea", "Example", "lea@example.com", "", "", ""],
            5: ["Max", "Example", "max@example.com", "", "", ""],
        },
    ),
    (
        "old_mac.csv",
        {
            2: ["Nia", "Example", "nia@example.com", "", "", ""],
            3: ["Oli", "Example", "oli@example.com", "", "", ""],
        },
    ),
    (
        "day_first_dates.csv",
        {
            2: ["Pia", "Example", "pia@example.com", "", "1980-04-03", ""],
            3: ["Quy", "Example", "quy@example.com", "", "1975-12-31", ""],
        },
    ),
    ("title_lines.csv", {6: ["Wim", "Example", "wim@example.com", "", "", ""]}),
    (
        "patients.xlsx",
        {
            2: ["Jo", "Example", "jo@example.com", "4165550112", "1980-04-03", "female"],
            4: ["Kim", "Sample", "kim@example.com", "4165550113", "2001-12-31", "male"],
        },
    ),
]


@pytest.mark.parametrize(("name", "people"), PEOPLE, ids=[name for name, _ in PEOPLE])
def test_people_are_read(name: str, people: dict[int, list[Any]]) -> None:
    found = _read(PATIENTS, name)
    assert {line: _person(read) for line, read in found.items()} == people
    wrong = {line: _problems(read) for line, read in found.items() if _problems(read)}
    chloe = {4: [("email", 8, "email_placeholder")]}
    assert wrong == (chloe if name == "drchrono_patients.csv" else {})


def test_names_in_one_column_are_cut_where_that_is_sure() -> None:
    found = _read(PATIENTS, "last_first.csv")
    assert {line: (_person(one)[:2], one.record) for line, one in found.items()} == {
        2: (["Hal", "Example"], "00017"),
        3: (["Ida", "Van der Sample"], "00018"),
        4: (["Mary Ann", "Test"], "00019"),
    }
    assert _problems(found[4]) == [("full_name", 0, "name_unsure")]
    # By name, its parts in any order and without titles.
    assert [one.person.doctor for one in found.values()] == ["1", "1", "2"]


def test_a_formula_gives_its_value_and_a_number_its_digits() -> None:
    found = _read(PATIENTS, "patients.xlsx")
    assert [(one.person.doctor, one.record) for one in found.values()] == [
        ("1", "17"),
        ("2", "EX-18"),
    ]


def test_each_wrong_row_says_what_is_wrong_and_where() -> None:
    found = _read(PATIENTS, "odd_rows.csv")
    assert {line: _problems(one) for line, one in found.items()} == {
        2: [],
        3: [("", None, "few_cells")],
        4: [("", None, "many_cells")],
        5: [("", None, "quotes")],
        6: [("email", 2, "email_is_name"), ("first_name", 0, "name_is_email")],
        7: [
            ("email", 2, "email_several"),
            ("phone", 3, "phone_unreadable"),
            ("sex", 4, "sex_unknown"),
        ],
        8: [("phone", 3, "formula")],
        9: [],
    }


def test_no_formula_is_a_name_and_guarded_texts_are_read() -> None:
    found = _read(PATIENTS, "formulas.csv")
    assert [_problems(one)[:1] for one in found.values()] == [
        [("first_name", 0, "formula")],
        [],
        [("first_name", 0, "name_is_email")],
    ]
    assert [one.record for one in found.values()] == ["0007", "0008", "0009"]


def test_a_header_in_the_middle_is_no_patient() -> None:
    found = _read(PATIENTS, "joined_exports.csv")
    assert {line: _problems(one) for line, one in found.items()} == {
        2: [],
        3: [("", None, "header_again")],
        4: [],
    }


# --- dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "chosen", "days"),
    [
        ("ambiguous_dates.csv", "mdy", ["1980-03-04", "1975-11-12"]),
        ("ambiguous_dates.csv", "DD/MM/YYYY", ["1980-04-03", "1975-12-11"]),
        ("ambiguous_dates.csv", "%d-%m-%Y", ["1980-04-03", "1975-12-11"]),
        ("day_first_dates.csv", "dmy", ["1980-04-03", "1975-12-31"]),
        ("two_digit_years.csv", "month2", ["1975-12-31", "2020-01-01"]),
    ],
)
def test_a_chosen_form_is_read(name: str, chosen: str, days: list[str]) -> None:
    assert [_person(one)[4] for one in _read(PATIENTS, name, chosen).values()] == days


@pytest.mark.parametrize(
    ("name", "chosen", "code", "said"),
    [
        ("ambiguous_dates.csv", None, "date_format_asked", "month/day/year"),
        ("two_digit_years.csv", None, "date_format_asked", "two digits"),
        ("mixed_dates.csv", None, "date_format_mixed", "line 4"),
        ("mixed_dates.csv", "mdy", "date_format_mixed", "line 4"),
        ("excel_dates_and_texts.xlsx", None, "date_format_mixed", "line 3"),
        ("day_first_dates.csv", "mdy", "date_format_unfit", "day/month/year"),
        ("ambiguous_dates.csv", "ymd", "date_format_asked", "month/day/year"),
        ("ambiguous_dates.csv", "whatever", "date_format_unknown", "mdy"),
    ],
)
def test_a_form_that_is_not_sure_is_asked(
    name: str, chosen: str | None, code: str, said: str
) -> None:
    with pytest.raises(ChoiceError, match=said) as refused:
        _read(PATIENTS, name, chosen)
    assert refused.value.code == code


# --- appointments ---------------------------------------------------------------------------------

T = datetime
VISITS: list[tuple[str, dict[int, tuple[Any, ...]]]] = [
    (
        "drchrono_appointments.csv",
        {
            2: (T(2027, 1, 15, 14, 30, tzinfo=UTC), 30, VisitType.ONLINE, "1", "900001"),
            3: (T(2027, 1, 15, 19, tzinfo=UTC), 20, VisitType.ONLINE, "1", "900002"),
            # In Vancouver, in summer.
            4: (T(2027, 7, 15, 16, 30, tzinfo=UTC), 30, VisitType.INPERSON, "2", "900003"),
        },
    ),
    (
        "appointments_in_parts.csv",
        {
            2: (T(2027, 1, 15, 14, 30, tzinfo=UTC), 30, VisitType.ONLINE, "1", ""),
            3: (T(2027, 1, 15, 18, 15, tzinfo=UTC), 20, VisitType.PHONE, "1", ""),
            4: (None, None, VisitType.ONLINE, "1", ""),
            5: (None, None, VisitType.INPERSON, "1", ""),
        },
    ),
    (
        "appointments_with_offset.tsv",
        {
            2: (T(2027, 1, 15, 14, 30, tzinfo=UTC), 30, None, "1", "A-1"),
            3: (T(2027, 1, 15, 14, 30, tzinfo=UTC), 45, None, "1", "A-2"),
            4: (T(2027, 1, 15, 13, 30, tzinfo=UTC), 75, None, "2", "A-3"),
        },
    ),
    (
        "appointments.xlsx",
        {
            2: (T(2027, 1, 15, 19, 30, tzinfo=UTC), 30, VisitType.ONLINE, "1", ""),
            3: (T(2027, 1, 15, 14, 20, tzinfo=UTC), 15, VisitType.PHONE, "1", ""),
        },
    ),
]


@pytest.mark.parametrize(("name", "visits"), VISITS, ids=[name for name, _ in VISITS])
def test_visits_are_read(name: str, visits: dict[int, tuple[Any, ...]]) -> None:
    found = _read(APPOINTMENTS, name)
    assert {
        line: (one.starts, one.minutes, one.type, one.doctor, one.reference)
        for line, one in found.items()
    } == visits
    wrong = {line: _problems(one) for line, one in found.items() if _problems(one)}
    assert wrong == {
        "drchrono_appointments.csv": {3: [("status", 9, "visit_over")]},
        "appointments_in_parts.csv": {
            3: [("status", 10, "visit_over")],
            4: [("time", 1, "time_unsure")],
            5: [("time", 1, "time_skipped")],
        },
    }.get(name, {})


# --- files that can't be used ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("two_headers.csv", "two_headers"),
        ("grouped_headers.csv", "two_headers"),
        ("no_header.csv", "no_header"),
        ("header_only.csv", "no_rows"),
        ("empty.csv", "empty"),
        ("half_a_row.csv", "half_a_row"),
        ("half_a_quoted_row.csv", "half_a_row"),
        ("half_letter_utf_16.txt", "encoding_broken"),
        ("two_encodings.csv", "encoding_mixed"),
        ("two_sheets.xlsx", "several_sheets"),
        ("binary.csv", "binary"),
        ("web_page.xls", "markup"),
        ("old_excel.xls", "old_workbook"),
    ],
)
def test_a_file_of_no_use_says_why_and_repeats_nothing(name: str, code: str) -> None:
    with pytest.raises(UnusableError) as refused:
        look([(SHELF / name).read_bytes()])
    assert refused.value.code == code
    assert "xample" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_every_file_of_the_shelf_is_described_and_read() -> None:
    told = (SHELF / "README.md").read_text()
    here = Path(__file__).read_text()
    for file in SHELF.iterdir():
        assert file.suffix == ".md" or (f"`{file.name}`" in told and f'"{file.name}"' in here)
