"""Group visits under every unknown of both systems, and with two engines at work on one group."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.agreement import disagreements
from tests.support.clinic import Clinic, open_clinic, wall
from tests.support.flows import NO_LIMITS, Round, book_both, here, move_there, slot, two_patients
from tests.support.group_clinic import book, group_of, make_groups, open_names, patients
from tests.support.matrix import Unknown
from tests.support.sandbox_client import Sandbox
from tests.support.servers.two_engines import two_engines, until_idle
from tests.support.unknowns import CLINICS, SECOND, SETTINGS, under_each


@pytest.mark.parametrize("number", range(CLINICS))
def test_a_group_under_each_unknown(
    number: int, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    def tour(clinic: Clinic, at: int, _: tuple[Unknown, ...], listed: bool) -> None:
        _tour(clinic, at, catch_up=listed)

    under_each(SECOND[number::CLINICS], sandbox, sqlite_url, tmp_path, tour)


@pytest.mark.parametrize(
    "unknowns",
    SETTINGS,
    ids=lambda found: " ".join(map(str, found)),
)
def test_a_group_under_an_unknown_that_is_a_setting(
    unknowns: tuple[Unknown, ...], sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {}
    for one in unknowns:
        sandbox.behaviours(one.remote, **{one.switch: one.value})
        settings |= one.settings
    with open_clinic(sandbox, sqlite_url, tmp_path, **settings) as clinic:
        clinic.go_live()
        _tour(clinic, 0)


def _tour(clinic: Clinic, number: int, *, catch_up: bool = True) -> None:
    """Two are booked; OnCall moves them; a third joins and the first leaves."""
    this = two_patients(clinic, number)
    clinic.forget()
    book_both(clinic, this)
    clinic.settle()
    first, _ = _appointments(clinic, this)
    visit = clinic.visits()[-1]
    move_there(clinic, Round(number, this.patient, visit=visit["id"]))
    clinic.settle()
    at = here(slot(number, minute=30))
    third = clinic.new_patient(
        first_name="Ines", last_name=f"Costa{number}", email=f"ines{number}@mail.example"
    )
    book(clinic, third, scheduled_time=at, duration=30)
    clinic.edit(first, status="Cancelled")
    clinic.settle()
    if catch_up:
        clinic.catch_up()
    problems = disagreements(clinic, contacts=False)
    assert problems == []
    assert open_names(clinic.visit(visit["id"])) == ["Ines", "Omar"]
    assert Counter(clinic.mails()) == Counter(
        {("invitation", "app"): 3, ("change", "staff"): 2, ("cancellation", "app"): 1}
    )
    assert clinic.attention() == []


def _appointments(clinic: Clinic, this: Round) -> list[str]:
    people = (this.patient, this.second)
    found = {one["patient"]: one["id"] for one in clinic.appointments()}
    return [found[one] for one in people]


def test_two_engines_at_one_group(sandbox: Sandbox, postgres_url: str, tmp_path: Path) -> None:
    """Members come, go and move at once; every change is one mail for whom it concerns."""
    sandbox.behaviours("drchrono", bulk_polls=0, hourly_limit=100_000)
    # The clock runs fast here: a lease must not run out while a slow machine is at work.
    limits = {**NO_LIMITS, "group_settle_seconds": 5, "lease_seconds": 600}
    with open_clinic(sandbox, postgres_url, tmp_path, **limits) as clinic:
        make_groups(clinic)
        clinic.go_live()
        people = patients(clinic, 5)
        group_of(clinic, people[:2])

        def day() -> None:
            booked = [book(clinic, one) for one in people[2:4]]
            until_idle(clinic)
            clinic.edit(booked[0], status="Cancelled")
            book(clinic, people[4])
            until_idle(clinic)
            for one in clinic.appointments():
                clinic.edit(one["id"], scheduled_time=wall(days=5))
            until_idle(clinic)
            (visit,) = clinic.visits()
            clinic.change_visit(visit["id"], duration=45)
            until_idle(clinic)

        failures = two_engines(clinic, day)
        clinic.settle(hours=6)
        clinic.whole_cycle()
        assert failures == []
        assert disagreements(clinic) == []
        assert len(clinic.visits()) == 1
        assert Counter(clinic.mails()) == Counter(
            {
                ("invitation", "app"): 3,
                ("cancellation", "app"): 1,
                ("change", "app"): 4,
                ("change", "staff"): 4,
            }
        )
