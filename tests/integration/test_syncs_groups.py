"""Group visits: several DrChrono appointments are one OnCall visit, and what becomes of members."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.engine import dry_run
from tests.integration.clinic import TELEHEALTH, Clinic, open_clinic, utc, wall
from tests.integration.group_clinic import (
    GROUP,
    HOST,
    book,
    group_of,
    invite,
    make_groups,
    open_names,
    participant,
    patients,
)
from tests.integration.templates import Templates, gone_live
from tests.sandbox_client import Sandbox

# Whether OnCall appends to the list of participants that it is sent, or replaces its own by it.
BOTH_READINGS = pytest.mark.parametrize("clinic", ["append", "replace"], indirect=True)


@pytest.fixture
def clinic(
    sandbox: Sandbox, templates: Templates, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live."""
    with templates.copied("groups", tmp_path, _with_groups) as opened:
        sandbox.behaviours("oncall", participants_patch=getattr(request, "param", "append"))
        yield opened


def _with_groups(clinic: Clinic) -> None:
    make_groups(clinic)
    gone_live(clinic)


# --- DrChrono → OnCall ----------------------------------------------------------------------------


def test_three_appointments_of_one_slot_are_one_visit(clinic: Clinic) -> None:
    clinic.forget()
    booked = [book(clinic, one) for one in patients(clinic)]
    clinic.settle()
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Omar", "Vera"]
    assert visit["duration"] == 60
    assert visit["datetime"] == f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("invitation", "app")] * 3
    assert clinic.calls("oncall").count("POST /appointments/") == 1
    assert clinic.attention() == []
    # The address staff open, with the marker, stands in each of the appointments.
    for one in booked:
        (field,) = clinic.appointment(one)["custom_fields"]
        assert str(visit["id"]) in field["field_value"]
    clinic.forget()
    clinic.catch_up()
    assert clinic.mails() == []
    assert len(clinic.visits()) == 1
    assert len(clinic.appointments()) == 3


@BOTH_READINGS
def test_a_member_more_and_a_member_less_at_the_same_moment(clinic: Clinic) -> None:
    people = patients(clinic, 4)
    first, *_ = group_of(clinic, people[:3])
    (visit,) = clinic.visits()
    clinic.edit(first, status="Cancelled")
    book(clinic, people[3])
    clinic.settle()
    (now,) = clinic.visits()
    assert now["id"] == visit["id"]
    assert open_names(now) == ["Ines", "Jon", "Omar"]
    assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "app")]
    clinic.forget()
    clinic.catch_up()
    assert clinic.mails() == []


@BOTH_READINGS
def test_two_members_more_at_the_same_moment(clinic: Clinic) -> None:
    people = patients(clinic, 4)
    group_of(clinic, people[:2])
    for one in people[2:]:
        book(clinic, one)
    clinic.settle()
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Jon", "Omar", "Vera"]
    assert clinic.mails() == [("invitation", "app")] * 2


@BOTH_READINGS
def test_a_swapped_member(clinic: Clinic) -> None:
    people = patients(clinic, 4)
    first, *_ = group_of(clinic, people[:3])
    (visit,) = clinic.visits()
    clinic.edit(first, patient=people[3])
    clinic.settle()
    (now,) = clinic.visits()
    assert now["id"] == visit["id"]
    assert open_names(now) == ["Ines", "Jon", "Omar"]
    assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "app")]


def test_the_last_one_leaving_is_one_write(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    for one in booked[:2]:
        clinic.edit(one, status="Cancelled")
    clinic.settle()
    assert len(clinic.visits()) == 1
    clinic.forget()
    clinic.sandbox.staff_drchrono("DELETE", f"/api/appointments/{booked[2]}")
    clinic.settle()
    assert clinic.visits() == []
    writes = [one for one in clinic.calls("oncall") if not one.startswith("GET")]
    assert writes == ["PATCH /appointments/ID/"]
    assert clinic.mails() == [("cancellation", "app")]


def test_most_members_moving_is_one_move(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    (visit,) = clinic.visits()
    for one in booked[:2]:
        clinic.edit(one, scheduled_time=wall(days=3, hour=18))
    clinic.settle()
    moved, left = sorted(clinic.visits(), key=lambda one: int(one["id"]))
    assert moved["id"] == visit["id"]
    assert moved["datetime"] == f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}"
    assert open_names(moved) == ["Omar", "Vera"]
    assert open_names(left) == ["Ines"]
    assert left["datetime"] == f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}"
    told = [("cancellation", "app"), ("change", "app"), ("change", "app"), ("invitation", "app")]
    assert sorted(clinic.mails()) == told


def test_all_members_moving_is_one_move_and_nobody_is_invited_again(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    (visit,) = clinic.visits()
    for one in booked:
        clinic.edit(one, scheduled_time=wall(days=5))
    clinic.settle()
    (now,) = clinic.visits()
    assert now["id"] == visit["id"]
    assert now["datetime"] == f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("change", "app")] * 3


def test_one_member_moving_leaves(clinic: Clinic) -> None:
    first, *_ = group_of(clinic, patients(clinic))
    clinic.edit(first, scheduled_time=wall(days=5))
    clinic.settle()
    stays, goes = sorted(clinic.visits(), key=lambda one: int(one["id"]))
    assert open_names(stays) == ["Ines", "Omar"]
    assert open_names(goes) == ["Vera"]
    assert goes["datetime"] == f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}"
    (field,) = clinic.appointment(first)["custom_fields"]
    assert str(goes["id"]) in field["field_value"]
    # And it is the member of its new visit from now on.
    clinic.forget()
    clinic.edit(first, status="Cancelled")
    clinic.settle()
    assert [open_names(one) for one in clinic.visits()] == [["Ines", "Omar"]]


