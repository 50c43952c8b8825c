"""Read what people type into optional fields as a person would, or leave it out."""

from datetime import date

import pytest

from sync.core import readings
from sync.core.records import ABSENT, Absent


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (("(212) 555-1542",), "2125551542"),
        (("2125551542",), "2125551542"),
        (("+1 212 555 1542",), "2125551542"),
        (("1-212-555-1542 x12",), "2125551542"),
        (("cell: 212.555.1542 (call after 5)",), "2125551542"),
        (("212-555-1542 mum, 212 555 1542",), "2125551542"),
        (("(416) 555-0123",), "4165550123"),
        (("+44 20 7946 0958",), "+442079460958"),
        (("",), ""),
        (("", " "), ""),
        # Several, none, or none that is one.
        (("212-555-1542 / 646-555-0199",), ABSENT),
        (("ask mum",), ABSENT),
        (("555-1542",), ABSENT),
        (("000-000-0000",), ABSENT),
        (("9999999999",), ABSENT),
        # The second field where the first has none.
        (("none", "(212) 555-1542"), "2125551542"),
    ],
)
def test_phones(texts: tuple[str, ...], read: str | Absent) -> None:
    assert readings.phone(*texts) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("1984-05-06", date(1984, 5, 6)),
        ("1984-05-06T00:00:00", date(1984, 5, 6)),
        ("1984/05/06", date(1984, 5, 6)),
        ("May 6, 1984", date(1984, 5, 6)),
        (" 6 May 1984 ", date(1984, 5, 6)),
        ("05/16/1984", date(1984, 5, 16)),
        ("05/05/1984", date(1984, 5, 5)),
        ("", None),
        ("   ", None),
        (None, None),
        # It could be May or June; nobody is born then; no date at all.
        ("05/06/1984", ABSENT),
        ("0001-01-01", ABSENT),
        ("in spring", ABSENT),
        (19840506, ABSENT),
    ],
)
def test_birth_dates(value: object, read: date | Absent | None) -> None:
    assert readings.birth_date({"born": value}, "born") == read  # type: ignore[dict-item]


def test_a_field_that_was_not_sent_is_absent() -> None:
    assert readings.birth_date({}, "born") is ABSENT
    assert readings.text({"phone": ["a list"]}, "phone") is ABSENT
    assert readings.text({"phone": 2125551542}, "phone") == "2125551542"
