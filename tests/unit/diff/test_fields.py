"""Two records are compared field by field; what was not sent differs from nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sync.core.records import ABSENT, Attendee, Person, Visit, VisitType
from sync.operations.diff import fields

AT = datetime(2026, 12, 1, 15, tzinfo=UTC)
HERE = Visit("drchrono", "1", AT, minutes=30, type=VisitType.ONLINE, provider="201")
THERE = replace(HERE, system="oncall", remote_id="9")
CHART = Person(
    *("drchrono", "7", "patient"),
    first_name="Ada",
    last_name="Okoro",
    email="ada@mail.example",
    phone="2125550147",
    birth_date=date(1980, 1, 2),
    sex="female",
)
CONTACT = replace(CHART, system="oncall", remote_id="8", kind="contact")
WHO = Attendee("5", "Ada", "Okoro", "ada@mail.example", cancelled=False)


@pytest.mark.parametrize(
    ("change", "differ"),
    [
        ({}, ()),
        ({"starts": AT.replace(hour=16)}, ("starts",)),
        ({"minutes": 45}, ("minutes",)),
        ({"type": VisitType.PHONE}, ("type",)),
        ({"provider": "202"}, ("provider",)),
        ({"starts": AT.replace(hour=16), "minutes": 10}, ("starts", "minutes")),
        *(({name: ABSENT}, ()) for name in ("starts", "minutes", "type", "provider")),
    ],
)
def test_visits(change: dict[str, Any], differ: tuple[str, ...]) -> None:
    assert fields.of_visits(HERE, replace(THERE, **change)) == differ


@pytest.mark.parametrize(("profile", "differ"), [(30, ()), (45, ("minutes",)), (ABSENT, ())])
def test_a_length_may_be_the_profile_s(profile: Any, differ: tuple[str, ...]) -> None:
    here = replace(HERE, minutes=ABSENT, profile_minutes=profile)
    assert fields.of_visits(here, THERE) == differ


@pytest.mark.parametrize(
    ("change", "differ"),
    [
        ({}, ()),
        ({"first_name": "Ida"}, ("first_name",)),
        ({"email": "other@mail.example"}, ("email",)),
        ({"email": ""}, ("email",)),
        ({"phone": "1"}, ("phone",)),
        ({"birth_date": None}, ("birth_date",)),
        ({"sex": "male"}, ("sex",)),
        ({"sex": ABSENT, "phone": ABSENT, "birth_date": ABSENT, "email": ABSENT}, ()),
        ({"first_name": "Ada Okoro", "last_name": "", "name_guessed": True}, ()),
        ({"first_name": "Ada", "last_name": "Other", "name_guessed": True}, ("last_name",)),
    ],
)
def test_contacts(change: dict[str, Any], differ: tuple[str, ...]) -> None:
    assert fields.of_people(CHART, replace(CONTACT, **change)) == differ


@pytest.mark.parametrize(
    ("chart", "contact", "differ"),
    [
        # OnCall has no word for Other (docs/api-facts.md, O31): it is written as Unknown.
        ({"sex": "other"}, {"sex": ""}, ()),
        ({"sex": "other"}, {"sex": "male"}, ("sex",)),
        ({"sex": "female"}, {"sex": ""}, ("sex",)),
        ({"phone": "+442071838750"}, {"phone": "+442071838750"}, ()),
        ({"birth_date": ABSENT}, {"birth_date": date(1980, 1, 2)}, ()),
        (
            {"first_name": ABSENT, "last_name": ABSENT, "email": ABSENT},
            {"email": "x@y.example"},
            (),
        ),
    ],
)
def test_the_chart_counts_as_it_can_be_written(
    chart: dict[str, Any], contact: dict[str, Any], differ: tuple[str, ...]
) -> None:
    assert fields.of_people(replace(CHART, **chart), replace(CONTACT, **contact)) == differ


@pytest.mark.parametrize("name", ["phone", "birth_date", "sex"])
def test_what_the_chart_leaves_empty_is_not_asked_of_oncall(name: str) -> None:
    empty: Any = None if name == "birth_date" else ""
    assert fields.of_people(replace(CHART, **{name: empty}), CONTACT) == ()


@pytest.mark.parametrize(
    ("change", "differ"), [({}, ()), ({"email": "x@mail.example"}, ("email",))]
)
def test_participants(change: dict[str, Any], differ: tuple[str, ...]) -> None:
    assert fields.of_people(CHART, replace(WHO, **change)) == differ
