"""Make no second patient because a list that may lag does not show the first."""

from typing import Any

import pytest

from tests.support.clinic import DIVISION, PROVIDER, Clinic
from tests.support.flows import POST_PATIENT, here, slot, there
from tests.support.meanwhile import meanwhile, second_worker
from tests.support.sandbox_client import Sandbox
from tests.support.templates import on_both

JANE = {"first_name": "Jane", "last_name": "Doe", "email": "jane@mail.example"}
LOST = {"match": {"method": "POST", "path": "^/api/patients$"}, "do": "drop_after"}
NEVER = {**LOST, "do": "drop"}


@pytest.fixture(autouse=True)
def _told(clinic: Clinic) -> None:
    """OnCall tells the provider, so that somebody new can be booked there."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)


def book(clinic: Clinic, number: int, **who: str) -> str:
    return clinic.invite(datetime=there(slot(number)), participants=[{**JANE, **who}])


def janes(clinic: Clinic, last_name: str = "Doe") -> list[dict[str, Any]]:
    return [one for one in clinic.of("drchrono", "patients") if one["last_name"] == last_name]


def appointments(clinic: Clinic) -> list[dict[str, Any]]:
    made = {one["id"] for one in janes(clinic)}
    return [one for one in clinic.appointments() if one["patient"] in made]


def lagging(clinic: Clinic, seconds: float) -> None:
    """DrChrono's lists are so far behind, and no webhook of it comes."""
    clinic.sandbox.behaviours("drchrono", list_lag_seconds=seconds)
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})


@on_both
def test_two_visits_of_one_new_person_at_the_same_time(clinic: Clinic) -> None:
    """The second run comes between the first one's last look and its POST."""
    book(clinic, 0)
    book(clinic, 1)
    clinic.sandbox.wait_idle()
    make = clinic.sync.drchrono.create_patient
    with second_worker(clinic) as second:

        def between(*told: Any, **more: Any) -> Any:
            clinic.sync.drchrono.create_patient = make  # type: ignore[method-assign]
            second.work()
            return make(*told, **more)

        clinic.sync.drchrono.create_patient = between  # type: ignore[method-assign]
        clinic.settle()
    assert clinic.sync.drchrono.create_patient == make
    assert len(janes(clinic)) == 1
    assert len(appointments(clinic)) == 2
    assert clinic.attention() == []


@on_both
def test_two_visits_wait_for_one_lost_create(clinic: Clinic) -> None:
    """Both look at the same moments; the create never came to be, and is made again once."""
    clinic.sandbox.faults("drchrono", NEVER)
    book(clinic, 0)
    book(clinic, 1)
    with second_worker(clinic) as second:
        with meanwhile(clinic, POST_PATIENT, before=second.work):
            clinic.pump()
        make = clinic.sync.drchrono.create_patient

        def between(*told: Any, **more: Any) -> Any:
            clinic.sync.drchrono.create_patient = make  # type: ignore[method-assign]
            second.work()
            return make(*told, **more)

        clinic.sync.drchrono.create_patient = between  # type: ignore[method-assign]
        clinic.settle()
    assert len(janes(clinic)) == 1
    assert len(appointments(clinic)) == 2
    assert clinic.attention() == []


@pytest.mark.parametrize("seconds", [90, 400])
def test_a_list_that_is_further_behind_than_two_looks(clinic: Clinic, seconds: float) -> None:
    lagging(clinic, seconds)
    clinic.sandbox.faults("drchrono", LOST)
    book(clinic, 0)
    began = clinic.now()
    clinic.pump()
    while (clinic.now() - began).total_seconds() < 1200 and clinic.waiting():
        clinic.advance(20)
        passed = (clinic.now() - began).total_seconds()
        clinic.sandbox.control("drchrono", "time", {"offset_seconds": passed})
        clinic.pump()
    assert len(janes(clinic)) == 1
    assert len(appointments(clinic)) == 1
    assert clinic.attention() == []