@BOTH_READINGS
def test_a_member_that_gets_another_profile_leaves_and_one_that_gets_it_joins(
    clinic: Clinic,
) -> None:
    first, *_ = group_of(clinic, patients(clinic))
    clinic.edit(first, profile=TELEHEALTH)
    clinic.settle()
    group, own = sorted(clinic.visits(), key=lambda one: int(one["id"]))
    assert (open_names(group), group["type"]) == (["Ines", "Omar"], "phone")
    assert (open_names(own), own["type"]) == (["Vera"], "online")
    clinic.edit(first, profile=GROUP)
    clinic.settle()
    (now,) = clinic.visits()
    assert now["id"] == group["id"]
    assert open_names(now) == ["Ines", "Omar", "Vera"]


def test_two_visits_that_meet_in_one_slot(clinic: Clinic) -> None:
    people = patients(clinic, 4)
    group_of(clinic, people[:2])
    late = group_of(clinic, people[2:], scheduled_time=wall(days=5))
    stays, empties = sorted(clinic.visits(), key=lambda one: int(one["id"]))
    for one in late:
        clinic.edit(one, scheduled_time=wall(days=3))
    clinic.settle()
    (now,) = clinic.visits()
    assert now["id"] == stays["id"] != empties["id"]
    assert open_names(now) == ["Ines", "Jon", "Omar", "Vera"]


def test_the_26th_is_told_and_blocks_nobody(clinic: Clinic) -> None:
    people = patients(clinic, 26)
    booked = group_of(clinic, people)
    (visit,) = clinic.visits()
    assert len(visit["participants"]) == 25
    assert clinic.attention() == ["group_full"]
    clinic.edit(booked[0], scheduled_time=wall(days=5))
    clinic.settle()
    assert len(clinic.visits()) == 2


@BOTH_READINGS
def test_a_cancelled_member_that_is_open_again_is_invited_again(clinic: Clinic) -> None:
    first, *_ = group_of(clinic, patients(clinic))
    clinic.edit(first, status="Cancelled")
    clinic.settle()
    clinic.edit(first, status="Confirmed")
    clinic.settle()
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Omar", "Vera"]
    assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "app")]


def test_a_member_without_an_address_is_told_and_keeps_nobody_out(clinic: Clinic) -> None:
    people = patients(clinic)
    clinic.edit_patient(people[1], email="")
    group_of(clinic, people)
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Vera"]
    assert clinic.attention() == ["patient_without_email"]
    clinic.edit_patient(people[1], email="omar@mail.example")
    clinic.settle()
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Omar", "Vera"]
    assert clinic.attention() == []


def test_an_echo_costs_no_drchrono_call(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    clinic.edit(booked[0], status="Confirmed")
    clinic.settle()
    assert clinic.calls("drchrono") == ["GET /api/appointments/ID"]
    assert [one for one in clinic.calls("oncall") if not one.startswith("GET")] == []
    assert clinic.mails() == []


@BOTH_READINGS
@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("do", ["drop_after", "drop"])
def test_a_lost_answer_and_no_webhook_invite_nobody_twice(
    clinic: Clinic, method: str, do: str
) -> None:
    people = patients(clinic, 4)
    # The list must be proven to show new visits, or nothing is ever made a second time.
    clinic.book(patient=people[0], scheduled_time=wall(days=10))
    clinic.settle()
    clinic.catch_up()
    if method == "PATCH":
        group_of(clinic, people[:2])
        people = people[2:]
    clinic.forget()
    match = {"method": method, "path": "^/appointments/"}
    fault = {"match": match, "do": do, "times": 1}
    clinic.sandbox.faults("oncall", fault, webhooks={"mode": "drop"})
    for one in people:
        book(clinic, one)
    clinic.settle()
    (visit,) = [one for one in clinic.visits() if one["type"] == "phone"]
    assert open_names(visit) == ["Ines", "Jon", "Omar", "Vera"]
    assert clinic.mails() == [("invitation", "app")] * len(people)


def test_the_members_of_one_move_are_waited_for(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """Moved one by one within the group's 30 seconds is one move, with one mail each."""
    with open_clinic(sandbox, sqlite_url, tmp_path, group_settle_seconds=30) as clinic:
        make_groups(clinic)
        clinic.go_live()
        booked = group_of(clinic, patients(clinic))
        (visit,) = clinic.visits()
        assert len(visit["participants"]) == 3
        for one in booked:
            clinic.edit(one, scheduled_time=wall(days=5))
            clinic.pump()
            clinic.advance(9)
        assert clinic.mails() == []
        clinic.settle()
        (now,) = clinic.visits()
        assert now["id"] == visit["id"]
        assert clinic.mails() == [("change", "app")] * 3


def test_the_dry_run_names_each_member(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    clinic.edit(booked[0], status="Cancelled")
    clinic.sandbox.wait_idle()
    clinic.forget()
    found = dry_run.plan(clinic.sync, "appointment", booked[0])
    assert [line.values["fields"] for line in found.parts["effects"]] == [["participant"]]
    fates = [line.text.rpartition(": ")[2] for line in found.parts["why"]]
    assert fates[:3] == ["ends", "stays", "stays"]
    assert [one for one in clinic.calls("oncall") if not one.startswith("GET")] == []


# --- OnCall → DrChrono ----------------------------------------------------------------------------


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
    """Ten writes a day are one visit's, and each member is one (design §9)."""
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
