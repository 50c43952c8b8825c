"""Group visits from OnCall: moved, cancelled and booked there, and who is added to them there.

R… are rules of docs/rules.md.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clinic import Clinic, utc, wall
from tests.support.group_clinic import (
    BOTH_READINGS,
    GROUP,
    HOST,
    a_clinic_with_groups,
    book,
    group_of,
    invite,
    open_names,
    participant,
    patients,
)
from tests.support.templates import Templates


@pytest.fixture
def clinic(
    templates: Templates, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live."""
    reading = getattr(request, "param", "append")
    with a_clinic_with_groups(templates, tmp_path, reading) as opened:
        yield opened


def test_moved_in_oncall_moves_every_appointment(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    (visit,) = clinic.visits()
    clinic.change_visit(visit["id"], datetime=f"{utc(days=6, hour=17):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    moved = [clinic.appointment(one)["scheduled_time"] for one in booked]
    assert moved == [wall(days=6, hour=17)] * 3
    assert clinic.mails() == [("change", "staff")] * 3
    clinic.catch_up()
    assert [v["id"] for v in clinic.visits()] == [visit["id"]]
    assert clinic.mails() == [("change", "staff")] * 3


def test_cancelled_in_oncall_cancels_every_appointment(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    (visit,) = clinic.visits()
    clinic.change_visit(visit["id"], by="patient", cancelled=True)
    clinic.settle()
    assert [clinic.appointment(one)["status"] for one in booked] == ["Cancelled"] * 3
    assert "Cancelled by patient in OnCall" in clinic.appointment(booked[0])["notes"]
    assert clinic.mails() == [("cancellation", "patient")] * 3


def test_one_participant_cancelled_in_oncall(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    (visit,) = clinic.visits()
    gone = participant(visit, "Omar")
    answer = clinic.sandbox.patient_oncall(
        "PATCH", f"/participants/{gone['id']}/", {"cancelled": True}
    )
    assert answer.status_code == 200
    clinic.settle()
    states = [clinic.appointment(one)["status"] for one in booked]
    assert states == ["", "Cancelled", ""]
    assert len(clinic.visits()) == 1
    assert clinic.mails() == [("cancellation", "patient")]


def test_one_cancelled_in_oncall_and_the_others_moved_in_drchrono(clinic: Clinic) -> None:
    # Neither is heard before both were done: those who still come move, with one mail.
    booked = group_of(clinic, patients(clinic, 2))
    (visit,) = clinic.visits()
    gone = participant(visit, "Omar")
    path = f"/participants/{gone['id']}/"
    assert clinic.sandbox.patient_oncall("PATCH", path, {"cancelled": True}).status_code == 200
    clinic.edit(booked[0], scheduled_time=wall(days=6, hour=17), allow_overlapping=True)
    clinic.settle()
    states = [clinic.appointment(one)["status"] for one in booked]
    assert states == ["", "Cancelled"]
    (moved,) = clinic.visits()
    assert (moved["id"], moved["cancelled"]) == (visit["id"], False)
    assert moved["datetime"] == f"{utc(days=6, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    assert sorted(clinic.mails()) == [("cancellation", "patient"), ("change", "app")]


@BOTH_READINGS
def test_a_third_party_in_oncall_is_left_alone(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    (visit,) = clinic.visits()
    base = clinic.sandbox.oncall_url
    people = [{"url": f"{base}/participants/{p['id']}/"} for p in visit["participants"]]
    host = {"first_name": "Co", "last_name": "Host", "email": "host@mail.example"}
    clinic.change_visit(visit["id"], participants=[*people, host])
    clinic.settle()
    assert len(clinic.appointments()) == 3
    clinic.edit(booked[0], status="Cancelled")
    clinic.settle()
    (now,) = clinic.visits()
    assert open_names(now) == ["Co", "Ines", "Omar"]


def test_time_length_and_type_of_the_whole_group(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    for one in booked:
        clinic.edit(one, duration=45, is_telehealth=False)
    clinic.settle()
    (visit,) = clinic.visits()
    assert visit["duration"] == 45
    clinic.change_visit(visit["id"], duration=90)
    clinic.settle()
    assert [clinic.appointment(one)["duration"] for one in booked] == [90] * 3


def test_a_move_of_a_large_group_is_not_too_many_writes_of_one_visit(clinic: Clinic) -> None:
    """Ten writes a day are allowed for one visit, and each member counts as one (R18)."""
    booked = group_of(clinic, patients(clinic, 12))
    (visit,) = clinic.visits()
    clinic.change_visit(visit["id"], datetime=f"{utc(days=6, hour=17):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    assert clinic.attention() == []
    moved = [clinic.appointment(one)["scheduled_time"] for one in booked]
    assert moved == [wall(days=6, hour=17)] * 12


def test_a_visit_booked_in_oncall_with_three_patients_is_three_appointments(
    clinic: Clinic,
) -> None:
    people = patients(clinic, 4)[1:]
    clinic.settle()
    visit = invite(clinic, 3, HOST)
    clinic.settle()
    made = clinic.appointments()
    assert sorted(one["patient"] for one in made) == sorted(people)
    assert {one["scheduled_time"] for one in made} == {wall(days=4)}
    assert {one["duration"] for one in made} == {30}
    assert all(visit in one["custom_fields"][0]["field_value"] for one in made)
    # The co-host is nobody's patient: left alone, told once, never given a chart.
    assert clinic.attention() == ["participant_unmatched"]
    assert len(clinic.of("drchrono", "patients")) == 5
    clinic.forget()
    clinic.catch_up()
    assert len(clinic.appointments()) == 3
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert clinic.mails() == []
    assert clinic.attention() == ["participant_unmatched"]


def test_what_follows_a_visit_booked_in_oncall_goes_both_ways(clinic: Clinic) -> None:
    patients(clinic, 4)
    clinic.settle()
    visit = invite(clinic, 3)
    clinic.settle()
    clinic.change_visit(visit, datetime=f"{utc(days=6, hour=17):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    made = clinic.appointments()
    assert [one["scheduled_time"] for one in made] == [wall(days=6, hour=17)] * 3
    for one in made:
        clinic.edit(one["id"], scheduled_time=wall(days=7))
    clinic.settle()
    (now,) = clinic.visits()
    assert (now["id"], now["datetime"]) == (visit, f"{utc(days=7):%Y-%m-%dT%H:%M:%SZ}")
    clinic.edit(made[0]["id"], status="Cancelled")
    clinic.settle()
    (now,) = clinic.visits()
    assert len(open_names(now)) == 2
    clinic.change_visit(visit, cancelled=True)
    clinic.settle()
    assert clinic.appointments() == []


@BOTH_READINGS
def test_a_patient_added_in_oncall_gets_an_appointment(clinic: Clinic) -> None:
    people = patients(clinic, 4)
    group_of(clinic, people[:3])
    (visit,) = clinic.visits()
    base = clinic.sandbox.oncall_url
    there = [{"url": f"{base}/participants/{p['id']}/"} for p in visit["participants"]]
    jon = {"first_name": "Jon", "last_name": "Berg", "email": "jon@mail.example"}
    clinic.change_visit(visit["id"], participants=[*there, jon])
    clinic.settle()
    made = next(one for one in clinic.appointments() if one["patient"] == people[3])
    assert (made["scheduled_time"], made["profile"]) == (wall(days=3), GROUP)
    clinic.forget()
    clinic.edit(made["id"], status="Cancelled")
    clinic.settle()
    (now,) = clinic.visits()
    assert open_names(now) == ["Ines", "Omar", "Vera"]
    assert clinic.mails() == [("cancellation", "app")]


@pytest.mark.parametrize("do", ["drop_after", "drop", "status"])
def test_a_lost_answer_books_nobody_twice(clinic: Clinic, do: str) -> None:
    people = patients(clinic, 4)[1:]
    clinic.settle()
    match = {"method": "POST", "path": "^/api/appointments"}
    clinic.sandbox.faults("drchrono", {"match": match, "do": do, "times": 1})
    visit = invite(clinic, 3)
    clinic.settle()
    clinic.catch_up()
    assert sorted(one["patient"] for one in clinic.appointments()) == sorted(people)
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert clinic.attention() == []


def test_an_appointment_that_stands_already_is_the_members(clinic: Clinic) -> None:
    """Entered by hand in DrChrono too, and not heard of: it is linked, not made again."""
    people = patients(clinic, 4)[1:]
    clinic.settle()
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    own = book(clinic, people[0], scheduled_time=wall(days=4), duration=30)
    visit = invite(clinic, 3)
    clinic.settle()
    clinic.catch_up()
    assert sorted(one["patient"] for one in clinic.appointments()) == sorted(people)
    assert [v["id"] for v in clinic.visits()] == [visit]
    clinic.edit(own, status="Cancelled")
    clinic.settle()
    (now,) = clinic.visits()
    assert open_names(now) == ["Ines", "Jon"]


def test_a_group_and_visits_of_one_booked_in_oncall_one_after_the_other(clinic: Clinic) -> None:
    """What is written down before a create is the create's own, of a member's and of a visit's."""
    patients(clinic, 4)
    clinic.settle()
    for day in range(6, 9):
        names = {"first_name": "Omar", "last_name": "Haddad", "email": "omar@mail.example"}
        clinic.invite(datetime=f"{utc(days=day):%Y-%m-%dT%H:%M:%SZ}", participants=[names])
        clinic.settle()
    invite(clinic, 3)
    clinic.settle()
    assert len(clinic.appointments()) == 6
    assert clinic.attention() == []
