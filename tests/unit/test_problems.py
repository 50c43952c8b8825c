"""What counts as a problem, in tables: pure, from how the service stands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.operations.alerting.problems import Standing, problems
from sync.operations.lights import Colour, Light
from sync.operations.status import LaneDepth
from sync.store.service.samples import Sample

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
WELL = Standing(
    now=NOW,
    lanes=[LaneDepth("live", 0, 0.0), LaneDepth("bulk", 900, 7000.0)],
    lights=[
        Light("drchrono", "read", Colour.GOOD, "", ""),
        Light("oncall", "read", Colour.LATE, "", ""),
    ],
    causes=[],
    token="good",
    token_until=NOW + timedelta(days=1),
    workers=[NOW - timedelta(seconds=3)],
    samples=[],
)


def minutes(count: int, *, parked: list[int], left: int = 100) -> list[Sample]:
    """One sample a minute until now, the parked spread over them in order."""
    each = -(-count // len(parked))
    return [
        Sample(NOW - timedelta(minutes=count - at), 0, 0.0, parked[at // each], 0, left)
        for at in range(count)
    ]


DAYS = 2 * 24 * 60 + 5
CASES = {
    "well": ({}, []),
    "a live change waits": ({"lanes": [LaneDepth("live", 1, 901.0)]}, ["oldest_live"]),
    "a live change waits a little": ({"lanes": [LaneDepth("live", 1, 899.0)]}, []),
    "an empty lane has no age": ({"lanes": [LaneDepth("live", 0, 9e9)]}, []),
    "lists take their time": ({"lanes": [LaneDepth("catchup", 5, 3 * 3600.0)]}, []),
    "lists take too long": ({"lanes": [LaneDepth("catchup", 5, 7 * 3600.0)]}, ["oldest_catchup"]),
    "a red light": (
        {"lights": [Light("oncall", "write", Colour.BAD, "", "")]},
        ["oncall_write"],
    ),
    "a light that is off": ({"lights": [Light("oncall", "write", Colour.OFF, "", "")]}, []),
    "no worker": ({"workers": []}, ["no_worker"]),
    "a worker that died": ({"workers": [NOW - timedelta(seconds=91)]}, ["no_worker"]),
    "one of two died": ({"workers": [NOW - timedelta(days=1), NOW]}, []),
    "a question about the service": ({"causes": ["token_lost"]}, ["token_lost"]),
    "the brake": ({"causes": ["brake"]}, ["brake"]),
    "the token ends": (
        {"token": "lost", "token_until": NOW + timedelta(hours=11)},
        ["token_ending"],
    ),
    "the token is lost and lives long": (
        {"token": "lost", "token_until": NOW + timedelta(hours=13)},
        [],
    ),
    "nobody connected": ({"token": "none", "token_until": None}, []),
    "the budget is used up for days": (
        {"samples": minutes(DAYS, parked=[0], left=0)},
        ["budget_exhausted"],
    ),
    "the budget is used up for a day": ({"samples": minutes(1440, parked=[0], left=0)}, []),
    "parked grow": ({"samples": minutes(1000, parked=[10, 40])}, ["parked_growth"]),
    "parked grow as they were many": ({"samples": minutes(1000, parked=[100, 130])}, []),
    "parked grow by few": ({"samples": minutes(1000, parked=[0, 19])}, []),
    "two at once": ({"workers": [], "causes": ["clock_off"]}, ["clock_off", "no_worker"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_a_problem(case: str) -> None:
    changes, names = CASES[case]
    assert [one.name for one in problems(replace(WELL, **changes))] == names  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES)
def test_each_says_what_it_is_and_what_to_do(case: str) -> None:
    for one in problems(replace(WELL, **CASES[case][0])):  # type: ignore[arg-type]
        assert one.sentence.endswith(".")
        assert one.press.endswith((".", "?"))
