"""Offer no visit and make no chart from what is not whole."""

import pytest

from sync.core.records import Attendee, Person
from sync.core.rules import inviting
from sync.core.rules.people import is_surely_split
from sync.oncall.translate import to_attendee

SAM = "sam@mail.example"


@pytest.mark.parametrize(
    ("first", "last", "lacking"),
    [
        ("Sam", "Lund", ()),
        ("Null", "Berg", ()),
        ("Christopher", "Null", ()),
        ("Na", "Li", ()),
        ("Test", "Patient", ()),
        ("小明", "王", ()),
        ("O", "Ng", ()),
        ("", "", ("first_name", "last_name")),
        ("Sam", "", ("last_name",)),
        ("", "Lund", ("first_name",)),
        (SAM, "", ("first_name", "last_name")),
        ("Sam", SAM, ("last_name",)),
        (SAM.upper(), SAM, ("first_name", "last_name")),
        ("sam", "sam", ("first_name", "last_name")),
        ("Sam", "N/A", ("last_name",)),
        ("Sam", "-", ("last_name",)),
        ("212", "5550147", ("first_name", "last_name")),
        ("null", "null", ("first_name", "last_name")),
        ("Unknown", "unknown", ("first_name", "last_name")),
        ("Sa\ufffdm", "Lund", ("first_name",)),
        ("Guest", "User", ("first_name", "last_name")),
        ("iPad", "iPad", ("first_name", "last_name")),
        ("Dr.", "Sam Lund", ("first_name",)),
        ("Sam", "TBD", ("last_name",)),
        ("sam", "mail.example", ("first_name", "last_name")),
        ("sam", "mail", ("first_name", "last_name")),
        ("Ms", "Lund", ()),
    ],
)
def test_what_a_new_chart_would_lack(first: str, last: str, lacking: tuple[str, ...]) -> None:
    assert inviting.missing(Attendee("1", first, last, SAM)) == lacking


def test_a_name_that_was_cut_by_guess_is_asked_about_until_somebody_says_so() -> None:
    who = Attendee("1", "Mary Ann", "Smith", SAM, name_guessed=True)
    assert inviting.missing(who) == ("name",)
    assert inviting.missing(who, decided=True) == ()
    nameless = Attendee("1", "", "", SAM)
    assert inviting.missing(nameless, decided=True) == ("first_name", "last_name")


@pytest.mark.parametrize(
    ("name", "sure"),
    [
        ("Sam Lund", True),
        ("Lund, Sam", True),
        ("Lund, Sam Erik", True),
        ("John Smith Jr.", True),
        ("Ludwig van Beethoven", True),
        ("Maria de la Cruz", True),
        ("Mary Ann Smith", False),
        ("Maria Garcia Lopez", False),
        ("Sam", False),
        ("", False),
    ],
)
def test_where_a_full_name_is_surely_cut(name: str, sure: bool) -> None:
    assert is_surely_split(name) is sure


@pytest.mark.parametrize(
    ("first", "last", "email", "cause"),
    [
        ("Sam", "Lund", SAM, ""),
        ("Cher", "", SAM, ""),
        ("", "Sukarno", SAM, ""),
        ("Sam", "Lund", "", inviting.NO_EMAIL),
        ("Sam", "Lund", "sam@mail.example; ida@mail.example", inviting.UNCLEAR_EMAIL),
        ("Sam", "Lund", "sam.mail.example", inviting.UNCLEAR_EMAIL),
        ("", "", SAM, inviting.NO_NAME),
        ("-", "", SAM, inviting.NO_NAME),
        (SAM, "", SAM, inviting.NO_NAME),
    ],
)
def test_by_what_a_visit_can_be_offered(first: str, last: str, email: str, cause: str) -> None:
    assert inviting.refusal(Person("drchrono", "1", "patient", first, last, email)) == cause


@pytest.mark.parametrize(
    ("field", "value", "may"),
    [
        ("email", SAM, True),
        ("email", "", False),
        ("email", "sam@", False),
        ("last_name", "Lund", True),
        ("last_name", SAM, False),
        ("phone", "2125550147", True),
        ("phone", "", False),
    ],
)
def test_what_may_go_into_a_chart(field: str, value: str, may: bool) -> None:
    assert inviting.may_go_into_chart(field, value) is may


def test_a_participant_of_a_booking_page_that_asks_for_the_address_only() -> None:
    sent = {"id": 5, "email": "sam@x.com", "name": "", "first_name": None}
    assert inviting.missing(to_attendee(sent)) == ("first_name", "last_name")
