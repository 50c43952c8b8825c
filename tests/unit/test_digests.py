"""Digests: keyed, salted, stable, and read with every configured key."""

import hashlib
import hmac

import pytest

from sync.digests import Digests, UnknownKeyError

OLD, NEW = b"o" * 32, b"n" * 32


def test_it_is_hmac_sha256_over_canonical_json() -> None:
    expected = hmac.new(OLD, b'["field",7,"starts",["09:00","5"]]', hashlib.sha256).hexdigest()
    assert Digests([OLD]).field(7, "starts", ["09:00", "5"]) == expected


def test_salted_by_object_field_and_key() -> None:
    digests = Digests([OLD])
    made = {
        digests.field(1, "email", "a@x.org"),
        digests.field(2, "email", "a@x.org"),
        digests.field(1, "name", "a@x.org"),
        Digests([NEW]).field(1, "email", "a@x.org"),
        digests.field(1, "email", None),
        digests.field(1, "email", ""),
    }
    assert len(made) == 6


def test_an_old_key_still_reads_and_a_lost_one_is_told() -> None:
    before = Digests([OLD])
    after = Digests([NEW, OLD])
    stored = before.field(1, "minutes", 60)
    assert after.field(1, "minutes", 60) != stored
    assert after.field(1, "minutes", 60, before.key_id) == stored
    with pytest.raises(UnknownKeyError):
        Digests([NEW]).field(1, "minutes", 60, before.key_id)


def test_all_fields_at_once() -> None:
    digests = Digests([OLD])
    assert digests.fields(3, {"minutes": 60, "patient": None}) == {
        "minutes": digests.field(3, "minutes", 60),
        "patient": digests.field(3, "patient", None),
    }


def test_people_are_found_whatever_case_width_or_spaces() -> None:
    digests = Digests([OLD])
    assert digests.person("email_name", "J@X.org", "Jane  Doe ") == digests.person(
        "email_name", "j@x.org", "ｊane doe"
    )
    assert digests.person("email", "a", "bc") != digests.person("email", "ab", "c")


def test_the_installation_outlives_the_database_and_a_new_key() -> None:
    before, after = Digests([OLD]), Digests([NEW, OLD])
    name = before.installation("17", "42")
    assert len(name) == 16
    assert name == Digests([OLD]).installation("17", "42")
    assert name != before.installation("42", "17")
    assert after.installations("17", "42") == {name, Digests([NEW]).installation("17", "42")}


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b"short"]])
def test_weak_keys_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="digest key"):
        Digests(keys)
