"""Invariant 4, it converges: under every unknown of both systems, in company or alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import open_clinic
from tests.support.matrix import ELSEWHERE, UNKNOWNS, Unknown, tour
from tests.support.sandbox_client import Sandbox
from tests.support.unknowns import SETS, SETTINGS


def _parameter(unknowns: tuple[Unknown, ...]) -> Any:
    return pytest.param(unknowns, id=" ".join(map(str, unknowns)) or "none")


def test_every_switch_of_the_sandbox_is_shown(sandbox: Sandbox) -> None:
    switched = {(unknown.remote, unknown.switch) for unknown in UNKNOWNS} | set(ELSEWHERE)
    assert switched == {
        (remote, name)
        for remote in ("drchrono", "oncall")
        for name in sandbox.state(remote)["behaviours"]
    }


@pytest.mark.parametrize("unknowns", [_parameter(found) for found in ((), *SETTINGS, *SETS)])
def test_the_tour(
    unknowns: tuple[Unknown, ...], sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    _tour(unknowns, sandbox, sqlite_url, tmp_path)


def test_the_tour_on_postgresql(sandbox: Sandbox, postgres_url: str, tmp_path: Path) -> None:
    # Webhooks come a little later: the door's race with a run's own insert has a test of its own
    # (test_our_own_webhook_comes_while_the_answer_is_stored).
    for remote in ("drchrono", "oncall"):
        sandbox.faults(remote, webhooks={"mode": "delay", "seconds": 0.15})
    _tour((), sandbox, postgres_url, tmp_path)


def _tour(unknowns: tuple[Unknown, ...], sandbox: Sandbox, url: str, home: Path) -> None:
    # A bulk list that is ready at once saves half a second a pass; the slow one is switched too.
    sandbox.behaviours("drchrono", bulk_polls=0)
    settings = {}
    for unknown in unknowns:
        sandbox.behaviours(unknown.remote, **{unknown.switch: unknown.value})
        settings |= dict(unknown.settings)
    with open_clinic(sandbox, url, home, **settings) as clinic:
        clinic.new_patient()
        clinic.settle()
        clinic.go_live()
        tour(clinic, *unknowns)
