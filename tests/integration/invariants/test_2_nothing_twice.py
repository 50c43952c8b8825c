"""Invariant 2, nothing twice: lost answers, races, redeliveries, going live, both sides at once."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.agreement import agree, open_appointments, open_visits
from tests.support.clinic import DIVISION, PROVIDER, Clinic, open_clinic
from tests.support.flows import here, name_of, prove_the_list, slot, there
from tests.support.sandbox_client import Sandbox

POST_VISIT = {"match": {"method": "POST", "path": "^/appointments/$"}}
POST_APPOINTMENT = {"match": {"method": "POST", "path": "^/api/appointments$"}}
LIST_APPOINTMENTS = {"match": {"method": "GET", "path": "^/api/appointments$"}}


# --- a POST whose answer was lost: the ladder -----------------------------------------------------


def test_its_own_webhook_brings_it(clinic: Clinic) -> None:
    prove_the_list(clinic)
    clinic.sandbox.faults("oncall", {**POST_VISIT, "do": "drop_after"})
    clinic.book(patient=clinic.patient)
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("invitation", "app")]
    assert clinic.calls("oncall").count("POST /appointments/") == 1


def test_the_newest_list_brings_it(clinic: Clinic) -> None:
    prove_the_list(clinic)
    clinic.sandbox.behaviours("oncall", webhooks_for_api=False)
    clinic.sandbox.faults("oncall", {**POST_VISIT, "do": "drop_after"})
    clinic.book(patient=clinic.patient)
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("invitation", "app")]
    assert clinic.calls("oncall").count("POST /appointments/") == 1
    assert "GET /appointments/" in clinic.calls("oncall")


def test_two_looks_apart_deny_it_and_it_is_made_again(clinic: Clinic) -> None:
    prove_the_list(clinic)
    clinic.sandbox.faults("oncall", {**POST_VISIT, "do": "drop"})
    clinic.book(patient=clinic.patient)
    began = clinic.now()
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("invitation", "app")]
    calls = clinic.calls("oncall")
    assert calls.count("POST /appointments/") == 2
    assert calls.count("GET /appointments/") == 2
    # Settling time (5 s), then "apart" (60 s).
    assert (clinic.now() - began).total_seconds() >= 65


def test_on_an_unproven_list_a_person_is_asked(clinic: Clinic) -> None:
    """A list that was never seen to show new objects denies nothing."""
    clinic.sandbox.faults("oncall", {**POST_VISIT, "do": "drop"})
    clinic.book(patient=clinic.patient)
    clinic.settle(hours=3)
    assert clinic.attention() == ["create_unknown"]
    assert clinic.calls("oncall").count("POST /appointments/") == 1
    assert clinic.mails() == []


def test_the_slot_is_taken_by_our_own_lost_appointment(clinic: Clinic) -> None:
    """Lists are silent for ten minutes; the second POST is refused: it overlaps with the first."""
    prove_the_list(clinic)
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "drop", "times": 1})
    clinic.sandbox.faults(
        "drchrono",
        {**POST_APPOINTMENT, "do": "drop_after"},
        {**LIST_APPOINTMENTS, "do": "empty_list", "times": 6},
        webhooks={"mode": "drop"},
    )
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    clinic.invite()
    clinic.settle(hours=3)
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    agree(clinic)
    assert clinic.attention() == []
    assert clinic.calls("drchrono").count("POST /api/appointments") == 2
    assert clinic.mails() == [("invitation", "staff")]


def test_the_room_is_taken_by_somebody_else(clinic: Clinic) -> None:
    """Another patient sits in room 1: the visit goes into the next room that the mapping allows."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    at = slot(6)
    other = clinic.new_patient(**name_of(1))
    wall_there = f"{at.astimezone(ZoneInfo('America/Los_Angeles')):%Y-%m-%dT%H:%M:%S}"
    where = {"doctor": 203, "office": 302, "profile": 409}  # 409: an office visit, not synced
    clinic.book(patient=other, exam_room=1, scheduled_time=wall_there, **where)
    clinic.new_patient(**name_of(2))
    clinic.settle()
    clinic.forget()
    base = clinic.sandbox.oncall_url
    clinic.invite(
        datetime=there(at),
        participants=[name_of(2)],
        provider=f"{base}/providers/196159/",
        division=f"{base}/divisions/2405/",
    )
    clinic.settle()
    agree(clinic)
    (made,) = open_appointments(clinic)
    assert made["exam_room"] == 2
    assert clinic.mails() == [("invitation", "staff")]


# --- the same told twice --------------------------------------------------------------------------


def test_redelivered_creates_make_nothing(clinic: Clinic) -> None:
    clinic.linked()
    for delivery in clinic.sandbox.webhooks("drchrono")["deliveries"]:
        clinic.sandbox.control("drchrono", "redeliver", {"delivery": delivery["delivery"]})
    clinic.settle()
    agree(clinic)
    assert clinic.writes() == []
    assert clinic.mails() == []


@pytest.mark.parametrize("first", ["drchrono", "oncall"])
def test_one_visit_entered_by_hand_on_both_sides(clinic: Clinic, first: str) -> None:
    clinic.linked()  # from here on the person is known
    at = {"scheduled_time": here(slot(3)), "patient": clinic.patient}
    if first == "drchrono":
        clinic.book(**at)
        clinic.invite(datetime=there(slot(3)))
    else:
        clinic.invite(datetime=there(slot(3)))
        clinic.book(**at)
    clinic.settle()
    agree(clinic)
    assert len(open_visits(clinic)) == 2
    assert clinic.mails() == [("invitation", "staff")]


def test_a_slot_that_was_left_is_free_again(clinic: Clinic) -> None:
    appointment, _ = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, scheduled_time=here(slot(4)))
    clinic.settle()
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(0)))
    clinic.settle()
    agree(clinic)
    assert len(open_visits(clinic)) == 2


def test_a_contact_that_is_there_but_not_on_the_first_page(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """OnCall may not know `?email=` and show everybody: the hit can be on a later page."""
    sandbox.behaviours("oncall", contact_email_filter="ignored", page_size=2)
    with open_clinic(sandbox, sqlite_url, tmp_path) as clinic:
        clinic.new_patient()
        clinic.go_live()
        for number in range(3):
            _contact(clinic, **name_of(number))
        _contact(clinic, first_name="Vera", last_name="Lindqvist", email="vera@mail.example")
        clinic.book()
        clinic.settle()
        agree(clinic)


def _contact(clinic: Clinic, **who: str) -> None:
    base = clinic.sandbox.oncall_url
    body = {
        **who,
        "provider": f"{base}/providers/{PROVIDER}/",
        "division": f"{base}/divisions/{DIVISION}/",
        "date_of_birth": "1984-05-06",
        "phone": "2125550147",
        "sex": "female",
    }
    assert clinic.sandbox.staff_oncall("POST", "/contacts/", body).status_code == 201
