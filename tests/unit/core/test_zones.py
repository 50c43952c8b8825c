"""Find the zone that a name means; no zone is unknown, never a default."""

from datetime import UTC, datetime

import pytest

from sync.core.times import TimeFormatError, to_utc
from sync.core.zones import known_zone, moved


@pytest.mark.parametrize(
    ("told", "zone"),
    [
        ("America/New_York", "America/New_York"),
        ("US/Eastern", "US/Eastern"),
        ("us/eastern", "US/Eastern"),
        (" America/New_York\n", "America/New_York"),
        ("america/new york", "America/New_York"),
        ("AMERICA / NEW_YORK", "America/New_York"),
        ("\ufeffUS/Pacific\u200b", "US/Pacific"),
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("eastern time (us & canada)", "America/New_York"),
        ("EST5EDT", "EST5EDT"),
        # As pages show them, and as people type them.
        ("(GMT-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(UTC-05:00) Eastern Time (US and Canada)", "America/New_York"),
        ("Pacific Time (US &amp; Canada)", "America/Los_Angeles"),
        ("'US/Eastern'", "US/Eastern"),
        ("America\\New_York", "America/New_York"),
        ("America/New-York", "America/New_York"),
        ("America/Port-au-Prince", "America/Port-au-Prince"),
        ("Etc/GMT-5", "Etc/GMT-5"),
        ("posix/America/New_York", "America/New_York"),
        ("Canada/East-Saskatchewan", "America/Regina"),
        # The tz database's `backward` names.
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("US/East-Indiana", "US/East-Indiana"),
        ("US/Pacific-New", "America/Los_Angeles"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("utc", "UTC"),
        # Nobody's zone, or not surely one.
        (None, None),
        ("", None),
        ("  ", None),
        (0, None),
        (True, None),
        (["US/Eastern"], None),
        ("Mars/Olympus", None),
        ("Eastern", None),
        ("-05:00", None),
        ("GMT-5 (New York)", None),
        ("Factory", None),
        ("localtime", None),
        ("right/America/New_York", None),
        ("../../etc/passwd", None),
        ("x" * 5000, None),
    ],
)
def test_a_name_is_a_zone_or_unknown(told: object, zone: str | None) -> None:
    assert known_zone(told) == zone


def test_a_zone_in_another_spelling_reads_the_same_clock() -> None:
    assert to_utc("2027-01-12T10:00:00", " us/eastern ")[0] == datetime(2027, 1, 12, 15, tzinfo=UTC)
    with pytest.raises(TimeFormatError):
        to_utc("2027-01-12T10:00:00", "nowhere")


@pytest.mark.parametrize(
    ("before", "after", "hour"),
    [
        ("US/Eastern", "US/Pacific", 18),
        ("US/Pacific", "US/Eastern", 12),
        # Another name of the same rules, and rules that differ on other days only.
        ("US/Eastern", "America/New_York", None),
        ("America/New_York", "America/Panama", None),
    ],
)
def test_what_another_zone_makes_of_an_instant(before: str, after: str, hour: int | None) -> None:
    at = datetime(2027, 1, 12, 15, tzinfo=UTC)
    assert moved(at, before, after) == (at.replace(hour=hour) if hour else None)
