"""Answer as DrChrono's own published schema says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.test_drchrono_appointments import NEW, book
from tests.sandbox.test_drchrono_patients import NEW as PATIENT
from tests.support import schema

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller
    from tests.support.sandbox_client import Sandbox

pytestmark = pytest.mark.skipif(
    not schema.available(), reason=f"{schema.VARIABLE} does not name DrChrono's schema file"
)


def checked(dc: Caller, method: str, path: str, body: Any = None) -> Any:
    answer = dc(method, path, body)
    assert answer.status_code < 300, answer.text
    told = None if answer.status_code == 204 else answer.json()
    bare = path.partition("?")[0]
    assert schema.validate_answer(method, bare, answer.status_code, told) == []
    return told


@pytest.mark.parametrize(
    "path",
    [
        "/api/appointments?since=2000-01-01",
        "/api/appointments?since=2000-01-01&verbose=true",
        "/api/appointments/90001",
        "/api/appointments/90001?verbose=true",
        "/api/patients",
        "/api/patients?verbose=true",
        "/api/patients/7001?verbose=true",
        "/api/doctors",
        "/api/doctors/201",
        "/api/offices",
        "/api/offices/301",
        "/api/appointment_profiles",
        "/api/appointment_profiles/401",
        "/api/custom_appointment_fields",
        "/api/custom_demographics",
        "/api/telehealth_appointments",
        "/api/users",
        "/api/users/501",
    ],
)
def test_reads(dc: Caller, path: str) -> None:
    checked(dc, "GET", path)


def test_writes_and_what_they_answer(dc: Caller) -> None:
    kind = checked(dc, "POST", "/api/custom_appointment_fields", {"doctor": 201, "field_name": "a"})
    trait = checked(dc, "POST", "/api/custom_demographics", {"doctor": 201, "name": "b"})
    field = {"field_type": kind["id"], "field_value": "x"}
    row = checked(dc, "POST", "/api/appointments", {**NEW, "custom_fields": [field]})
    checked(dc, "PATCH", f"/api/appointments/{row['id']}", {"status": "Confirmed"})
    checked(dc, "GET", f"/api/appointments/{row['id']}?verbose=true")
    value = {"field_type": trait["id"], "value": "x"}
    person = checked(dc, "POST", "/api/patients", {**PATIENT, "custom_demographics": [value]})
    checked(dc, "GET", f"/api/patients/{person['id']}?verbose=true")


def test_a_series(sandbox: Sandbox, dc: Caller) -> None:
    series = {
        **NEW,
        "recurring_appointment": True,
        "recurring_days": ["Monday"],
        "recur_start_date": "2031-06-02",
    }
    assert sandbox.staff_drchrono("POST", "/api/appointments", series).ok
    listed = checked(dc, "GET", "/api/appointments?date_range=2031-06-02/2031-06-30")
    assert "_" in listed["results"][-1]["id"]


def test_bulk_patients(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.behaviours("drchrono", bulk_polls=0)
    order = checked(dc, "POST", "/api/patients_list?page_size=10")
    answer = dc("GET", f"/api/patients_list?uuid={order['uuid']}")
    body = answer.json()
    # The schema doesn't show pagination (docs/api-facts.md, D53).
    del body["pagination"]
    assert schema.validate_answer("GET", "/api/patients_list", 200, body) == []


def test_every_key_of_the_schema_is_answered(dc: Caller) -> None:
    document = schema._document()
    appointment = set(document["components"]["schemas"]["Appointment"]["properties"])
    patient = set(document["components"]["schemas"]["Patient"]["properties"])
    # reminder_profile is write-only: API v4.
    shown = dc("GET", "/api/appointments/90001?verbose=true").json()
    assert appointment - set(shown) == {"reminder_profile"}
    assert patient - set(dc("GET", "/api/patients/7001?verbose=true").json()) == set()


class TestTheValidator:
    """It must be able to refuse."""

    def test_answers(self, dc: Caller) -> None:
        row = book(dc)
        path = f"/api/appointments/{row['id']}"

        def wrong(**changes: Any) -> list[str]:
            return schema.validate_answer("GET", path, 200, {**row, **changes})

        assert wrong() == []
        assert wrong(duration="30") != []
        assert wrong(duraton=30) == ["duraton: not in the schema"]
        assert wrong(patient=None) == []
        assert wrong(status="Ready for Video") == []
        missing = {key: value for key, value in row.items() if key != "doctor"}
        assert schema.validate_answer("GET", path, 200, missing) != []
        assert schema.validate_answer("PATCH", path, 204, {"id": "1"}) == ["204 with a body"]
        listed = {"previous": None, "next": None, "results": [{**row, "id": 5}]}
        assert schema.validate_answer("GET", "/api/appointments", 200, listed) != []
        assert schema.validate_answer("GET", "/api/nothing_of_it", 200, {}) != []

    def test_requests(self) -> None:
        check = schema.validate_request
        assert check("POST", "/api/appointments", NEW) == []
        assert check("POST", "/api/appointments", {**NEW, "duration": "x"}) != []
        assert check("POST", "/api/appointments", {"doctor": 201}) != []
        assert check("PATCH", "/api/appointments/5", {"status": "Cancelled"}) == []
        assert check("PATCH", "/api/appointments/5", {"staus": "Cancelled"}) != []
        assert check("PATCH", "/api/doctors/201", {}) != []