def test_its_own_webhook_brings_it_however_far_lists_are_behind(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("drchrono", list_lag_seconds=100_000)
    clinic.sandbox.faults("drchrono", LOST)
    book(clinic, 0)
    clinic.settle()
    assert len(janes(clinic)) == 1
    assert len(appointments(clinic)) == 1
    assert clinic.attention() == []


def test_what_is_newer_and_shown_denies_at_the_second_look(clinic: Clinic) -> None:
    """The list shows a chart that was changed after something of ours was made after the POST."""
    clinic.sandbox.faults("drchrono", NEVER)
    book(clinic, 0)
    clinic.pump()
    began = clinic.now()
    clinic.advance(6)
    clinic.pump()  # the first look
    clinic.invite(datetime=there(slot(5)))  # Vera is known: her appointment is made by us
    clinic.pump()
    clinic.edit_patient(clinic.patient, home_phone="(212) 555-0199")
    clinic.settle()
    assert len(janes(clinic)) == 1
    assert (clinic.now() - began).total_seconds() < 90


@pytest.mark.parametrize("change", [{"first_name": "Janet"}, {"email": "jane.doe@mail.example"}])
def test_the_participant_s_words_change_between_two_attempts(
    clinic: Clinic, change: dict[str, str]
) -> None:
    """The chart is there, and not shown yet; who it was made for is called otherwise by now."""
    lagging(clinic, 100_000)
    clinic.sandbox.faults("drchrono", LOST)
    visit = book(clinic, 0)
    clinic.pump()
    (who,) = clinic.visit(visit)["participants"]
    answer = clinic.sandbox.staff_oncall("PATCH", f"/participants/{who['id']}/", change)
    assert answer.status_code == 200, answer.text
    clinic.advance(90)
    clinic.pump()
    clinic.sandbox.behaviours("drchrono", list_lag_seconds=0)
    clinic.settle(hours=3)
    assert len(janes(clinic)) == 1
    assert clinic.attention() == ["patient_unsure"]
    # Staff put the chart right: that is what the visit waits for.
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    clinic.edit_patient(janes(clinic)[0]["id"], **change)
    clinic.settle()
    assert clinic.attention() == []
    assert len(appointments(clinic)) == 1


def test_the_contact_s_birth_date_comes_between_two_attempts(clinic: Clinic) -> None:
    lagging(clinic, 100_000)
    clinic.sandbox.faults("drchrono", LOST)
    book(clinic, 0)
    clinic.pump()
    base = clinic.sandbox.oncall_url
    body = {
        **JANE,
        "provider": f"{base}/providers/{PROVIDER}/",
        "division": f"{base}/divisions/{DIVISION}/",
        "date_of_birth": "1990-01-02",
    }
    assert clinic.sandbox.staff_oncall("POST", "/contacts/", body).status_code == 201
    clinic.advance(90)
    clinic.pump()
    clinic.sandbox.behaviours("drchrono", list_lag_seconds=0)
    clinic.settle(hours=3)
    assert len(janes(clinic)) == 1


def test_made_before_and_not_shown_now_is_read_by_its_id(clinic: Clinic) -> None:
    """A later booking of somebody whom we made meets a list that lacks them."""
    book(clinic, 0)
    clinic.settle()
    clinic.sandbox.behaviours("drchrono", list_lag_seconds=100_000)
    with clinic.sync.store.write() as conn:
        conn.exec_driver_sql("DELETE FROM person_key")  # known by no index
    book(clinic, 1)
    clinic.settle()
    assert len(janes(clinic)) == 1
    assert len(appointments(clinic)) == 2
    assert clinic.attention() == []


def test_an_inactive_chart_is_no_reason_for_a_second_one(clinic: Clinic) -> None:
    """Lists leave out who is inactive, and they are there all the same."""
    patient = clinic.new_patient(**JANE)
    clinic.edit_patient(patient, patient_status="I")
    with clinic.sync.store.write() as conn:
        conn.exec_driver_sql("DELETE FROM person_key")
    book(clinic, 0)
    clinic.settle()
    assert len(janes(clinic)) == 1
    assert clinic.attention() == ["patient_inactive"]
    clinic.edit_patient(patient, patient_status="A")
    clinic.settle()
    assert clinic.attention() == []
    assert len(appointments(clinic)) == 1


@on_both
def test_a_question_about_a_create_ends_when_the_list_is_proven(
    sandbox: Sandbox, clinic: Clinic
) -> None:
    """`create_unknown` of an OnCall visit waits for the fact that the list shows new objects."""
    never = {"match": {"method": "POST", "path": "^/appointments/$"}, "do": "drop"}
    sandbox.faults("oncall", never)
    clinic.book(patient=clinic.patient)
    clinic.settle(hours=1)
    assert clinic.attention() == ["create_unknown"]
    other = clinic.new_patient(**JANE)
    clinic.book(patient=other, scheduled_time=here(slot(3)))
    clinic.settle()
    clinic.catch_up()  # shows what was just made: the list is proven
    assert clinic.attention() == []
    assert len(clinic.visits()) == 2
