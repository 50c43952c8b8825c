"""Have a visit wait, and tell it, while its doctor's zone is unknown: no end, UTC or default.

Rule R28 of docs/rules.md; invariants 1, 9 and 10 of docs/architecture.md.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import DOCTOR, Clinic, open_clinic, utc, wall
from tests.support.sandbox_client import Sandbox


def zone(clinic: Clinic, name: Any) -> None:
    """Staff change the doctor's zone: no webhook comes."""
    path = f"/api/doctors/{DOCTOR}"
    answer = clinic.sandbox.staff_drchrono("PATCH", path, {"timezone": name})
    assert answer.status_code == 204, answer.text


@pytest.fixture
def unzoned(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic, on both databases, whose doctor never had a zone; it goes live like that."""
    answer = sandbox.staff_drchrono("PATCH", f"/api/doctors/{DOCTOR}", {"timezone": None})
    assert answer.status_code == 204, answer.text
    with open_clinic(sandbox, database_url, tmp_path) as clinic:
        clinic.wire.answers = False  # the schema knows no doctor without a zone
        clinic.go_live()
        clinic.new_patient()
        clinic.pump()
        clinic.forget()
        yield clinic


def look(clinic: Clinic) -> None:
    clinic.beat("zones")
    clinic.settle()


def test_a_booking_waits_is_told_once_and_wakes(unzoned: Clinic) -> None:
    clinic = unzoned
    clinic.book()
    clinic.book(scheduled_time=wall(days=5))
    clinic.pump()
    assert (clinic.visits(), clinic.attention()) == ([], ["zone_unknown"])
    zone(clinic, "somewhere")
    clinic.catch_up()
    assert (clinic.visits(), clinic.attention()) == ([], ["zone_unknown"])
    zone(clinic, " us/eastern ")
    look(clinic)
    at = sorted(str(visit["datetime"]) for visit in clinic.visits())
    assert at == [f"{utc(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (3, 5)]
    assert clinic.attention() == []
    assert clinic.mails() == [("invitation", "app")] * 2


def test_one_that_is_cancelled_meanwhile_is_no_visit(unzoned: Clinic) -> None:
    clinic = unzoned
    appointment = clinic.book()
    clinic.pump()
    clinic.edit(appointment, status="Cancelled")
    clinic.pump()
    zone(clinic, "US/Eastern")
    look(clinic)
    assert (clinic.visits(), clinic.mails(), clinic.attention()) == ([], [], [])


def test_a_visit_booked_in_oncall_waits_for_the_clock_too(unzoned: Clinic) -> None:
    clinic = unzoned
    clinic.invite()
    clinic.pump()
    assert (clinic.appointments(), clinic.attention()) == ([], ["zone_unknown"])
    zone(clinic, "US/Eastern")
    look(clinic)
    (appointment,) = clinic.appointments()
    assert appointment["scheduled_time"] == wall(days=4)
    assert clinic.attention() == []


def test_a_visit_in_both_systems_by_hand_stays_one(unzoned: Clinic) -> None:
    clinic = unzoned
    clinic.invite()
    clinic.pump()
    clinic.book(scheduled_time=wall(days=4))
    clinic.pump()
    zone(clinic, "US/Eastern")
    look(clinic)
    assert (len(clinic.visits()), len(clinic.appointments())) == (1, 1)
    assert clinic.mails() == [("invitation", "staff")]


def test_the_mapping_file_may_tell_the_zone(unzoned: Clinic) -> None:
    clinic = unzoned
    clinic.book()
    clinic.pump()
    file = clinic.settings.mapping_file
    text = file.read_text().replace("[[doctors]]", '[[doctors]]\ntimezone = "us/eastern"', 1)
    file.write_text(text)
    clinic.sync.learned()
    clinic.beat("mapping")
    clinic.settle()
    assert [v["datetime"] for v in clinic.visits()] == [f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}"]
    assert clinic.attention() == []


@pytest.mark.parametrize("unusable", [None, "", "Eastern, I think"])
def test_a_good_zone_is_never_overwritten_by_what_is_none(clinic: Clinic, unusable: Any) -> None:
    clinic.wire.answers = False
    clinic.linked()
    zone(clinic, unusable)
    clinic.beat("practice")
    look(clinic)
    clinic.book(scheduled_time=wall(days=5), patient=clinic.patient)
    clinic.settle()
    at = sorted(str(visit["datetime"]) for visit in clinic.visits())
    assert at == [f"{utc(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (3, 5)]
    assert clinic.attention() == []


def test_an_oncall_visit_without_a_time_waits_and_wakes(clinic: Clinic) -> None:
    visit = clinic.invite()
    clinic.sandbox.control("oncall", "leave", {"id": visit, "values": {"datetime": None}})
    clinic.pump()
    assert (clinic.appointments(), clinic.attention()) == ([], ["no_time"])
    clinic.change_visit(visit, datetime=f"{utc(days=4):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    (appointment,) = clinic.appointments()
    assert appointment["scheduled_time"] == wall(days=4)
    assert clinic.attention() == []
