"""Tell who is the same person, and who only looks like it (docs/rules.md, R25, R31)."""

from dataclasses import replace
from datetime import date

import pytest

from sync.core.records import ABSENT, Attendee, Person
from sync.core.rules.people import full_name, keys, match, normal_email, normal_name, split_name

BORN = date(1980, 1, 2)


def patient(
    first: str, last: str, email: str = "jane@x.org", born: date | None = BORN, own: str = "1"
) -> Person:
    return Person("drchrono", own, "patient", first, last, email, birth_date=born)


def participant(first: str, last: str, email: str = "jane@x.org") -> Attendee:
    return Attendee("56", first, last, email)


JANE = patient("Jane", "Doe")


@pytest.mark.parametrize(
    "candidate",
    [
        patient("Jane", "Doe"),
        patient("  jane ", "DOE", "Jane@X.org "),
        patient("Jäne", "Doé"),
        patient("Jane Doe", ""),
        patient("", "Jane Doe"),
        patient("Jane", "Doe Jr."),  # a suffix on one side only, with the same birth date
        participant("Jane", "Doe"),
        participant("Ｊane", "Doe"),  # full-width J: NFKC
    ],
)
def test_the_same_person(candidate: Person | Attendee) -> None:
    assert match(candidate, [JANE, patient("John", "Roe", "john@x.org")]).one is JANE


@pytest.mark.parametrize(
    ("chart", "typed"),
    [
        (("Anne-Marie", "O'Brien"), ("Anne Marie", "O’Brien")),
        (("Ana", "Smith-Jones"), ("Ana", "Smith Jones")),
        (("Cher", ""), ("", "Cher")),
        (("Maria del Carmen", "Lopez"), ("Maria", "del Carmen Lopez")),
        (("Søren", "Łukasz"), ("Soren", "Lukasz")),
        (("J.", "St. John"), ("J", "St John")),
    ],
)
def test_one_name_in_two_spellings(chart: tuple[str, str], typed: tuple[str, str]) -> None:
    known = patient(*chart)
    assert match(participant(*typed), [known]).one is known


UNSURE = {
    "a changed surname": (patient("Jane", "Miller"), [JANE]),
    "half a hyphenated surname": (patient("Jane", "Doe-Miller"), [JANE]),
    "another birth date": (patient("Jane", "Doe", born=date(1981, 1, 2)), [JANE]),
    "another e-mail": (patient("Jane", "Doe", "new@x.org"), [JANE]),
    "no e-mail on the candidate": (patient("Jane", "Doe", ""), [JANE]),
    "no e-mail in the chart": (participant("Jane", "Doe"), [patient("Jane", "Doe", "")]),
    "no birth date in the chart": (patient("Jane", "Doe"), [patient("Jane", "Doe", born=None)]),
    "the e-mail alone": (participant("Peter", "Doe"), [JANE]),
    "the name alone": (participant("Jane", "Doe", "other@x.org"), [JANE]),
    "no name": (participant("", ""), [JANE]),
    "twins, by their shared family e-mail": (
        participant("Ann", "Doe"),
        [patient("Ann", "Doe", own="1"), patient("Bea", "Doe", own="2")],
    ),
    "twins, an abbreviated name": (
        patient("A.", "Doe"),
        [patient("Ann", "Doe", own="1"), patient("Amy", "Doe", own="2")],
    ),
    "junior or senior, unsaid": (
        participant("John", "Doe"),
        [
            patient("John", "Doe Jr", born=date(1990, 5, 5), own="1"),
            patient("John", "Doe Sr", born=date(1960, 5, 5), own="2"),
        ],
    ),
    "junior or senior, a third birth date": (
        patient("John", "Doe", born=date(1970, 5, 5)),
        [
            patient("John", "Doe", born=date(1990, 5, 5), own="1"),
            patient("John", "Doe", born=date(1960, 5, 5), own="2"),
        ],
    ),
    "junior is not senior": (patient("John", "Doe Jr."), [patient("John", "Doe Sr.")]),
    "junior is not the second without a birth date": (
        participant("John", "Doe II"),
        [patient("John", "Doe")],
    ),
    "two charts of one person": (
        patient("Jane", "Doe"),
        [patient("Jane", "Doe", own="1"), patient("Jane", "Doe", own="2")],
    ),
    "a namesake whose birth date is unknown": (
        patient("Jane", "Doe"),
        [patient("Jane", "Doe", own="1"), patient("Jane", "Doe", born=None, own="2")],
    ),
}


