"""A length that is none is neither carried nor replaced: the profile's is used, else one asks."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.writes.test_costs import linked
from tests.support.clinic import TELEHEALTH, Clinic, open_clinic, utc
from tests.support.group_clinic import GROUP, make_groups, patients
from tests.support.sandbox_client import Sandbox

POST_OC, POST_DC = "POST /appointments/", "POST /api/appointments"


def leave(clinic: Clinic, remote: str, key: str, **values: Any) -> None:
    """An import, or an older page, leaves values in an object that the API would refuse."""
    clinic.sandbox.control(remote, "leave", {"id": key, "values": values})


def lengths(clinic: Clinic) -> list[Any]:
    return [visit["duration"] for visit in clinic.visits()]


def profile(clinic: Clinic, minutes: int | None) -> None:
    """The profile's length, as it is learned with the practice."""
    path = f"/api/appointment_profiles/{TELEHEALTH}"
    answer = clinic.sandbox.staff_drchrono("PATCH", path, {"duration": minutes or 999_999})
    assert answer.status_code == 204, answer.text
    clinic.beat("practice")


@pytest.mark.parametrize("left", [0, None, -15, 5000])
def test_a_booking_without_a_length_has_its_profiles(clinic: Clinic, left: Any) -> None:
    clinic.wire.answers = False
    profile(clinic, 45)
    leave(clinic, "drchrono", clinic.book(), duration=left)
    clinic.settle()
    assert (lengths(clinic), clinic.attention()) == ([45], [])
    clinic.forget()
    clinic.catch_up()
    assert (clinic.writes(), clinic.mails(), clinic.attention()) == ([], [], [])


@pytest.mark.parametrize("left", [0, None, "soon"])
def test_without_one_it_waits_is_told_once_and_wakes(clinic: Clinic, left: Any) -> None:
    clinic.wire.answers = False
    profile(clinic, None)
    appointment = clinic.book()
    leave(clinic, "drchrono", appointment, duration=left)
    clinic.settle()
    clinic.catch_up()
    assert (clinic.visits(), clinic.attention()) == ([], ["no_length"])
    assert POST_OC not in clinic.calls("oncall")
    clinic.edit(appointment, duration=20)
    clinic.settle()
    assert (lengths(clinic), clinic.attention()) == ([20], [])


@pytest.mark.parametrize(("sent", "minutes"), [("30", 30), (30.0, 30), (" 45 ", 45), (1440, 1440)])
def test_a_length_is_understood_in_other_spellings(clinic: Clinic, sent: Any, minutes: int) -> None:
    clinic.wire.answers = False
    leave(clinic, "drchrono", clinic.book(), duration=sent)
    clinic.settle()
    assert (lengths(clinic), clinic.attention()) == ([minutes], [])


@pytest.mark.parametrize("left", [0, None])
def test_a_length_taken_away_moves_no_linked_visit(clinic: Clinic, left: Any) -> None:
    clinic.wire.answers = False
    appointment, visit = linked(clinic)
    leave(clinic, "drchrono", appointment, duration=left)
    clinic.settle()
    clinic.whole_cycle()
    assert (lengths(clinic), clinic.writes(), clinic.attention()) == ([30], [], ["no_length"])
    leave(clinic, "drchrono", appointment, duration=30)
    clinic.settle()
    assert (clinic.writes(), clinic.attention()) == ([], [])
    leave(clinic, "oncall", visit, duration=left)
    clinic.settle()
    assert (clinic.appointment(appointment)["duration"], clinic.writes()) == (30, [])
    assert clinic.attention() == ["no_length"]
    clinic.change_visit(visit, duration=50)
    clinic.settle()
    assert clinic.appointment(appointment)["duration"] == 50
    assert clinic.attention() == []


def test_a_visit_booked_in_oncall_without_a_length_waits_and_wakes(clinic: Clinic) -> None:
    clinic.wire.answers = False
    visit = clinic.invite()
    leave(clinic, "oncall", visit, duration=0)
    clinic.settle()
    clinic.catch_up()
    assert (clinic.appointments(), clinic.attention()) == ([], ["no_length"])
    assert POST_DC not in clinic.calls("drchrono")
    clinic.change_visit(visit, duration=30)
    clinic.settle()
    assert [one["duration"] for one in clinic.appointments()] == [30]
    assert clinic.attention() == []


def test_a_slip_of_the_keys_moves_nobody(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    clinic.change_visit(visit, datetime="2126-01-15T10:00:00Z")
    clinic.settle()
    assert (clinic.writes(), clinic.attention()) == ([], ["time_implausible"])
    at = f"{utc(days=4):%Y-%m-%dT%H:%M:%SZ}"
    clinic.change_visit(visit, datetime=at)
    clinic.settle()
    assert clinic.attention() == []
    assert clinic.appointment(appointment)["scheduled_time"] != ""


def test_a_length_taken_away_moves_no_member_of_a_group(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path, group_settle_seconds=0) as clinic:
        clinic.wire.answers = False
        make_groups(clinic)
        clinic.new_patient()
        clinic.go_live()
        two = patients(clinic, 2)
        booked = [clinic.book(patient=one, profile=GROUP, allow_overlapping=True) for one in two]
        clinic.settle()
        clinic.forget()
        leave(clinic, "drchrono", booked[1], duration=0)
        clinic.settle()
        assert (len(clinic.visits()), lengths(clinic), clinic.mails()) == (1, [30], [])
        assert clinic.attention() == ["no_length"]
        clinic.edit(booked[1], duration=30)
        clinic.settle()
        assert (lengths(clinic), clinic.mails(), clinic.attention()) == ([30], [], [])
