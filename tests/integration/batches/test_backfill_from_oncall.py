"""Make patients of OnCall's contacts where the mapping allows it: never twice, never by a guess."""

from typing import Any

import pytest

from sync.batches import showing, steering
from sync.core.batch.model import Kind, Outcome
from tests.support.batches.backfills import (
    done,
    fates,
    outcomes,
    planned,
)
from tests.support.clinic import DIVISION, PROVIDER, Clinic
from tests.support.templates import on_both

INES = {"first_name": "Ines", "last_name": "Okoro", "email": "ines@mail.example"}


def allow(clinic: Clinic) -> None:
    """The mapping says that a contact without a visit may become a patient."""
    path = clinic.settings.mapping_file
    text = path.read_text()
    said = "patients_from_contacts = true\n"
    path.write_text(
        text.replace("[policy]\n", f"[policy]\n{said}")
        if "[policy]\n" in text
        else f"{text}\n[policy]\n{said}"
    )
    clinic.advance(5)


def contact(clinic: Clinic, **changes: Any) -> str:
    base = clinic.sandbox.oncall_url
    body = {
        "provider": f"{base}/providers/{PROVIDER}/",
        "division": f"{base}/divisions/{DIVISION}/",
        "date_of_birth": "1990-02-03",
        **INES,
        **changes,
    }
    answer = clinic.sandbox.staff_oncall("POST", "/contacts/", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"].rstrip("/").rpartition("/")[2])


def charts(clinic: Clinic) -> list[str]:
    return sorted(one["email"] for one in clinic.of("drchrono", "patients"))


def test_without_the_policy_it_is_refused_by_its_name(clinic: Clinic) -> None:
    contact(clinic)
    with pytest.raises(LookupError, match="patients_from_contacts to true"):
        steering.open_backfill(clinic.sync, Kind.BACKFILL_PATIENTS, source="oncall")
    clinic.catch_up()
    assert charts(clinic) == ["vera@mail.example"]


@on_both
def test_a_contact_becomes_a_chart_with_its_words_and_is_linked(clinic: Clinic) -> None:
    allow(clinic)
    there = contact(clinic)
    clinic.catch_up()
    assert charts(clinic) == ["vera@mail.example"]  # no contact becomes a patient by itself
    number = planned(clinic, source="oncall")
    assert fates(clinic, number) == {there: "create"}
    clinic.forget()
    done(clinic, number)
    (chart,) = [one for one in clinic.of("drchrono", "patients") if one["email"] == INES["email"]]
    assert (chart["first_name"], chart["date_of_birth"], chart["doctor"]) == (
        "Ines",
        "1990-02-03",
        201,
    )
    (item,) = showing.items(clinic.sync, number)
    assert (item.outcome, item.remote_id) == (Outcome.CREATED, str(chart["id"]))
    assert clinic.calls("drchrono") == ["GET /api/patients"] * 2 + ["POST /api/patients"]
    assert clinic.calls("oncall") == ["GET /contacts/ID/"]
    assert clinic.mails() == []
    again = planned(clinic, source="oncall")
    assert fates(clinic, again) == {there: "already_there"}
    assert set(fates(clinic, planned(clinic)).values()) <= {"create", "already_there"}
    assert fates(clinic, planned(clinic))[str(chart["id"])] == "already_there"


@on_both
def test_a_lost_answer_is_looked_for_and_no_second_chart_is_made(clinic: Clinic) -> None:
    allow(clinic)
    there = contact(clinic)
    number = planned(clinic, source="oncall")
    lost = {"match": {"method": "POST", "path": "^/api/patients$"}, "do": "drop_after", "times": 1}
    clinic.sandbox.faults("drchrono", lost)
    done(clinic, number)
    assert charts(clinic) == [INES["email"], "vera@mail.example"]
    assert outcomes(clinic, number) == {there: "created"}
    assert fates(clinic, planned(clinic, source="oncall")) == {there: "already_there"}


def test_whoever_may_be_somebody_is_a_question_and_who_surely_is_one_is_there(
    clinic: Clinic,
) -> None:
    allow(clinic)
    vera = {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mail.example"}
    same = contact(clinic, **vera, date_of_birth="1984-05-06")
    child = contact(clinic, **{**vera, "first_name": "Vida"})
    namesake = contact(clinic, **{**vera, "email": "other@mail.example"})
    number = planned(clinic, source="oncall")
    found = fates(clinic, number)
    assert (found[same], found[child]) == ("already_there", "patient_unsure")
    done(clinic, number)
    assert outcomes(clinic, number)[namesake] == "patient_unsure"
    items = {one.source_id: one for one in showing.items(clinic.sync, number)}
    assert items[namesake].outcome is Outcome.QUESTION
    assert items[namesake].candidates == (str(clinic.patient),)
    assert charts(clinic) == ["vera@mail.example"]


def test_what_a_contact_lacks_is_its_problem(clinic: Clinic) -> None:
    allow(clinic)
    clinic.sandbox.behaviours("oncall", checks_email=False)
    silent = contact(clinic, email="")
    half = contact(clinic, email="ines at mail", last_name="Half")
    single = contact(clinic, last_name="", email="single@mail.example")
    base = clinic.sandbox.oncall_url
    elsewhere = contact(clinic, provider=f"{base}/providers/196158/", email="else@mail.example")
    number = planned(clinic, source="oncall")
    found = fates(clinic, number)
    assert found[silent] == "contact_without_email"
    assert found[half] == "contact_email_unclear"
    assert found[single] == "identity_incomplete"
    mapped = clinic.sync.mapping.doctor_for("196158", DIVISION)
    assert found[elsewhere] == ("create" if mapped else "provider_unmapped")
    clinic.forget()
    steering.cancel(clinic.sync, number)
    assert clinic.writes() == []
