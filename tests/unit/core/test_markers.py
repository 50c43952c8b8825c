"""Markers as text: there and back, and what is none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.markers import marker_text, parse_marker
from sync.core.records import Marker

MARKER = Marker("0123456789abcdef", 12, 2, 3, "4567", None)
TEXT = "m=drchrono-oncall.1&i=0123456789abcdef&a=12&g=2&l=3&o=4567"


def test_written_and_read() -> None:
    assert marker_text(MARKER) == TEXT
    assert parse_marker(TEXT) == MARKER
    assert parse_marker(f"https://clinic.example/visit/4567#{TEXT} ") == MARKER


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "Ax1A2",
        "https://clinic.example/visit/1",
        TEXT.replace("oncall.1", "oncall.2"),
        TEXT.replace("&g=2", ""),
        TEXT.replace("a=12", "a=-1"),
        TEXT.replace("a=12", "a=１２"),
        TEXT.replace("i=0123456789abcdef", "i=XYZ"),
        TEXT + "&a=13",
        TEXT.replace("o=4567", "o=45 67"),
        TEXT + "&x=" + "9" * 2000,
    ],
)
def test_what_is_no_marker(text: object) -> None:
    assert parse_marker(text) is None


@given(
    st.builds(
        Marker,
        st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
        st.integers(0, 10**17),
        st.integers(0, 999),
        st.integers(0, 999),
        st.none() | st.from_regex(r"[0-9]{1,20}", fullmatch=True),
        st.none() | st.text(min_size=1, max_size=60).filter(lambda text: max(text) < "\ud800"),
    )
)
def test_every_marker_comes_back(marker: Marker) -> None:
    assert parse_marker(f"https://clinic.example/v#{marker_text(marker)}") == marker


def test_a_seal_comes_back_and_an_edited_one_is_none() -> None:
    sealed = replace(MARKER, seal="0123456789abcdef01234567")
    found = parse_marker(marker_text(sealed))
    assert (found, found and found.seal) == (MARKER, "0123456789abcdef01234567")
    edited = parse_marker(marker_text(sealed) + "0")
    assert (edited, edited and edited.seal) == (MARKER, "")


def test_a_marker_stays_short() -> None:
    """DrChrono's and OnCall's fields are of a length that nobody documents."""
    long = Marker("0" * 16, 10**9, 99, 99, "9" * 12, "9" * 12 + "_20270119", "0" * 24)
    assert len(marker_text(long)) < 140
