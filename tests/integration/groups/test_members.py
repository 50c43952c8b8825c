"""Handle single members: full, inactive, rescheduled, lost, and the second patient."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.visits.test_syncs_recurring import look, series
from tests.support.agreement import agree
from tests.support.clinic import TELEHEALTH, Clinic, open_clinic, utc, wall
from tests.support.group_clinic import (
    GROUP,
    HOST,
    book,
    group_of,
    make_groups,
    open_names,
    participant,
    patients,
    with_nobody,
)
from tests.support.sandbox_client import Sandbox
from tests.support.templates import Templates

JON = {"first_name": "Jon", "last_name": "Berg", "email": "jon@mail.example"}


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live; nobody is known yet."""
    with templates.copied("groups_of_nobody", tmp_path, with_nobody) as opened:
        yield opened


def listed(clinic: Clinic, visit: dict[str, Any]) -> list[dict[str, str]]:
    """The visit's participants as staff who change its list send them."""
    base = clinic.sandbox.oncall_url
    return [{"url": f"{base}/participants/{p['id']}/"} for p in visit["participants"]]


# --- twenty-five ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patch", "counted"), [("append", False), ("append", True), ("replace", False)]
)
def test_who_is_cancelled_keeps_no_place(clinic: Clinic, patch: str, counted: bool) -> None:
    clinic.sandbox.behaviours("oncall", participants_patch=patch, cancelled_count=counted)
    people = patients(clinic, 26)
    booked = group_of(clinic, people[:25])
    clinic.edit(booked[0], status="Cancelled")
    clinic.settle()
    clinic.forget()
    book(clinic, people[25])
    clinic.settle()
    (visit,) = clinic.visits()
    if counted:
        # OnCall itself has no place for a 26th: told, and nobody else waits for that.
        assert len(open_names(visit)) == 24
        assert clinic.attention() == ["group_full"]
        assert clinic.mails() == []
        return
    assert len(open_names(visit)) == 25
    assert clinic.attention() == []
    assert clinic.mails() == [("invitation", "app")]


# --- inactive and deceased ------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["I", "D"])
def test_a_move_waits_while_a_member_is_inactive(clinic: Clinic, status: str) -> None:
    people = patients(clinic)
    booked = group_of(clinic, people)
    clinic.edit_patient(people[0], patient_status=status)
    clinic.settle()
    for one in booked:
        clinic.edit(one, scheduled_time=wall(days=5))
    clinic.settle()
    (visit,) = clinic.visits()
    assert visit["datetime"] == f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == []
    assert set(clinic.attention()) == {"patient_inactive"}
    # Once staff have taken them out the others are told; an end is carried, as of any visit.
    clinic.edit(booked[0], status="Cancelled")
    clinic.settle()
    (now,) = clinic.visits()
    assert (now["id"], open_names(now)) == (visit["id"], ["Ines", "Omar"])
    assert now["datetime"] == f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}"
    assert sorted(clinic.mails()) == [("cancellation", "app"), *[("change", "app")] * 2]


def test_a_move_goes_on_when_the_member_is_active_again(clinic: Clinic) -> None:
    people = patients(clinic)
    booked = group_of(clinic, people)
    clinic.edit_patient(people[0], patient_status="I")
    clinic.settle()
    for one in booked:
        clinic.edit(one, scheduled_time=wall(days=5))
    clinic.settle()
    clinic.edit_patient(people[0], patient_status="A")
    clinic.settle()
    assert clinic.mails() == [("change", "app")] * 3
    assert clinic.attention() == []
    agree(clinic)


def test_an_inactive_patient_is_not_added_and_keeps_nobody_out(clinic: Clinic) -> None:
    people = patients(clinic)
    clinic.edit_patient(people[1], patient_status="I")
    group_of(clinic, people)
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Vera"]
    assert set(clinic.attention()) == {"patient_inactive"}


# --- a visit of one becomes a group ---------------------------------------------------------------


