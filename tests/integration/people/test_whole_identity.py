"""Before what can't be unmade is made, it is known for whom: else it waits and is told."""

from typing import Any

import pytest
from sqlalchemy import select

from sync.operations.hand import resolve
from sync.store.schema import attention
from tests.support.clinic import Clinic
from tests.support.syncs import decide, linked

SAM = "sam@mail.example"


@pytest.fixture(autouse=True)
def _told(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)


def charts(clinic: Clinic) -> int:
    return len(clinic.of("drchrono", "patients"))


def rename(clinic: Clinic, visit: str, **changes: Any) -> None:
    (who,) = clinic.visit(visit)["participants"]
    answer = clinic.sandbox.staff_oncall("PATCH", f"/participants/{who['id']}/", changes)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "who",
    [
        {"name": SAM, "first_name": SAM, "last_name": "", "email": SAM},
        {"first_name": "Sam", "last_name": "", "email": SAM},
        {"first_name": "-", "last_name": "n/a", "email": SAM},
        {"first_name": "212", "last_name": "5550147", "email": SAM},
        {"first_name": "\u200b", "last_name": "\u200b", "name": "\u200b ", "email": SAM},
    ],
)
def test_a_participant_without_a_whole_name_becomes_no_chart(
    clinic: Clinic, who: dict[str, Any]
) -> None:
    before = charts(clinic)
    visit = clinic.invite(participants=[who])
    clinic.settle()
    clinic.catch_up()
    assert charts(clinic) == before
    assert clinic.appointments() == []
    assert clinic.attention() == ["identity_incomplete"]
    rename(clinic, visit, first_name="Sam", last_name="Lund")
    clinic.settle()
    made = clinic.of("drchrono", "patients")[-1]
    assert (made["first_name"], made["last_name"], made["email"]) == ("Sam", "Lund", SAM)
    assert [a["patient"] for a in clinic.appointments()] == [made["id"]]
    assert clinic.attention() == []


def test_a_name_whose_webhook_was_lost_is_found_by_the_next_catch_up(clinic: Clinic) -> None:
    visit = clinic.invite(participants=[{"first_name": "Sam", "last_name": "", "email": SAM}])
    clinic.settle()
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop", "times": 1})
    rename(clinic, visit, first_name="Sam", last_name="Lund")
    clinic.settle()
    assert clinic.attention() == ["identity_incomplete"]
    clinic.whole_cycle()
    assert [p["last_name"] for p in clinic.of("drchrono", "patients")][-1] == "Lund"
    assert clinic.attention() == []


def test_a_guessed_name_is_asked_about_and_taken_when_somebody_says_so(clinic: Clinic) -> None:
    before = charts(clinic)
    clinic.sandbox.behaviours("oncall", splits_name=False)
    clinic.invite(participants=[{"name": "Mary Ann Smith", "email": SAM}])
    clinic.settle()
    assert charts(clinic) == before
    with clinic.sync.store.read() as conn:
        item = conn.execute(
            select(attention.c.id, attention.c.candidates).where(attention.c.closed_at.is_(None))
        ).one()
    assert item.candidates == ["name"]
    assert resolve.question(clinic.sync, item.id).cause == "identity_incomplete"
    resolve.resolve(clinic.sync, item.id, resolve.NONE)
    clinic.settle()
    made = clinic.of("drchrono", "patients")[-1]
    assert (made["first_name"], made["last_name"]) == ("Mary Ann", "Smith")
    assert clinic.attention() == []


@pytest.mark.parametrize("email", ["a@mail.example; b@mail.example", "jane@mail,example.com"])
def test_half_an_address_of_a_participant_is_asked_about(clinic: Clinic, email: str) -> None:
    before = charts(clinic)
    clinic.sandbox.behaviours("oncall", checks_email=False)
    visit = clinic.invite(participants=[{"first_name": "Sam", "last_name": "Lund", "email": email}])
    clinic.settle()
    assert charts(clinic) == before
    assert clinic.attention() == ["participant_email_unclear"]
    rename(clinic, visit, email=SAM)
    clinic.settle()
    assert clinic.of("drchrono", "patients")[-1]["email"] == SAM
    assert clinic.attention() == []


def test_half_an_address_in_a_chart_is_asked_about_before_it_is_sent(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("drchrono", checks_email=False)
    patient = clinic.new_patient(first_name="Ida", email="ida@mail.example / bo@mail.example")
    clinic.book()
    clinic.settle()
    assert clinic.attention() == ["patient_email_unclear"]
    assert [call for call in clinic.calls("oncall") if call.startswith("POST")] == []
    clinic.edit_patient(patient, email="Ida Lindqvist <ida@mail.example>")
    clinic.settle()
    (visit,) = clinic.visits()
    assert [one["email"] for one in visit["participants"]] == ["ida@mail.example"]
    assert clinic.attention() == []


def test_a_chart_without_a_name_gets_no_contact(clinic: Clinic) -> None:
    decide(clinic, '[policy]\npeople = "all"')
    clinic.settle()
    before = len(clinic.of("oncall", "contacts"))
    patient = clinic.new_patient(first_name="", last_name="", email="ida@mail.example")
    clinic.settle()
    assert len(clinic.of("oncall", "contacts")) == before
    clinic.edit_patient(patient, first_name="Ida")
    clinic.settle()
    assert clinic.of("oncall", "contacts")[-1]["first_name"] == "Ida"
    assert clinic.attention() == []


def test_a_name_that_was_taken_out_of_a_chart_is_not_taken_out_of_the_visit(
    clinic: Clinic,
) -> None:
    _, visit = linked(clinic)
    clinic.edit_patient(clinic.patient, first_name="", last_name="")
    clinic.settle()
    assert clinic.writes() == []
    assert clinic.attention() == ["patient_without_name"]
    clinic.edit_patient(clinic.patient, first_name="Vera", last_name="Berg")
    clinic.settle()
    (who,) = clinic.visit(visit)["participants"]
    assert (who["first_name"], who["last_name"]) == ("Vera", "Berg")
    assert clinic.attention() == []


def test_a_placeholder_is_not_brought_into_the_chart(clinic: Clinic) -> None:
    _, visit = linked(clinic)
    decide(clinic, "[policy]\ndemographics_back = true")
    rename(clinic, visit, email="noemail@noemail.com")
    clinic.catch_up()
    chart = next(p for p in clinic.of("drchrono", "patients") if p["id"] == clinic.patient)
    assert chart["email"] == "vera@mail.example"
