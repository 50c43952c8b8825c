"""DrChrono's patients and the lists around the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller
    from tests.support.sandbox_client import Sandbox

NEW = {
    "doctor": 201,
    "gender": "Female",
    "first_name": "Zoé",
    "last_name": "Quinn",
    "date_of_birth": "1990-02-03",
    "email": "zoe.quinn@mail.example",
}


def admit(dc: Caller, **changes: Any) -> Any:
    answer = dc("POST", "/api/patients", {**NEW, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_new_patient_in_the_documented_forms(dc: Caller) -> None:
    row = admit(dc, cell_phone="+1 212 555 0199")
    assert isinstance(row["id"], int)
    assert row["cell_phone"] == "(212) 555-0199"
    assert row["home_phone"] == ""
    assert row["chart_id"][:4] == "QUZO"
    assert len(row["chart_id"]) == 10
    assert row["chart_id"][4:].isdigit()
    assert row["patient_status"] == "A"


@pytest.mark.parametrize("field", ["doctor", "gender"])
def test_required_fields(dc: Caller, field: str) -> None:
    body = {key: value for key, value in NEW.items() if key != field}
    answer = dc("POST", "/api/patients", body)
    assert (answer.status_code, answer.json()) == (400, {field: ["This field is required."]})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"gender": "F"}, "gender"),
        ({"email": "nobody"}, "email"),
        ({"date_of_birth": "3 Feb 1990"}, "date_of_birth"),
        ({"cell_phone": "12345"}, "cell_phone"),
        ({"doctor": 999}, "doctor"),
        ({"custom_demographics": [{"field_type": 1, "value": "x"}]}, "custom_demographics"),
    ],
)
def test_what_is_refused_with_400(dc: Caller, changes: dict[str, Any], field: str) -> None:
    answer = dc("POST", "/api/patients", {**NEW, **changes})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@pytest.mark.parametrize("gender", ["", "Male", "Female", "Other", "UNK", "ASKU"])
def test_gender_values(dc: Caller, gender: str) -> None:
    assert admit(dc, gender=gender)["gender"] == gender


@pytest.mark.parametrize(("behaviour", "left"), [("merge", {"a", "new"}), ("replace", {"new"})])
def test_custom_demographics_merge_or_replace_and_show_verbose_only(
    sandbox: Sandbox, dc: Caller, behaviour: str, left: set[str]
) -> None:
    sandbox.behaviours("drchrono", custom_demographics_patch=behaviour)
    kinds = [
        dc("POST", "/api/custom_demographics", {"doctor": 201, "name": name}).json()["id"]
        for name in ("one", "two")
    ]
    row = admit(dc, custom_demographics=[{"field_type": kinds[0], "value": "a"}])
    path = f"/api/patients/{row['id']}"
    change = {"custom_demographics": [{"field_type": kinds[1], "value": "new"}]}
    answer = dc("PATCH", path, change)
    assert (answer.status_code, answer.content) == (204, b"")
    shown = dc("GET", f"{path}?verbose=true").json()["custom_demographics"]
    assert {one["value"] for one in shown} == left
    assert "custom_demographics" not in dc("GET", path).json()


def test_a_put_blanks_what_is_not_sent(dc: Caller) -> None:
    row = admit(dc)
    assert dc("PUT", f"/api/patients/{row['id']}", {"doctor": 201, "gender": "UNK"}).ok
    after = dc("GET", f"/api/patients/{row['id']}").json()
    assert (after["email"], after["first_name"], after["gender"]) == ("", "", "UNK")
    assert after["chart_id"] == row["chart_id"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("last_name=ADEYEMI", 3),
        ("last_name=adey", 3),
        ("first_name=zo", 1),
        ("email=prescott.family@mail.example", 2),
        ("email=PRESCOTT.family@mail.example", 2),
        ("date_of_birth=2015-05-09", 2),
        ("gender=Other", 1),
        ("email=nobody@mail.example", 0),
    ],
)
def test_filters(dc: Caller, query: str, count: int) -> None:
    assert len(dc("GET", f"/api/patients?{query}").json()["results"]) == count


def test_the_email_filter_may_be_ignored(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.behaviours("drchrono", email_filter=False)
    listed = dc("GET", "/api/patients?email=nobody@mail.example").json()["results"]
    assert len(listed) == 20


@pytest.mark.parametrize(("works", "count"), [(True, 1), (False, 0)])
def test_inactive_patients_hide(sandbox: Sandbox, dc: Caller, *, works: bool, count: int) -> None:
    sandbox.behaviours("drchrono", patients_show_inactive=works)
    dc("PATCH", "/api/patients/7001", {"patient_status": "I"})
    path = "/api/patients?last_name=Harper"
    assert dc("GET", path).json()["results"] == []
    assert len(dc("GET", f"{path}&show_inactive=true").json()["results"]) == count


@pytest.mark.parametrize(("behaviour", "status"), [("off", 201), ("400", 400), ("409", 409)])
def test_duplicates(sandbox: Sandbox, dc: Caller, behaviour: str, status: int) -> None:
    sandbox.behaviours("drchrono", duplicate_patient=behaviour)
    admit(dc)
    answer = dc("POST", "/api/patients", NEW)
    assert answer.status_code == status
    if status != 201:
        assert "Potential duplicate patient(s) found." in answer.text
        assert dc("POST", "/api/patients?allow_duplicates=true", NEW).status_code == 201
    assert admit(dc, date_of_birth="1990-02-04")["date_of_birth"] == "1990-02-04"


def test_a_deleted_patient_is_gone(dc: Caller) -> None:
    row = admit(dc)
    assert dc("DELETE", f"/api/patients/{row['id']}").status_code == 204
    assert dc("GET", f"/api/patients/{row['id']}").status_code == 404
    assert dc("GET", "/api/patients?last_name=Quinn").json()["results"] == []


def test_the_clinic_around_it(dc: Caller) -> None:
    doctors = dc("GET", "/api/doctors").json()["results"]
    assert [row["timezone"] for row in doctors] == [
        "US/Eastern",
        "US/Eastern",
        "America/Los_Angeles",
    ]
    offices = dc("GET", "/api/offices").json()["results"]
    assert [[room["index"] for room in row["exam_rooms"]] for row in offices] == [[1, 2, 3], [1, 2]]
    profiles = dc("GET", "/api/appointment_profiles?doctor=203").json()["results"]
    assert [row["name"] for row in profiles] == ["Telehealth", "Phone Consult", "Office Visit"]


def test_users_current_redirects(dc: Caller) -> None:
    answer = dc("GET", "/api/users/current")
    assert answer.status_code == 302
    user = dc("GET", answer.headers["Location"]).json()
    assert (user["doctor"], user["practice_group"]) == (201, 4242)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/doctors"),
        ("DELETE", "/api/offices/301"),
        ("DELETE", "/api/custom_demographics/1"),
        ("DELETE", "/api/patients"),
        ("PATCH", "/api/users/501"),
    ],
)
def test_unsupported_requests_are_405(dc: Caller, method: str, path: str) -> None:
    answer = dc(method, path, {})
    assert answer.status_code == 405
    assert answer.json() == {"detail": f'Method "{method}" not allowed.'}


def test_an_archived_profile_is_hidden(dc: Caller) -> None:
    assert dc("DELETE", "/api/appointment_profiles/401").status_code == 204
    path = "/api/appointment_profiles?doctor=201"
    assert [row["id"] for row in dc("GET", path).json()["results"]] == [402, 403]
    shown = dc("GET", f"{path}&show_archived=true").json()["results"]
    assert [row["id"] for row in shown] == [401, 402, 403]
