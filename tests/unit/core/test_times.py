"""Convert wall clocks and UTC at every edge of daylight saving (docs/rules.md, R28)."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sync.core.times import TimeFormatError, format_utc, parse_utc, to_utc, to_wall, zone_of


@pytest.mark.parametrize(
    ("text", "zone", "utc", "note"),
    [
        ("2026-01-15T09:30:00", "America/New_York", "2026-01-15T14:30:00Z", None),
        ("2026-07-15T09:30:00", "America/New_York", "2026-07-15T13:30:00Z", None),
        # A legacy name, as DrChrono sends them, and a time without seconds.
        ("2026-07-15T09:30", "US/Eastern", "2026-07-15T13:30:00Z", None),
        # Spring forward, northern hemisphere: 2:00 to 3:00 on 8 March 2026 does not exist.
        ("2026-03-08T01:59:59", "America/New_York", "2026-03-08T06:59:59Z", None),
        ("2026-03-08T02:30:00", "America/New_York", "2026-03-08T07:30:00Z", "gap"),
        ("2026-03-08T03:00:00", "America/New_York", "2026-03-08T07:00:00Z", None),
        # Fall back: 1:00 to 2:00 on 1 November 2026 happens twice, the first is meant.
        ("2026-11-01T01:30:00", "America/New_York", "2026-11-01T05:30:00Z", "fold"),
        ("2026-11-01T02:00:00", "America/New_York", "2026-11-01T07:00:00Z", None),
        # The southern hemisphere turns the other way round: Sydney, 4 October and 5 April 2026.
        ("2026-10-04T02:30:00", "Australia/Sydney", "2026-10-03T16:30:00Z", "gap"),
        ("2026-04-05T02:30:00", "Australia/Sydney", "2026-04-04T15:30:00Z", "fold"),
        # Half an hour only: Lord Howe, 2:00 to 2:30 on 4 October 2026.
        ("2026-10-04T02:15:00", "Australia/Lord_Howe", "2026-10-03T15:45:00Z", "gap"),
        # Both sides of the date line, and the day that Samoa left out.
        ("2026-05-01T00:10:00", "Pacific/Kiritimati", "2026-04-30T10:10:00Z", None),
        ("2026-05-01T23:50:00", "Pacific/Pago_Pago", "2026-05-02T10:50:00Z", None),
        ("2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T22:00:00Z", "gap"),
        # No daylight saving at all.
        ("2026-07-15T09:30:00", "America/Phoenix", "2026-07-15T16:30:00Z", None),
        ("2026-07-15T09:30:00.250", "UTC", "2026-07-15T09:30:00Z", None),
    ],
)
def test_wall_clock_to_utc(text: str, zone: str, utc: str, note: str | None) -> None:
    instant, told = to_utc(text, zone)
    assert (format_utc(instant), told) == (utc, note)


def test_a_gap_moves_forward_on_the_wall() -> None:
    instant, _ = to_utc("2026-03-08T02:30:00", "America/New_York")
    assert to_wall(instant, "America/New_York") == "2026-03-08T03:30:00"


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-01-15T09:30:00Z", "UTC"),
        ("2026-01-15T09:30:00-05:00", "UTC"),
        ("2026-02-30T09:30:00", "UTC"),
        ("2026-01-15T24:30:00", "UTC"),
        ("2026-01-15", "UTC"),
        ("Jane Doe", "UTC"),
        ("2026-01-15T09:30:00", "Mars/Olympus"),
        ("2026-01-15T09:30:00", ""),
        ("2026-01-15T09:30:00", "../etc/passwd"),
        ("2026-01-15T09:30:00", "America"),
        ("0001-01-01T00:30:00", "Asia/Tokyo"),
    ],
)
def test_what_is_no_wall_clock_time_is_refused_without_repeating_it(text: str, zone: str) -> None:
    with pytest.raises(TimeFormatError) as error:
        to_utc(text, zone)
    assert "Jane" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-15T0:00:00Z", "2026-01-15T00:00:00Z"),  # OnCall's own sample
        ("2019-01-16T18:00:00Z", "2019-01-16T18:00:00Z"),
        ("2026-01-15T10:00:00.123456Z", "2026-01-15T10:00:00Z"),
        ("2026-01-15T10:00:00+05:30", "2026-01-15T04:30:00Z"),
        ("2026-01-15T22:00:00-0500", "2026-01-16T03:00:00Z"),
        ("2026-01-15 10:00Z", "2026-01-15T10:00:00Z"),
        ("2026-01-15t10:00:00z", "2026-01-15T10:00:00Z"),
        ("2026-01-15T10:00:00+02", "2026-01-15T08:00:00Z"),
    ],
)
def test_oncall_times_are_read_leniently(text: str, utc: str) -> None:
    assert format_utc(parse_utc(text)) == utc


@pytest.mark.parametrize("text", ["2026-01-15T10:00:00", "tomorrow", "", "2026-01-15T10:00:00+99"])
def test_an_oncall_time_without_offset_is_refused(text: str) -> None:
    with pytest.raises(TimeFormatError):
        parse_utc(text)


def test_written_form_is_two_digits_and_z() -> None:
    assert format_utc(datetime(2026, 3, 4, 5, 6, 7, 890000, UTC)) == "2026-03-04T05:06:07Z"


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001
    st.sampled_from(
        ["America/New_York", "US/Pacific", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"]
    ),
)
def test_a_wall_clock_outside_gaps_survives_the_round_trip(wall: datetime, zone: str) -> None:
    text = wall.strftime("%Y-%m-%dT%H:%M:%S")
    instant, note = to_utc(text, zone)
    assume(note != "gap")
    assert to_wall(instant, zone) == text
    assert instant.tzinfo is UTC


def test_zones_are_looked_up_once() -> None:
    assert zone_of("US/Eastern") is zone_of("US/Eastern")