def one_visit(clinic: Clinic, **changes: Any) -> tuple[list[int], str, dict[str, Any]]:
    """A visit of Vera's alone; everybody's chart, the appointment, and the OnCall visit."""
    people = patients(clinic, 4)
    appointment = clinic.book(patient=people[0], **changes)
    clinic.settle()
    clinic.forget()
    (visit,) = clinic.visits()
    return people, appointment, visit


def test_a_second_patient_added_in_oncall_makes_it_a_group(clinic: Clinic) -> None:
    people, appointment, visit = one_visit(clinic)
    clinic.change_visit(visit["id"], participants=[*listed(clinic, visit), JON, HOST])
    clinic.settle()
    made = next(one for one in clinic.appointments() if one["id"] != appointment)
    assert (made["patient"], made["scheduled_time"]) == (people[3], wall(days=3))
    assert made["profile"] == TELEHEALTH
    assert len(clinic.appointments()) == 2
    assert clinic.mails() == [("invitation", "staff")] * 2
    # The co-host is left alone, and told once.
    assert clinic.attention() == ["participant_unmatched"]
    clinic.forget()
    clinic.edit(made["id"], status="Cancelled")
    clinic.settle()
    (now,) = clinic.visits()
    assert open_names(now) == ["Co", "Vera"]
    clinic.change_visit(visit["id"], datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    assert clinic.appointment(appointment)["scheduled_time"] == wall(days=6)
    assert clinic.attention() == ["participant_unmatched"]


def test_the_patient_of_a_visit_replaced_in_oncall(clinic: Clinic) -> None:
    people, appointment, visit = one_visit(clinic)
    clinic.change_visit(visit["id"], participants=[*listed(clinic, visit), JON])
    gone = participant(visit, "Vera")["id"]
    answer = clinic.sandbox.staff_oncall("PATCH", f"/participants/{gone}/", {"cancelled": True})
    assert answer.status_code == 200
    clinic.settle()
    assert clinic.appointment(appointment)["status"] == "Cancelled"
    assert [one["patient"] for one in clinic.appointments()] == [people[3]]
    agree(clinic)


@pytest.mark.parametrize("profile", [TELEHEALTH, GROUP])
def test_swapped_for_the_patient_whom_staff_have_just_added_in_oncall(
    clinic: Clinic, profile: int
) -> None:
    """Who is in the visit already is not added a second time."""
    people, appointment, visit = one_visit(clinic, profile=profile)
    clinic.change_visit(visit["id"], participants=[*listed(clinic, visit), JON])
    clinic.edit(appointment, patient=people[3])
    clinic.settle()
    clinic.whole_cycle()
    agree(clinic, contacts=False)
    assert [one["patient"] for one in clinic.appointments()] == [people[3]]
    assert open_names(clinic.visit(visit["id"])) == ["Jon"]
    assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "staff")]


def test_without_a_group_profile_a_second_patient_is_told_once(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.go_live()
        _people, appointment, visit = one_visit(clinic)
        clinic.change_visit(visit["id"], participants=[*listed(clinic, visit), JON, HOST])
        clinic.settle()
        assert [one["id"] for one in clinic.appointments()] == [appointment]
        assert clinic.attention() == ["participant_unmatched", "second_patient"]
        clinic.edit(appointment, scheduled_time=wall(days=5))
        clinic.settle()
        clinic.whole_cycle()
        assert clinic.attention() == ["participant_unmatched", "second_patient"]
        clinic.forget()
        clinic.catch_up()
        assert clinic.writes() == []


def test_a_visit_of_one_that_gets_a_group_profile_becomes_the_group(clinic: Clinic) -> None:
    people, appointment, visit = one_visit(clinic, profile=407)
    clinic.edit(appointment, profile=GROUP)
    clinic.settle()
    # The group's profile is a phone call's: that is the one change the patient is told of.
    assert clinic.mails() == [("change", "app")]
    clinic.forget()
    book(clinic, people[1], duration=30)
    clinic.settle()
    (now,) = clinic.visits()
    assert (now["id"], open_names(now)) == (visit["id"], ["Omar", "Vera"])
    assert clinic.mails() == [("invitation", "app")]


# --- rescheduled with a successor -----------------------------------------------------------------


def clone(clinic: Clinic, appointment: str, at: str, order: str) -> None:
    clinic.sandbox.control(
        "drchrono", "clone", {"id": appointment, "scheduled_time": at, "order": order}
    )


@pytest.mark.parametrize("order", ["clone_first", "original_first"])
def test_members_rescheduled_with_successors_are_one_move(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path, order: str
) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path, group_settle_seconds=30) as clinic:
        make_groups(clinic)
        clinic.go_live()
        booked = group_of(clinic, patients(clinic))
        (visit,) = clinic.visits()
        for one in booked:
            clone(clinic, one, wall(days=5), order)
            clinic.pump()
            clinic.advance(5)
        clinic.settle()
        (now,) = clinic.visits()
        assert (now["id"], open_names(now)) == (visit["id"], ["Ines", "Omar", "Vera"])
        assert clinic.mails() == [("change", "app")] * 3
        agree(clinic)
        successor = clinic.appointments()[-1]["id"]
        assert successor not in booked
        clinic.edit(successor, status="Cancelled")
        clinic.settle()
        (now,) = clinic.visits()
        assert len(open_names(now)) == 2


