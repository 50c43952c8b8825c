"""Groups that were entered by hand on both sides: before going live, and moments apart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync.engine import go_live
from tests.integration.agreement import agree
from tests.integration.clinic import Clinic, open_clinic, wall
from tests.integration.group_clinic import (
    HOST,
    book,
    invite,
    make_groups,
    open_names,
    patients,
)
from tests.sandbox_client import Sandbox

DAY: dict[str, Any] = {"scheduled_time": wall(days=4), "duration": 30}


@pytest.fixture
def asking(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile that has not gone live, and is asked before it does."""
    with open_clinic(sandbox, sqlite_url, tmp_path, go_live="ask") as clinic:
        make_groups(clinic)
        yield clinic


def accept(clinic: Clinic) -> None:
    """Match, and go live."""
    clinic.forget()
    clinic.go_live()
    go_live.accept(clinic.sync)
    clinic.settle()


# --- before going live ----------------------------------------------------------------------------


def test_a_group_on_both_sides_is_matched_and_nobody_is_mailed(asking: Clinic) -> None:
    people = patients(asking, 4)[1:]
    booked = [book(asking, one, **DAY) for one in people]
    visit = invite(asking, 3)
    found = go_live.preview(asking.sync)
    assert (found.visits_matched, found.mails, found.to_decide) == (1, 0, {})
    assert (found.create_in_oncall, found.create_in_drchrono) == (0, 0)
    accept(asking)
    asking.whole_cycle()
    agree(asking)
    assert sorted(one["id"] for one in asking.appointments()) == sorted(booked)
    assert [v["id"] for v in asking.visits()] == [visit]
    assert asking.mails() == []
    assert asking.attention() == []
    # Each is the other's from now on.
    asking.edit(booked[0], status="Cancelled")
    asking.settle()
    (now,) = asking.visits()
    assert open_names(now) == ["Ines", "Jon"]


def test_who_is_on_one_side_only_is_added_on_the_other(asking: Clinic) -> None:
    people = patients(asking, 4)
    for one in people[:3]:
        book(asking, one, **DAY)
    visit = invite(asking, 3, HOST)
    found = go_live.preview(asking.sync)
    # Vera is invited, Jon booked, and the co-host is nobody's patient.
    assert (found.visits_matched, found.mails) == (1, 1)
    assert (found.create_in_oncall, found.create_in_drchrono) == (0, 1)
    assert found.to_decide == {"participant_unmatched": 1}
    accept(asking)
    (now,) = asking.visits()
    assert now["id"] == visit
    assert open_names(now) == ["Co", "Ines", "Jon", "Omar", "Vera"]
    assert sorted(one["patient"] for one in asking.appointments()) == sorted(people)
    assert asking.mails() == [("invitation", "app")]
    assert asking.attention() == ["participant_unmatched"]


def test_one_group_and_two_visits_there_is_a_question(asking: Clinic) -> None:
    people = patients(asking, 4)[1:]
    booked = [book(asking, one, **DAY) for one in people]
    visits = {invite(asking, 3), invite(asking, 2)}
    found = go_live.preview(asking.sync)
    assert (found.visits_matched, found.mails) == (0, 0)
    assert found.to_decide == {"visit_unsure": 3}
    accept(asking)
    asking.catch_up()
    assert sorted(one["id"] for one in asking.appointments()) == sorted(booked)
    assert {v["id"] for v in asking.visits()} == visits
    assert asking.mails() == []
    assert set(asking.attention()) == {"visit_unsure"}


def test_twins_of_one_address_are_told_apart_by_name(asking: Clinic) -> None:
    shared = {"email": "home@mail.example", "last_name": "Moreau"}
    people = [asking.new_patient(first_name=name, **shared) for name in ("Lise", "Luc")]
    for one in people:
        book(asking, one, **DAY)
    asking.sandbox.behaviours("oncall", returns_provider=True)
    visit = asking.invite(
        participants=[{"first_name": name, **shared} for name in ("Lise", "Luc")], type="phone"
    )
    accept(asking)
    assert [v["id"] for v in asking.visits()] == [visit]
    assert sorted(one["patient"] for one in asking.appointments()) == sorted(people)
    assert asking.mails() == []
    assert asking.attention() == []


def test_the_preview_counts_a_group_once_and_who_has_no_seat(asking: Clinic) -> None:
    for one in patients(asking, 26):
        book(asking, one, **DAY)
    found = go_live.preview(asking.sync)
    assert (found.create_in_oncall, found.mails) == (1, 25)
    assert found.to_decide == {"group_full": 1}


def test_the_preview_counts_each_patient_of_a_visit_booked_in_oncall(asking: Clinic) -> None:
    patients(asking, 4)
    invite(asking, 3, HOST)
    found = go_live.preview(asking.sync)
    assert found.create_in_drchrono == 3
    assert found.to_decide == {"participant_unmatched": 1}
