"""An answer about another object, or from another place, says nothing of the one asked for."""

from typing import Any

import pytest

from tests.support import forged
from tests.support.agreement import agree
from tests.support.clinic import Clinic, wall

OTHER = {"first_name": "Olga", "last_name": "Other", "email": "olga@mail.example"}


def two_visits(clinic: Clinic) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two visits of two people, both long known; counting begins after."""
    clinic.wire.answers = False
    first = clinic.linked()
    patient = clinic.patient
    clinic.new_patient(**OTHER)
    second = clinic.linked(scheduled_time=wall(days=9), duration=45)
    clinic.patient = patient
    clinic.advance(120)
    clinic.forget()
    return first, second


def mixed_up(clinic: Clinic, remote: str, method: str, path: str, other: str) -> None:
    """One answer of a cache that takes one object for another."""
    act = clinic.sandbox.staff_drchrono if remote == "drchrono" else clinic.sandbox.staff_oncall
    body = act("GET", other).json()
    fault = {"match": {"method": method, "path": f"^{path}$"}, "do": "status", "status": 200}
    clinic.sandbox.faults(remote, {**fault, "body": body})


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_another_visit_of_oncall_s_is_taken_for_none(clinic: Clinic, method: str) -> None:
    (appointment, visit), (_, other) = two_visits(clinic)
    mixed_up(clinic, "oncall", method, f"/appointments/{visit}/", f"/appointments/{other}/")
    clinic.edit(appointment, duration=50)
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["duration"] == 50
    assert clinic.appointment(appointment)["duration"] == 50
    assert clinic.mails() == [("change", "app")]
    assert set(clinic.writes()) == {"PATCH /appointments/ID/"}


@pytest.mark.parametrize("by", ["answer", "redirect"])
def test_another_appointment_is_taken_for_none(clinic: Clinic, by: str) -> None:
    (appointment, visit), (other, _) = two_visits(clinic)
    here, there = f"/api/appointments/{appointment}", f"/api/appointments/{other}"
    if by == "answer":
        mixed_up(clinic, "drchrono", "GET", here, there)
    else:
        match = {"method": "GET", "path": f"^{here}$"}
        clinic.sandbox.faults("drchrono", {"match": match, "do": "redirect", "location": there})
    clinic.edit(appointment, duration=50)
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["duration"] == 50
    assert clinic.mails() == [("change", "app")]
    assert clinic.writes() == ["PATCH /appointments/ID/"]


def test_another_patient_is_taken_for_none(clinic: Clinic) -> None:
    two_visits(clinic)
    (other,) = [p for p in clinic.of("drchrono", "patients") if p["email"] == OTHER["email"]]
    path = f"/api/patients/{clinic.patient}"
    mixed_up(clinic, "drchrono", "GET", path, f"/api/patients/{other['id']}")
    clinic.edit_patient(clinic.patient, email="new@mail.example")
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("invitation", "app")]
    sent = [call for call in clinic.writes() if "contacts" in call]
    assert sent == ["PATCH /contacts/ID/"]


@pytest.mark.parametrize("elsewhere", ["/api/appointments/999999", "/api/v4/appointments/1"])
def test_what_another_path_lacks_is_not_gone(clinic: Clinic, elsewhere: str) -> None:
    """A redirect of the edge leads astray, and somebody tells of a deletion that never was."""
    (appointment, visit), _ = two_visits(clinic)
    match: dict[str, Any] = {"method": "GET", "path": f"^/api/appointments/{appointment}$"}
    astray = {"match": match, "do": "redirect", "location": elsewhere, "times": None}
    clinic.sandbox.faults("drchrono", astray)
    forged.drchrono(clinic, "APPOINTMENT_DELETE", {"id": appointment})
    clinic.settle(hours=0.3)
    assert (clinic.writes(), clinic.mails()) == ([], [])
    clinic.sandbox.faults("drchrono", clear=True)
    clinic.sandbox.behaviours("drchrono", burst_limit=None)
    clinic.settle()
    assert not clinic.visit(visit)["cancelled"]
    agree(clinic)
    assert clinic.attention() == []


def test_a_request_for_a_list_is_posted_to_no_other_path(clinic: Clinic) -> None:
    """Under another path the same POST could make something."""
    two_visits(clinic)
    match = {"method": "POST", "path": "^/api/appointments_list$"}
    led = {"match": match, "do": "redirect", "location": "/api/appointments", "times": None}
    clinic.sandbox.faults("drchrono", led)
    clinic.catch_up()
    assert "POST /api/appointments" not in clinic.calls("drchrono")
