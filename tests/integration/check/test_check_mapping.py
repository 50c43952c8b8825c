"""The mapping against what both systems list: a pure comparison, as a table."""

from typing import Any

import pytest

from sync import mapping
from sync.setup import check_mapping
from sync.setup.check_mapping import DrChronoSide

NO_ZONE = "doctor 1 has no usable time zone in DrChrono and none in the mapping"
ONE_DOCTOR = """
[[doctors]]
drchrono = 1
oncall_provider = 2
oncall_division = 3
"""
PROVIDERS: list[dict[str, Any]] = [
    {"url": "https://api.oncallhealth.ca/providers/2/", "memberships": ["https://x/divisions/3/"]}
]


def compared(text: str, zone: str = "US/Eastern") -> list[str]:
    """What is missing of a mapping in a practice of one doctor and one profile, by its detail."""
    here = DrChronoSide(
        doctors=[{"id": 1, "timezone": zone}],
        offices=[{"id": 5}],
        profiles=[{"id": 7, "doctor": 1, "name": "Video  Visit"}],
    )
    findings = check_mapping.compare(mapping.parse(text), here, PROVIDERS)
    return [one.detail for one in findings if not one.ok]


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        (ONE_DOCTOR, "US/Eastern", []),
        (ONE_DOCTOR, "Nowhere/Atlantis", [NO_ZONE]),
        (ONE_DOCTOR + 'timezone = "US/Pacific"', "", []),
        (ONE_DOCTOR + "offices = [5, 6]", "US/Eastern", ["doctor 1: office 6 is not in DrChrono"]),
        (ONE_DOCTOR + '[types.profiles]\n"video visit" = "online"', "US/Eastern", []),
        (
            ONE_DOCTOR + "[types.booking_profiles]\nonline = 7\nphone = 8",
            "US/Eastern",
            ["types: booking profile 8 is not in DrChrono"],
        ),
        (
            ONE_DOCTOR + '[types]\ngroup_profiles = ["Group"]',
            "US/Eastern",
            ["types: profile Group is not in DrChrono"],
        ),
    ],
)
def test_a_mapping_against_what_both_systems_list(
    text: str, zone: str, expected: list[str]
) -> None:
    assert compared(text, zone) == expected