def test_one_member_rescheduled_within_the_slot_keeps_the_seat(clinic: Clinic) -> None:
    booked = group_of(clinic, patients(clinic))
    clone(clinic, booked[0], wall(days=3), "original_first")
    clinic.settle()
    clinic.catch_up()
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Omar", "Vera"]
    assert clinic.mails() == []


# --- lost, and given to another provider ----------------------------------------------------------


def test_a_participant_who_is_not_listed_any_more_is_told_once(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", participants_patch="replace")
    booked = group_of(clinic, patients(clinic))
    (visit,) = clinic.visits()
    kept = [
        one for one in listed(clinic, visit) if participant(visit, "Omar")["id"] not in one["url"]
    ]
    clinic.change_visit(visit["id"], participants=kept)
    clinic.settle()
    assert [clinic.appointment(one)["status"] for one in booked] == [""] * 3
    assert clinic.attention() == ["participant_lost"]
    clinic.forget()
    clinic.edit(booked[0], scheduled_time=wall(days=3, hour=17))
    clinic.settle()
    clinic.whole_cycle()
    assert clinic.attention() == ["participant_lost"]


def test_another_provider_in_oncall_is_another_doctor_for_every_member(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    booked = group_of(clinic, patients(clinic))
    (visit,) = clinic.visits()
    base = clinic.sandbox.oncall_url
    clinic.change_visit(
        visit["id"], provider=f"{base}/providers/196158/", division=f"{base}/divisions/2404/"
    )
    clinic.settle()
    assert [clinic.appointment(one)["doctor"] for one in booked] == [202] * 3
    assert clinic.mails() == [("change", "staff")] * 3
    clinic.whole_cycle()
    assert [v["id"] for v in clinic.visits()] == [visit["id"]]
    assert clinic.mails() == [("change", "staff")] * 3


# --- occurrences ----------------------------------------------------------------------------------


def test_an_occurrence_that_became_real_unheard_keeps_its_seat(clinic: Clinic) -> None:
    """Its virtual id is gone when the group is read: that is no deletion."""
    people = patients(clinic)
    weekly = {"profile": GROUP, "allow_overlapping": True}
    ids = [series(clinic, patient=one, **weekly)[0] for one in people]
    look(clinic)
    visit = min(clinic.visits(), key=lambda one: str(one["datetime"]))
    assert open_names(visit) == ["Ines", "Omar", "Vera"]
    clinic.forget()
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    made = clinic.sandbox.control("drchrono", "materialise", {"id": ids[0]})
    clinic.change_visit(visit["id"], duration=45)
    clinic.settle()
    (now,) = [one for one in clinic.visits() if one["id"] == visit["id"]]
    assert open_names(now) == ["Ines", "Omar", "Vera"]
    assert clinic.mails() == [("change", "staff")] * 3
    assert clinic.appointment(str(made["id"]))["duration"] == 45
