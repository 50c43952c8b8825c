"""The proposed mapping: sure pairs stand, doubtful ones are commented out, the text parses."""

import pytest

from sync.core.records import VisitType
from sync.core.wire import MalformedError
from sync.mapping import parse
from sync.setup.suggest import suggest

DIVISION = "https://api.oncallhealth.ca/divisions/7/"


def provider(own: int, name: str, email: str, *divisions: object) -> dict[str, object]:
    url = f"https://api.oncallhealth.ca/providers/{own}/"
    return {"url": url, "full_name": name, "email": email, "memberships": list(divisions)}


def doctor(own: int, first: str, last: str, email: str) -> dict[str, object]:
    return {"id": own, "first_name": first, "last_name": last, "email": email}


def proposed(**given: object) -> str:
    lists: dict[str, object] = {"doctors": [], "offices": [], "profiles": [], "providers": []}
    return suggest(**(lists | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "membership", [DIVISION, {"division": DIVISION}, {"url": DIVISION}, 7, {"division": 7}]
)
def test_the_same_email_is_sure(membership: object) -> None:
    text = proposed(
        doctors=[doctor(5, "Ann", "Lee", "Lee@x.org")],
        providers=[provider(50, "A. Lee", "lee@X.org", membership)],
        offices=[{"id": 3, "name": "Main", "doctor": 5}, {"id": 4, "name": "Other", "doctor": 6}],
    )
    entry = parse(text).doctor("5")
    assert entry is not None
    assert (entry.oncall_provider, entry.oncall_division, entry.booking_office) == ("50", "7", "3")


@pytest.mark.parametrize(
    "providers",
    [
        [],
        [provider(50, "Ann Lee", "other@x.org", DIVISION)],  # the name only
        [provider(50, "A", "lee@x.org")],  # no division
        [provider(50, "A", "lee@x.org", DIVISION, 8)],  # several divisions
        [provider(50, "A", "lee@x.org", 7), provider(51, "B", "lee@x.org", 7)],
    ],
)
def test_what_is_doubtful_waits_for_a_person(providers: list[object]) -> None:
    text = proposed(doctors=[doctor(5, "Ann", "Lee", "lee@x.org")], providers=providers)
    assert parse(text).doctors == ()
    assert "# drchrono = 5" in text
    assert "# decide: the provider and the division" in text


def test_a_likely_pair_is_named_as_such() -> None:
    text = proposed(
        doctors=[doctor(5, "Ann", "Lee", "")],
        providers=[provider(50, "Ann  LEE", "b@x.org", DIVISION)],
    )
    assert "# Ann Lee: likely, same name" in text
    assert "# oncall_provider = 50" in text


def test_one_provider_is_given_to_one_doctor_only() -> None:
    text = proposed(
        doctors=[doctor(5, "Ann", "Lee", "l@x.org"), doctor(6, "Bo", "Lee", "l@x.org")],
        providers=[provider(50, "Lee", "l@x.org", DIVISION)],
    )
    assert [entry.drchrono for entry in parse(text).doctors] == ["5"]


def test_profiles_by_their_names() -> None:
    names = {
        1: "Video visit",
        2: "Telephone check-in",
        3: "In-Office exam",
        4: "New patient",
        5: "Virtual group",
        6: "Phone or video",
        7: "Telehealth",
    }
    mapping = parse(proposed(profiles=[{"id": key, "name": name} for key, name in names.items()]))
    types = {key: mapping.visit_type(str(key), None, None) for key in names}
    assert types == {
        1: VisitType.ONLINE,
        2: VisitType.PHONE,
        3: VisitType.INPERSON,
        4: None,
        5: VisitType.ONLINE,
        6: None,
        7: VisitType.ONLINE,
    }
    assert [key for key in names if mapping.is_group(str(key))] == [5]


def test_a_name_cannot_become_a_line_of_the_file() -> None:
    evil = 'x\n[policy]\nfee_bearing_writes = true\u2028\x00\x7f#"'
    text = proposed(
        doctors=[doctor(5, evil, evil, "l@x.org")],
        providers=[provider(50, evil, "l@x.org", DIVISION)],
        offices=[{"id": 3, "name": evil, "doctor": 5}],
        profiles=[{"id": 1, "name": evil + " video"}],
        contact_fields={"452": evil},
    )
    assert not parse(text).policy.fee_bearing_writes
    assert "l@x.org" not in text
    assert "# contact_field = 452" in text


def test_an_object_without_an_address_is_refused() -> None:
    with pytest.raises(MalformedError):
        proposed(providers=[{"full_name": "A"}])
