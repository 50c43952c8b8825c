"""Group visits: several DrChrono appointments are one OnCall visit, and what becomes of members."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.operations import plan
from tests.support.clinic import TELEHEALTH, Clinic, open_clinic, utc, wall
from tests.support.group_clinic import (
    BOTH_READINGS,
    GROUP,
    a_clinic_with_groups,
    book,
    group_of,
    make_groups,
    open_names,
    participant,
    patients,
)
from tests.support.sandbox_client import Sandbox
from tests.support.templates import Templates


@pytest.fixture
def clinic(
    templates: Templates, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live."""
    reading = getattr(request, "param", "append")
    with a_clinic_with_groups(templates, tmp_path, reading) as opened:
        yield opened


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


@pytest.mark.parametrize("answer", ["read", "lost"])
def test_moved_in_drchrono_before_the_run_that_made_it_came_to_its_end(
    clinic: Clinic, answer: str
) -> None:
    people = patients(clinic, 2)
    clinic.forget()
    if answer == "lost":  # and its own webhook brings it
        lost = {"match": {"method": "POST", "path": "^/appointments/$"}, "do": "drop_after"}
        clinic.sandbox.faults("oncall", lost)
    # Our marker does not arrive: the visit is made, and nothing is settled of its members.
    marker = {"match": {"method": "PATCH", "path": "^/api/appointments/"}, "do": "drop"}
    clinic.sandbox.faults("drchrono", marker)
    booked = [book(clinic, one) for one in people]
    clinic.pump()
    (made,) = clinic.visits()
    for one in booked:
        clinic.edit(one, scheduled_time=wall(days=6), allow_overlapping=True)
    clinic.settle(hours=3)
    (visit,) = clinic.visits()
    assert visit["id"] == made["id"]
    assert visit["datetime"] == f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("invitation", "app")] * 2 + [("change", "app")] * 2
    assert clinic.attention() == []


def test_who_joined_by_a_lost_answer_is_moved_and_the_others_leave(clinic: Clinic) -> None:
    people = patients(clinic, 3)
    booked = group_of(clinic, people[:2])
    (made,) = clinic.visits()
    lost = {"match": {"method": "PATCH", "path": "^/appointments/"}, "do": "drop_after"}
    clinic.sandbox.faults("oncall", lost, webhooks={"mode": "drop"})
    last = book(clinic, people[2])
    clinic.pump()
    for one in booked:
        clinic.edit(one, status="Cancelled")
    clinic.edit(last, scheduled_time=wall(days=6), allow_overlapping=True)
    clinic.settle(hours=3)
    (visit,) = clinic.visits()
    assert (visit["id"], open_names(visit)) == (made["id"], ["Ines"])
    assert visit["datetime"] == f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.attention() == []


@BOTH_READINGS
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_chart_changed_before_its_participant_was_found(clinic: Clinic, method: str) -> None:
    people = patients(clinic, 3)
    if method == "PATCH":
        group_of(clinic, people[:2])
    clinic.forget()
    lost = {"match": {"method": method, "path": "^/appointments/"}, "do": "drop_after"}
    clinic.sandbox.faults("oncall", lost, webhooks={"mode": "drop", "times": 2})
    for one in people[2:] if method == "PATCH" else people:
        book(clinic, one)
    clinic.pump()
    clinic.edit_patient(people[2], email="ines.new@mail.example")
    clinic.pump()  # the person's run is over before the participant is known
    clinic.settle(hours=3)
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Omar", "Vera"]
    assert participant(visit, "Ines")["email"] == "ines.new@mail.example"
    assert clinic.attention() == []


def test_moved_in_oncall_before_the_visit_of_a_lost_answer_was_found(clinic: Clinic) -> None:
    people = patients(clinic, 2)
    clinic.forget()
    lost = {"match": {"method": "POST", "path": "^/appointments/$"}, "do": "drop_after"}
    clinic.sandbox.faults("oncall", lost, webhooks={"mode": "drop", "times": 2})
    booked = [book(clinic, one) for one in people]
    clinic.pump()
    (made,) = clinic.of("oncall", "appointments")
    clinic.change_visit(made["id"], datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle(hours=3)
    (visit,) = clinic.visits()
    assert visit["id"] == made["id"]
    moved = [clinic.appointment(one)["scheduled_time"] for one in booked]
    assert moved == [wall(days=6)] * 2
    assert clinic.attention() == []


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
    found = plan.plan(clinic.sync, "appointment", booked[0])
    (cancel,) = [line.values for line in found.parts["effects"]]
    assert (cancel["action"], cancel["target"]) == ("cancel", "participant")
    fates = [line.text.rpartition(": ")[2] for line in found.parts["why"]]
    assert fates[:3] == ["ends", "stays", "stays"]
    assert [one for one in clinic.calls("oncall") if not one.startswith("GET")] == []
