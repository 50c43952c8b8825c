"""Recurring visits: each occurrence its own visit, which it keeps when it becomes real."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import ZONE, Clinic, open_clinic, utc, wall
from tests.support.group_clinic import GROUP, make_groups, open_names, patients
from tests.support.sandbox_client import Sandbox

WEEK = timedelta(days=7)


def series(clinic: Clinic, **changes: Any) -> list[str]:
    """Staff book a weekly series that begins in three days; the virtual ids of its first weeks."""
    first = utc(days=3).astimezone(ZONE)
    base = clinic.book(
        recurring_appointment=True,
        recurring_days=[f"{first:%A}"],
        recurs_every=1,
        recur_start_date=f"{first:%Y-%m-%d}",
        **changes,
    )
    return [f"{first + n * WEEK:%Y-%m-%d}_{base}" for n in range(4)]


def followed(clinic: Clinic, **changes: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """A series of three occurrences that the daily look has found; its ids and visits, by time."""
    end = utc(days=3).astimezone(ZONE) + 2 * WEEK
    ids = series(clinic, recur_end_date=f"{end:%Y-%m-%d}", **changes)[:3]
    look(clinic)
    visits = sorted(clinic.visits(), key=lambda visit: str(visit["datetime"]))
    assert len(visits) == 3
    clinic.forget()
    return ids, visits


def look(clinic: Clinic) -> None:
    clinic.beat("drchrono_window")
    clinic.settle()


def real(clinic: Clinic) -> list[dict[str, Any]]:
    """Every appointment that is no series."""
    return [a for a in clinic.of("drchrono", "appointments") if not a["is_virtual_base"]]


def test_virtual_occurrences_within_sixty_days_become_visits_unmarked(clinic: Clinic) -> None:
    ids = series(clinic)
    clinic.forget()
    look(clinic)
    # The series itself, and those that are not too far ahead: the others are not even asked for.
    assert clinic.calls("drchrono").count("GET /api/appointments/ID") == 1 + 9
    at = [datetime.fromisoformat(str(visit["datetime"])) for visit in clinic.visits()]
    assert min(at) == datetime.fromisoformat(wall(days=3)).replace(tzinfo=ZONE).astimezone(UTC)
    # Days 3, 10, … 59.
    assert len(at) == 9
    assert max(at) - min(at) == 8 * WEEK
    assert real(clinic) == []
    assert ids[0] not in str(clinic.of("oncall", "appointments")[0]["participants"])
    assert len(clinic.mails()) == 9
    clinic.catch_up()
    look(clinic)
    assert len(clinic.mails()) == 9
    clinic.advance(7 * 86_400)
    look(clinic)
    assert len(clinic.mails()) == 10


def test_a_base_and_breaks_are_no_visits(clinic: Clinic) -> None:
    first = utc(days=3).astimezone(ZONE)
    series(clinic, recur_end_date=f"{first:%Y-%m-%d}")
    clinic.book(appt_is_break=True, patient=None, exam_room=0)
    clinic.pump()
    assert len(clinic.visits()) == 1  # the only occurrence
    assert clinic.attention() == []


@pytest.mark.parametrize("instance_key", [True, False])
@pytest.mark.parametrize("told", ["webhook", "scan"])
def test_an_occurrence_that_becomes_real_keeps_its_visit(
    clinic: Clinic, instance_key: bool, told: str
) -> None:
    clinic.sandbox.behaviours("drchrono", instance_key=instance_key)
    ids, visits = followed(clinic)
    if told == "scan":
        clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    clinic.sandbox.control("drchrono", "materialise", {"id": ids[1]})
    clinic.pump()
    look(clinic)
    (appointment,) = real(clinic)
    assert clinic.mails() == []
    assert len(clinic.visits()) == 3
    (field,) = appointment["custom_fields"]
    assert field["field_value"]
    # From here on it is the visit, both ways.
    clinic.edit(appointment["id"], duration=50)
    clinic.pump()
    clinic.change_visit(str(visits[1]["id"]), type="phone")
    clinic.pump()
    assert [v["duration"] for v in clinic.visits() if v["id"] == visits[1]["id"]] == [50]
    assert clinic.appointment(appointment["id"])["profile"] == 402


def test_one_that_is_moved_as_it_becomes_real_moves_with_its_key(clinic: Clinic) -> None:
    ids, visits = followed(clinic)
    clinic.edit(ids[1], scheduled_time=wall(days=11, hour=18))
    clinic.pump()
    look(clinic)
    moved = next(v for v in clinic.visits() if v["id"] == visits[1]["id"])
    assert moved["datetime"] == f"{utc(days=11, hour=18):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("change", "app")]


@pytest.mark.parametrize("instance_key", [True, False])
@pytest.mark.parametrize("told", ["first", "after", "late"])
def test_a_move_in_oncall_makes_it_real_and_it_stays_one_visit(
    clinic: Clinic, instance_key: bool, told: str
) -> None:
    clinic.sandbox.behaviours("drchrono", instance_key=instance_key)
    _, visits = followed(clinic)
    clinic.wire.echo_first = told == "first"
    if told == "late":
        clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    clinic.change_visit(
        str(visits[1]["id"]), datetime=f"{utc(days=11, hour=18):%Y-%m-%dT%H:%M:%SZ}"
    )
    clinic.pump()
    clinic.change_visit(str(visits[1]["id"]), duration=50)
    clinic.settle()
    look(clinic)
    (appointment,) = real(clinic)
    assert appointment["scheduled_time"] == wall(days=11, hour=18)
    assert appointment["duration"] == 50
    assert len(clinic.visits()) == 3
    assert {by for _, by in clinic.mails()} == {"staff"}


def test_a_cancelled_occurrence_cancels_its_own_visit_only(clinic: Clinic) -> None:
    ids, visits = followed(clinic)
    clinic.edit(ids[1], status="Cancelled")
    clinic.pump()
    look(clinic)
    assert [v["id"] for v in clinic.visits()] == [visits[0]["id"], visits[2]["id"]]
    assert clinic.mails() == [("cancellation", "app")]


def test_a_visit_cancelled_in_oncall_cancels_that_occurrence_only(clinic: Clinic) -> None:
    _, visits = followed(clinic)
    clinic.change_visit(str(visits[1]["id"]), cancelled=True)
    clinic.pump()
    look(clinic)
    assert [a["status"] for a in real(clinic)] == ["Cancelled"]
    assert len(clinic.visits()) == 2
    assert clinic.mails() == [("cancellation", "staff")]


def test_a_deleted_occurrence_cancels_its_own_visit_only(clinic: Clinic) -> None:
    ids, visits = followed(clinic)
    assert clinic.sandbox.staff_drchrono("DELETE", f"/api/appointments/{ids[1]}").ok
    clinic.pump()
    look(clinic)
    assert [v["id"] for v in clinic.visits()] == [visits[0]["id"], visits[2]["id"]]
    assert clinic.mails() == [("cancellation", "app")]


def test_a_series_that_is_there_before_going_live(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        ids = series(clinic)
        clinic.pump()
        clinic.go_live()
        clinic.settle()
        assert len(clinic.visits()) == 9
        clinic.forget()
        clinic.edit(ids[2], scheduled_time=wall(days=18, hour=18))
        clinic.catch_up()
        assert len(clinic.visits()) == 9
        assert clinic.mails() == [("change", "app")]


def test_a_recurring_group_is_one_visit_each_time(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path, group_settle_seconds=0) as clinic:
        make_groups(clinic)
        clinic.new_patient()
        clinic.go_live()
        two = patients(clinic, 2)
        end = utc(days=3).astimezone(ZONE) + WEEK
        weekly = {"recur_end_date": f"{end:%Y-%m-%d}", "profile": GROUP, "allow_overlapping": True}
        first = [series(clinic, patient=one, **weekly)[0] for one in two]
        look(clinic)
        assert [open_names(visit) for visit in clinic.visits()] == [["Omar", "Vera"]] * 2
        clinic.forget()
        clinic.sandbox.control("drchrono", "materialise", {"id": first[0]})
        clinic.settle()
        look(clinic)
        assert [open_names(visit) for visit in clinic.visits()] == [["Omar", "Vera"]] * 2
        assert clinic.mails() == []
        clinic.edit(first[1], status="Cancelled")
        clinic.settle()
        names = sorted(open_names(visit) for visit in clinic.visits())
        assert names == [["Omar", "Vera"], ["Vera"]]
        assert clinic.mails() == [("cancellation", "app")]
