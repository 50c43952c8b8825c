"""Invariant 1, nothing lost, and 2, nothing twice: the worker's process is killed at each point.

Before and after every call and every commit of a flow, by SIGKILL. Another worker takes over when
the lease has run out; then both sides agree, and the patient got the mails of the change, each
once. The first worker of a flow lives: what it comes by are the points. One flow is one test.

`make test` takes the points of a move that leave different things behind, each third to seventh of
the others (`killed_flows.py`).
EVERY_POINT=1 takes all of all, and both orders in which our own echoes can come.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from tests.support.agreement import disagreements
from tests.support.clinic import Clinic, open_clinic
from tests.support.flows import NO_LIMITS, Round, prepared, prove_the_list
from tests.support.sandbox_client import Sandbox
from tests.support.servers.killed_flows import KILLED, Killed
from tests.support.servers.mortal import Life, Mortals, Point
from tests.support.templates import Templates, gone_live

LEASE_SECONDS = 45
EVERY_POINT = bool(os.environ.get("EVERY_POINT"))
CASES = [
    pytest.param(killed, first, id=f"{killed}-{'echo first' if first else 'echo last'}")
    for killed in KILLED
    for first in ((False, True) if EVERY_POINT else (killed.echo_first,))
]


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    with Mortals() as started:
        yield started


@pytest.mark.timeout(1200 if EVERY_POINT else 300)
@pytest.mark.parametrize(("killed", "echo_first"), CASES)
def test_killed_at_each_point(
    killed: Killed, echo_first: bool, mortals: Mortals, templates: Templates, tmp_path: Path
) -> None:
    def prepare(clinic: Clinic) -> Round:
        _without_limits(clinic)
        return prepared(clinic, killed.flow, 0)

    def one(dies_at: Point | None) -> Life:
        home = tmp_path / "round"
        rmtree(home, ignore_errors=True)
        home.mkdir()
        with templates.unchecked(f"killed {killed}", home, prepare, **NO_LIMITS) as clinic:
            return _round(clinic, mortals, killed, clinic.stands, echo_first, dies_at)

    points = one(None).points
    if not EVERY_POINT:
        points = points[:: killed.every] if killed.every > 1 else _told_apart(points)
    for point in points:
        one(point)


def _told_apart(points: list[Point]) -> list[Point]:
    """The points that leave different things behind.

    Between what is after one and what is before the next nothing is stored and nothing called, and
    a killed process takes with it what it had in mind.
    """
    return [
        point
        for point, following in zip(points, [*points[1:], None], strict=True)
        if following is None or not following.what.startswith("before")
    ]


def test_what_a_dead_worker_had_locked_is_free(
    mortals: Mortals, sandbox: Sandbox, postgres_url: str, tmp_path: Path
) -> None:
    """PostgreSQL: killed in the middle of each transaction of a move, its rows locked."""
    (killed,) = [one for one in KILLED if str(one) == "moved_in_oncall"]
    with open_clinic(sandbox, postgres_url, tmp_path, **NO_LIMITS) as clinic:
        _without_limits(clinic)

        def one(number: int, dies_at: Point | None) -> Life:
            stands = prepared(clinic, killed.flow, number)
            return _round(clinic, mortals, killed, stands, echo_first=False, dies_at=dies_at)

        points = one(0, None).points
        commits = [point for point in points if point.what.startswith("before commit")]
        for number, point in enumerate(commits, 1):
            one(number, point)


def _without_limits(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("drchrono", bulk_polls=0, hourly_limit=100_000)
    gone_live(clinic)
    prove_the_list(clinic)


def _round(
    clinic: Clinic,
    mortals: Mortals,
    killed: Killed,
    stands: Round,
    echo_first: bool,
    dies_at: Point | None,
) -> Life:
    """A worker dies at its point, if it is to die; another takes over, and all is well."""
    clinic.forget()
    conflicts = clinic.conflicts()
    killed.flow.act(clinic, stands)
    clinic.sandbox.wait_idle()
    life = mortals.work(clinic, echo_first=echo_first, dies_at=dies_at)
    assert life.ended == (0 if dies_at is None else -signal.SIGKILL), life.log
    if dies_at is None:
        _every_call_is_a_point(clinic, killed, life)
    clinic.advance(LEASE_SECONDS + 1)
    clinic.settle(hours=6)
    found = disagreements(clinic) + clinic.wire.problems
    if sorted(clinic.mails()) != sorted(killed.flow.mails):
        found.append(f"mails: {clinic.mails()}")
    if clinic.conflicts() != sorted([*conflicts, *killed.conflicts]):
        found.append(f"conflicts: {clinic.conflicts()}")
    found += [f"attention: {cause}" for cause in clinic.attention()]
    assert not found, "\n".join([f"killed {dies_at} of {len(life.points)} points", *found])
    return life


def _every_call_is_a_point(clinic: Clinic, killed: Killed, life: Life) -> None:
    """Nothing that a system saw of this worker, and nothing that the flow needs, is missing."""
    before = [point.what.removeprefix("before ") for point in life.points]
    calls = [what for what in before if not what.startswith(("after", "commit"))]
    assert sorted(calls) == sorted(clinic.calls("drchrono") + clinic.calls("oncall"))
    for _remote, method, pattern in killed.flow.calls:
        path = pattern.strip("^$").replace(r"\d+", "ID")
        assert f"{method} {path}" in calls