@pytest.mark.parametrize("case", UNSURE)
def test_never_a_guess(case: str) -> None:
    candidate, people = UNSURE[case]
    found = match(candidate, people)
    assert found.one is None
    assert set(found.several) == set(people)
    assert not found.nobody


def test_twins_are_told_apart_by_everything_together() -> None:
    ann, bea = patient("Ann", "Doe", own="1"), patient("Bea", "Doe", own="2")
    assert match(patient("Bea", "Doe", own="9"), [ann, bea]).one is bea


def test_junior_and_senior_are_told_apart_by_birth_date() -> None:
    junior = patient("John", "Doe", born=date(1990, 5, 5), own="1")
    senior = patient("John", "Doe", born=date(1960, 5, 5), own="2")
    assert match(patient("John", "Doe Jr", born=date(1990, 5, 5)), [junior, senior]).one is junior


def test_nobody() -> None:
    assert match(participant("Peter", "Roe", "peter@x.org"), [JANE]).nobody
    assert match(participant("Peter", "Roe", ""), [patient("Jane", "Doe", "")]).nobody
    assert match(JANE, []).nobody


def test_the_reason_names_nobody() -> None:
    for candidate, people in UNSURE.values():
        why = match(candidate, people).why
        assert why
        assert not {"jane", "doe", "x.org"} & set(why.replace("_", " ").split())


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Jane Doe", "Jane", "Doe"),
        ("  Jane   Q.  Doe ", "Jane Q.", "Doe"),
        ("Cher", "Cher", ""),
        ("", "", ""),
        ("Doe, Jane", "Jane", "Doe"),
        ("John Doe, Jr.", "John", "Doe Jr."),
        ("John Doe III", "John", "Doe III"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Maria de la Cruz", "Maria", "de la Cruz"),
        ("Van Morrison", "Van", "Morrison"),
        ("Jane Smith-Jones", "Jane", "Smith-Jones"),
    ],
)
def test_split_names(name: str, first: str, last: str) -> None:
    assert split_name(name) == (first, last)


def test_full_names() -> None:
    assert full_name(" Jane ", "Doe") == "Jane Doe"
    assert full_name("", "Cher") == "Cher"


def test_emails_keep_dots_and_tags() -> None:
    assert normal_email(" J.Doe+Clinic@X.org") == "j.doe+clinic@x.org"
    assert normal_name("St. O'Brien-Smith") == "st obrien smith"


def test_keys_of_the_index() -> None:
    assert keys(patient("Jané", "Doe Jr.", "Jane@X.org")) == (
        ("email", ("jane@x.org",)),
        ("email_name", ("jane@x.org", "jane doe")),
        ("email_name_birth", ("jane@x.org", "jane doe", "1980-01-02")),
    )
    assert keys(participant("Jane", "Doe", "")) == (("email_name_birth", ("", "jane doe", "")),)


def test_what_was_not_sent_counts_as_unknown() -> None:
    nameless = replace(JANE, first_name=ABSENT, last_name=ABSENT, birth_date=ABSENT)
    assert match(nameless, [JANE]).one is None
    assert keys(nameless)[-1] == ("email_name_birth", ("jane@x.org", "", ""))


def test_records_keep_personal_fields_out_of_their_repr() -> None:
    shown = repr(JANE) + repr(participant("Jane", "Doe"))
    assert not any(word in shown for word in ("Jane", "Doe", "x.org", "1980"))
