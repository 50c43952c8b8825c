"""Tables: which field a header means, which doctor a cell, which time of day, which length."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from sync.core.addresses import USUAL_TABLE
from sync.core.batch.causes import say
from sync.core.batch.model import Kind
from sync.core.batch.of_rows import ROWS
from sync.sheets import headers, spellings
from sync.sheets.choosing import Choice, choose
from sync.sheets.errors import ChoiceError
from sync.sheets.model import Options, Sheet
from sync.sheets.patients import read_patient
from sync.sheets.places import Named, Place, Places
from sync.sheets.values import times

PATIENTS, APPOINTMENTS = Kind.IMPORT_PATIENTS, Kind.IMPORT_APPOINTMENTS


@pytest.mark.parametrize(
    ("kind", "header", "field"),
    [
        (PATIENTS, "First Name", "first_name"),
        (PATIENTS, "  patient_first_NAME* ", "first_name"),
        (PATIENTS, "PatientFirstName", "first_name"),
        (PATIENTS, "Given name(s)", None),
        (PATIENTS, "Given Name", "first_name"),
        (PATIENTS, "Prénom", "first_name"),
        (PATIENTS, "Surname", "last_name"),
        (PATIENTS, "Client Last Name", "last_name"),
        (PATIENTS, "Patient Name", "full_name"),
        (PATIENTS, "Name (Last, First)", "full_name_reversed"),
        (PATIENTS, "E-Mail Address", "email"),
        (PATIENTS, "Patient E-mail", "email"),
        (PATIENTS, "D.O.B.", "birth_date"),
        (PATIENTS, "Patient DOB", "birth_date"),
        (PATIENTS, "DOB (MM/DD/YYYY)", "birth_date"),
        (PATIENTS, "Legal Sex", "sex"),
        (PATIENTS, "Cell", "mobile_phone"),
        (PATIENTS, "Phone (Home)", "home_phone"),
        (PATIENTS, "Primary Phone #", "phone"),
        (PATIENTS, "MRN", "record"),
        (PATIENTS, "Chart #", "record"),
        # Another health record's id is not DrChrono's.
        (PATIENTS, "Patient ID", "record"),
        (PATIENTS, "DrChrono Patient ID", "patient_id"),
        (PATIENTS, "Rendering Provider", "provider"),
        (PATIENTS, "Clinic", "division"),
        # Of somebody else, or of another matter.
        (PATIENTS, "Guarantor Email", None),
        (PATIENTS, "Emergency Contact Name", None),
        (PATIENTS, "Referring Provider", None),
        (PATIENTS, "Preferred Name", None),
        (PATIENTS, "Middle Name", None),
        (PATIENTS, "Mother's First Name", None),
        (PATIENTS, "Provider First Name", None),
        (PATIENTS, "Work Phone", None),
        (PATIENTS, "Insurance ID", None),
        (PATIENTS, "", None),
        (PATIENTS, "x" * 5000, None),
        (APPOINTMENTS, "Appointment Date", "date"),
        (APPOINTMENTS, "Date of Service", "date"),
        (APPOINTMENTS, "Appt Time", "time"),
        (APPOINTMENTS, "Scheduled Date/Time", "start"),
        (APPOINTMENTS, "End Time", "end_time"),
        (APPOINTMENTS, "Time Zone", "zone"),
        (APPOINTMENTS, "Duration (min)", "minutes"),
        (APPOINTMENTS, "Visit Type", "type"),
        (APPOINTMENTS, "Appointment Status", "status"),
        (APPOINTMENTS, "Appt ID", "reference"),
        (APPOINTMENTS, "Visit Name", None),
        (APPOINTMENTS, "Patient Status", None),
        (APPOINTMENTS, "Date Created", None),
        (APPOINTMENTS, "Patient Email", "email"),
        (APPOINTMENTS, "Provider Email", "provider"),
    ],
)
def test_a_header_means_a_field_or_nothing(kind: Kind, header: str, field: str | None) -> None:
    assert headers.recognised(kind, [header]) == ({} if field is None else {0: field})


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        # The better name of the two; of two alike none: either may be somebody else's.
        (["Email", "Patient Email"], {1: "email"}),
        (["Email 1", "Email"], {1: "email"}),
        (["Email", "Email"], {}),
        # First and last name say more than a whole one.
        (["Name", "First Name", "Last Name"], {1: "first_name", 2: "last_name"}),
        (["Patient Name", "First Name"], {0: "full_name"}),
    ],
)
def test_of_two_columns_for_a_field_the_better_is_taken(
    names: list[str], fields: dict[int, str]
) -> None:
    assert headers.recognised(PATIENTS, names) == fields


def test_a_date_with_its_time_is_a_start_whatever_its_header() -> None:
    names = ["Start Time", "Date"]
    both = [["2027-01-15 09:30", ""]]
    apart = [["9:30 AM", "01/15/2027"]]
    assert headers.recognised(APPOINTMENTS, names, both)[0] == "start"
    assert headers.recognised(APPOINTMENTS, names, apart) == {0: "time", 1: "date"}
    assert headers.recognised(APPOINTMENTS, ["Patient"], [["1234"]]) == {0: "record"}
    assert headers.recognised(APPOINTMENTS, ["Patient"], [["Ann Lee"]]) == {0: "full_name"}


def test_no_spelling_stands_for_two_fields() -> None:
    for table in spellings._ALL.values():
        every = [spelling for one in table.values() for spelling in one]
        assert sorted(every) == sorted(set(every))
        assert [one for one in every if headers.folded(one) != one] == []


def test_a_choice_is_remembered_for_the_same_headers_of_a_kind() -> None:
    names = ["First Name", "Prénom"]
    digest = headers.header_digest(PATIENTS, names)
    assert len(digest) == 64
    assert digest == headers.header_digest(PATIENTS, [" First Name", "Pre\u0301nom"])
    assert digest != headers.header_digest(APPOINTMENTS, names)
    assert digest != headers.header_digest(PATIENTS, names[::-1])


SHEET = Sheet({"width": 4}, (), (), 1, {}, {})


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({0: "first_name", 1: "last_name"}, "field_missing"),
        ({0: "email", 1: "first_name"}, "field_missing"),
        ({0: "email", 1: "full_name", 2: "email"}, "field_twice"),
        ({0: "email", 4: "full_name"}, "no_column"),
        ({0: "email", 1: "shoe_size"}, "no_field"),
    ],
)
def test_a_choice_that_says_too_little_is_refused(columns: dict[int, str], code: str) -> None:
    with pytest.raises(ChoiceError) as refused:
        choose(PATIENTS, SHEET, columns)
    assert refused.value.code == code


def test_a_choice_is_stored_without_what_the_file_says() -> None:
    choice = choose(PATIENTS, SHEET, {0: "email", 1: "full_name"})
    assert Choice.of(choice.json()) == choice
    sheet = Sheet({"width": 2}, ("Anna",), (("Anna",),), 7, {1: ("mdy",)}, {0: (3,)})
    assert "Anna" not in str(sheet.json())
    assert Sheet.of(sheet.json()) == Sheet({"width": 2}, (), (), 7, {1: ("mdy",)}, {0: (3,)})


# --- whom a provider's cell means -----------------------------------------------------------------

PLACES = Places(
    (
        Place("1", "10", "100", "America/Toronto"),
        Place("2", "10", "200", "America/Toronto"),
        Place("3", "30", "100"),
        Place("4", "40", "400"),
    ),
    (
        Named("10", "Ada Provider", "ada@example.org"),
        Named("30", "Bo Sample"),
        Named("31", "Bo Sample"),
        Named("40", "Cy Doctor"),
        Named("50", "Di Elsewhere"),
        Named("3", "Ed Confusing"),
    ),
    (Named("100", "Main"), Named("200", "North"), Named("400", "West"), Named("401", "West")),
    (Named("1", "Ada Provider"), Named("2", "Ada Provider"), Named("4", "Cyril Doctor")),
)


@pytest.mark.parametrize(
    ("provider", "division", "found"),
    [
        ("Dr. Ada Provider, MD", "Main", "1"),
        ("PROVIDER, Ada", "north", "2"),
        ("ada@example.org", "200", "2"),
        ("https://api.oncallhealth.ca/providers/10/", "https://x.example/divisions/100/", "1"),
        ("1", "", "1"),
        ("40", "", "4"),
        ("Cyril Doctor", "", "4"),
        ("Cy Doctor", "400", "4"),
        ("", "400", "4"),
        ("", "", None),
        ("Ada Provider", "", "division_needed"),
        ("10", "", "division_needed"),
        ("", "Main", "provider_needed"),
        ("Bo Sample", "", "provider_ambiguous"),
        # The id of a provider, and of a doctor who is somebody else.
        ("3", "", "provider_ambiguous"),
        ("30", "", "3"),
        ("Di Elsewhere", "", "provider_unmapped"),
        ("Provider", "", "provider_unknown"),
        ("nobody@example.org", "", "provider_unknown"),
        ("Dr.", "", "provider_unknown"),
        ("Cy Doctor", "Main", "provider_not_in_division"),
        ("Cy Doctor", "East", "division_unknown"),
        ("Cy Doctor", "West", "division_ambiguous"),
    ],
)
def test_a_provider_is_found_or_nobody(provider: str, division: str, found: str | None) -> None:
    doctor, code, _ = PLACES.doctor(provider, division)
    assert (doctor or code) == found


# --- times and lengths ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("14:30", (time(14, 30), False, None)),
        ("2:30 PM", (time(14, 30), False, None)),
        ("12:05 a.m.", (time(0, 5), False, None)),
        ("9am", (time(9), False, None)),
        ("09:30:15", (time(9, 30, 15), False, None)),
        ("0930", (time(9, 30), False, None)),
        ("14h30", (time(14, 30), False, None)),
        ("2:30", (time(2, 30), True, None)),
        ("02:30", (time(2, 30), False, None)),
        ("9:30", (time(9, 30), False, None)),
        ("14:30Z", (time(14, 30), False, timedelta(0))),
        ("14:30:00 -05:00", (time(14, 30), False, timedelta(hours=-5))),
        ("14:30 UTC+0530", (time(14, 30), False, timedelta(hours=5, minutes=30))),
        ("14:30+15:00", None),
        ("14:30 EST", None),
        ("25:00", None),
        ("13:00 PM", None),
        ("soon", None),
        ("", None),
        ("9", None),
    ],
)
def test_a_time_is_read_or_none(
    text: str, found: tuple[time, bool, timedelta | None] | None
) -> None:
    read = times.read(text)
    assert (None if read is None else (read.time, read.unsure, read.offset)) == found


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("30", 30), ("30.0", 30), ("30 min", 30), ("0:45", 45), ("1:00:00", 60), ("1 hr", 60)),
        *(("1h30", 90), ("1 hour, 15 minutes", 75), ("long", None), ("", None), ("-30", None)),
    ],
)
def test_a_length_is_read_or_none(text: str, minutes: int | None) -> None:
    assert times.minutes(text) == minutes


# --- people ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        ({"email": "ann@lee.example"}, []),
        ({"first_name": "ann@lee.example"}, ["name_is_email"]),
        ({"first_name": ""}, ["name_missing"]),
        ({"first_name": "123"}, ["name_invalid"]),
        ({"first_name": "Null", "last_name": "None"}, ["name_invalid", "name_invalid"]),
        ({"email": ""}, ["email_missing"]),
        ({"email": "Ann Lee"}, ["email_is_name"]),
        ({"email": "n/a"}, ["email_placeholder"]),
        ({"email": "noemail@clinic.com"}, ["email_placeholder"]),
        ({"email": "ann@example.com, bob@example.com"}, ["email_several"]),
        ({"email": "ann@example"}, ["email_invalid"]),
        ({"email": "Ann <ann@example.com>"}, []),
        ({"phone": "'+1 416 555 0100"}, []),
        ({"phone": "4165550100.0"}, []),
        ({"phone": "n/a"}, []),
        ({"phone": "4.16556E+09"}, ["phone_unreadable"]),
        ({"phone": "555-0100"}, ["phone_unreadable"]),
        ({"birth_date": "1980-04-03"}, []),
        ({"birth_date": "1980-04-03T00:00:00Z"}, []),
        ({"birth_date": "1980-04-03 05:00"}, ["birth_date_with_time"]),
        ({"birth_date": "2030-01-01"}, ["birth_date_impossible"]),
        ({"birth_date": "1870-01-01"}, ["birth_date_impossible"]),
        ({"birth_date": "1980-02-30"}, ["birth_date_unreadable"]),
        ({"birth_date": "unknown"}, []),
        ({"sex": "Féminin"}, []),
        ({"sex": "Non-binary"}, []),
        ({"sex": "yes"}, ["sex_unknown"]),
        ({"record": "x" * 101}, ["record_too_long"]),
        ({"patient_id": "EX-1"}, ["patient_id_unreadable"]),
        ({"provider": "nobody"}, ["provider_unknown"]),
    ],
)
def test_a_cell_is_read_or_its_problem_is_told(cells: dict[str, str], wrong: list[str]) -> None:
    said = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", **cells}
    choice = Choice({field: place for place, field in enumerate(said)}, {"birth_date": "ymd"})
    read = read_patient(
        tuple(said.values()), choice, Options(date(2026, 11, 29), USUAL_TABLE, PLACES)
    )
    assert [one.code for one in read.problems] == wrong
    assert not any(text and text in repr(read) for text in ("Ann", "ann@", "416", "1980"))


def test_each_problem_has_a_sentence() -> None:
    here = Path(headers.__file__).parent
    told: set[str] = set()
    for file in ("people", "appointments"):
        text = (here / f"{file}.py").read_text()
        told |= set(re.findall(r'"((?:[a-z]+_)+[a-z]+)"', text))
    codes = {one for one in told if one.startswith(("email_", "name_", "phone_", "sex_", "time_"))}
    codes |= {one for one in told if one.startswith(("date_", "visit_", "length_", "status_"))}
    codes -= {"date_format", "time_zone"}
    assert codes - set(ROWS) == set()
    assert len({say(code) for code in ROWS}) == len(ROWS)
