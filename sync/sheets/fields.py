"""Say which fields a row of each kind has, what they are called, and what a template looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sync.core.batch.model import Kind
from sync.sheets import writing

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a column may hold: its name in commands, its title on pages, and a line of help.

    `required`: no row can be used without it. Of names one of several ways is (`NAMED`).
    """

    name: str
    title: str
    help: str
    required: bool = False


# How a file may say a name: any one of these sets of columns does.
NAMED: Final = (("first_name", "last_name"), ("full_name",), ("full_name_reversed",))
# How a file may say when a visit begins.
TIMED: Final = (("start",), ("date", "time"))
# Who a visit is with: a chart by its id, or somebody by name and e-mail.
KNOWN: Final = (("patient_id",), *((*names, "email") for names in NAMED))

_NAMES: Final = (
    Field("first_name", "First name", "The given name alone."),
    Field("last_name", "Last name", "The family name alone."),
    Field("full_name", "Whole name, first name first", "Or “Last, First” with a comma."),
    Field("full_name_reversed", "Whole name, last name first", "Without a comma: two words only."),
)
_BIRTH: Final = Field("birth_date", "Date of birth", "One form of date in the whole column.")
_PROVIDER: Final = Field(
    "provider", "Provider", "By name, e-mail, id or address in OnCall, or by id in DrChrono."
)
_DIVISION: Final = Field("division", "Division", "By name, id or address in OnCall.")
_PATIENT_ID: Final = Field(
    "patient_id", "Patient id in DrChrono", "The number in the address of the chart."
)
_RECORD: Final = Field(
    "record", "Patient's reference", "Chart id or MRN; kept with the record in OnCall."
)

FIELDS: Final[Mapping[Kind, tuple[Field, ...]]] = {
    Kind.IMPORT_PATIENTS: (
        *_NAMES,
        Field("email", "E-mail", "The patient's own address.", required=True),
        Field("mobile_phone", "Mobile phone", "Taken before any other number."),
        Field("phone", "Phone", "Taken where there is no mobile number."),
        Field("home_phone", "Home phone", "Taken where there is no other number."),
        _BIRTH,
        Field("sex", "Sex", "Male, female, other or unknown, or their first letters."),
        _PATIENT_ID,
        _RECORD,
        _PROVIDER,
        _DIVISION,
    ),
    Kind.IMPORT_APPOINTMENTS: (
        *_NAMES,
        Field("email", "E-mail", "The patient's own address."),
        _BIRTH,
        _PATIENT_ID,
        _RECORD,
        _PROVIDER,
        _DIVISION,
        Field("start", "Start, date and time", "Of the doctor's clock, or with an offset."),
        Field("date", "Date", "One form of date in the whole column."),
        Field("time", "Start time", "As 14:30 or 2:30 PM."),
        Field("end_time", "End time", "Where there is no column of lengths."),
        Field("zone", "Time zone", "As America/Toronto; else the doctor's."),
        Field("minutes", "Length", "In minutes, or as 0:30."),
        Field("type", "Kind of visit", "Online, in person or by phone."),
        Field("status", "Status", "Cancelled and finished visits are not made."),
        Field("reference", "Visit's reference", "The visit's id in the EMR; kept in OnCall."),
    ),
}

# Made up for good: example.com is nobody's (RFC 2606), 555-01xx numbers are kept for fiction.
_EXAMPLES: Final[Mapping[Kind, tuple[tuple[str, str, str], ...]]] = {
    Kind.IMPORT_PATIENTS: (
        ("first_name", "First Name", "Example"),
        ("last_name", "Last Name", "Patient"),
        ("email", "Email", "example.patient@example.com"),
        ("mobile_phone", "Mobile Phone", "416-555-0100"),
        ("birth_date", "Date of Birth", "1980-12-31"),
        ("sex", "Sex", "female"),
        ("record", "Chart ID", "EXPA000001"),
        ("provider", "Provider", "Dr. Example Provider"),
        ("division", "Division", "Example Division"),
    ),
    Kind.IMPORT_APPOINTMENTS: (
        ("first_name", "Patient First Name", "Example"),
        ("last_name", "Patient Last Name", "Patient"),
        ("email", "Patient Email", "example.patient@example.com"),
        ("birth_date", "Date of Birth", "1980-12-31"),
        ("patient_id", "DrChrono Patient ID", ""),
        ("provider", "Provider", "Dr. Example Provider"),
        ("date", "Date", "2030-01-31"),
        ("time", "Start Time", "14:30"),
        ("minutes", "Duration", "30"),
        ("type", "Visit Type", "online"),
        ("reference", "Appointment ID", "EXAMPLE-1"),
    ),
}


def names(kind: Kind) -> frozenset[str]:
    """The names of the kind's fields."""
    return frozenset(one.name for one in FIELDS[kind])


def title(kind: Kind, name: str) -> str:
    """What a field is called on pages."""
    return next(one.title for one in FIELDS[kind] if one.name == name)


def lacking(kind: Kind, chosen: frozenset[str]) -> str:
    """What the chosen fields lack, as a sentence; nothing where rows can be read with them."""
    if kind is Kind.IMPORT_PATIENTS:
        if "email" not in chosen:
            return "Choose the column that holds the patients' e-mail addresses."
        if not _any(NAMED, chosen):
            return "Choose the columns of first and last name, or the one of the whole name."
        return ""
    if not _any(KNOWN, chosen):
        return "Choose who the visits are with: the patient's id, or name and e-mail address."
    if not _any(TIMED, chosen):
        return "Choose when the visits begin: one column of date and time, or one of each."
    return ""


def template(kind: Kind) -> str:
    """A CSV to fill in: the header, and one row that nobody is."""
    rows = _EXAMPLES[kind]
    return (
        writing.BOM
        + writing.line(header for _, header, _ in rows)
        + writing.line(value for _, _, value in rows)
    )


def _any(ways: tuple[tuple[str, ...], ...], chosen: frozenset[str]) -> bool:
    return any(chosen.issuperset(way) for way in ways)
