"""Each detail of a 1:1 visit, carried both ways: time, length, type, provider, cancel, delete."""

from typing import Any

import pytest
from sqlalchemy import select

from sync.core.records import VisitType
from sync.run.evidence import staleness
from sync.store.schema import attention, conflict
from tests.support.clinic import DIVISION, Clinic, utc, wall

OTHER_DOCTOR, OTHER_TELEHEALTH = 202, 404
PHONE = 402


@pytest.fixture
def linked(clinic: Clinic) -> tuple[Clinic, str, str]:
    """A clinic with one visit that stands on both sides; the two ids."""
    appointment = clinic.book()
    clinic.pump()
    (visit,) = clinic.visits()
    clinic.forget()
    return clinic, appointment, visit["id"]


def entry(clinic: Clinic, doctor: int) -> Any:
    found = clinic.sync.mapping.doctor(str(doctor))
    assert found is not None
    return found


def test_length_there_and_back(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, visit = linked
    clinic.edit(appointment, duration=45)
    clinic.pump()
    assert clinic.visits()[0]["duration"] == 45
    clinic.change_visit(visit, duration=20)
    clinic.pump()
    assert clinic.appointment(appointment)["duration"] == 20
    assert clinic.mails() == [("change", "app"), ("change", "staff")]


def test_type_there_and_back(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, visit = linked
    clinic.edit(appointment, profile=PHONE)
    clinic.pump()
    assert clinic.visits()[0]["type"] == "phone"
    clinic.change_visit(visit, type="online")
    clinic.settle()  # what stood before our write is believed after a minute
    assert clinic.appointment(appointment)["profile"] == int(
        clinic.sync.mapping.booking_profile("201", VisitType.ONLINE)
    )


def test_provider_in_drchrono_keeps_the_instant(linked: tuple[Clinic, str, str]) -> None:
    """The new doctor has another zone: the same wall clock there is another time in OnCall."""
    clinic, appointment, _ = linked
    other = entry(clinic, OTHER_DOCTOR)
    clinic.edit(appointment, doctor=OTHER_DOCTOR, profile=OTHER_TELEHEALTH)
    clinic.pump()
    (visit,) = clinic.visits()
    assert visit["provider"] == other.oncall_provider
    assert visit["division"] == other.oncall_division


def test_provider_in_oncall(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, visit = linked
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    other = entry(clinic, OTHER_DOCTOR)
    base = clinic.sandbox.oncall_url
    clinic.change_visit(
        visit,
        provider=f"{base}/providers/{other.oncall_provider}/",
        division=f"{base}/divisions/{other.oncall_division}/",
    )
    clinic.pump()
    moved = clinic.appointment(appointment)
    assert moved["doctor"] == OTHER_DOCTOR
    zone = clinic.sync.mapping.zone(str(OTHER_DOCTOR))
    assert zone is not None
    assert moved["scheduled_time"] == utc(days=3).astimezone(_zone(zone)).strftime(
        "%Y-%m-%dT%H:%M:%S"
    )


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


@pytest.mark.parametrize("after", ["404", "flagged"])
def test_deleted_in_drchrono(linked: tuple[Clinic, str, str], after: str) -> None:
    clinic, appointment, _ = linked
    clinic.advance(10)
    clinic.forget()
    clinic.sandbox.behaviours("drchrono", delete_get=after)
    answer = clinic.sandbox.staff_drchrono("DELETE", f"/api/appointments/{appointment}")
    assert answer.status_code == 204
    began = clinic.now()
    clinic.settle()
    assert clinic.now() - began < 2 * staleness.NEW
    # A 404 ends nothing before a second one; a flag is DrChrono's own word (ADR 0032).
    assert clinic.calls("drchrono").count("GET /api/appointments/ID") == (
        2 if after == "404" else 1
    )
    assert clinic.visits() == []
    assert clinic.mails() == [("cancellation", "app")]
    clinic.catch_up()
    assert clinic.mails() == [("cancellation", "app")]


def test_deleted_in_drchrono_just_after_it_was_made(linked: tuple[Clinic, str, str]) -> None:
    """A copy may lack what is so new: it is over within some seconds, for a look or two more."""
    clinic, appointment, _ = linked
    clinic.sandbox.behaviours("drchrono", delete_get="404")
    began = clinic.now()
    clinic.sandbox.staff_drchrono("DELETE", f"/api/appointments/{appointment}")
    clinic.settle()
    assert clinic.now() - began < 3 * staleness.NEW
    assert clinic.visits() == []
    assert clinic.mails() == [("cancellation", "app")]


def test_both_moved_the_record_wins_and_it_is_recorded(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, visit = linked
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.change_visit(visit, datetime=f"{utc(days=3, hour=19):%Y-%m-%dT%H:%M:%SZ}")
    clinic.pump()
    assert clinic.appointment(appointment)["scheduled_time"] == wall(days=3, hour=17)
    assert clinic.visits()[0]["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    with clinic.sync.store.read() as conn:
        assert conn.execute(select(conflict.c.field)).scalars().all() == ["starts"]


def test_another_patient_on_the_same_appointment(linked: tuple[Clinic, str, str]) -> None:
    """The old visit is cancelled, a new one made, by itself."""
    clinic, appointment, old = linked
    clinic.new_patient(first_name="Omar", last_name="Haddad", email="omar@mail.example")
    clinic.edit(appointment, patient=clinic.patient)
    clinic.pump()
    (visit,) = clinic.visits()
    assert visit["id"] != old
    assert [p["email"] for p in visit["participants"]] == ["omar@mail.example"]
    assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "app")]


def test_opened_again_in_the_record_is_a_new_visit(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, old = linked
    clinic.edit(appointment, status="Cancelled")
    clinic.pump()
    clinic.edit(appointment, status="Confirmed")
    clinic.pump()
    (visit,) = clinic.visits()
    assert visit["id"] != old
    assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "app")]


def test_a_patient_without_email_waits_and_wakes(clinic: Clinic) -> None:
    patient = clinic.new_patient(first_name="Nora", last_name="Quist", email="")
    clinic.book(patient=patient)
    clinic.pump()
    assert clinic.visits() == []
    assert clinic.attention() == ["patient_without_email"]
    clinic.edit_patient(patient, email="nora@mail.example")
    clinic.pump()
    assert [p["email"] for v in clinic.visits() for p in v["participants"]] == ["nora@mail.example"]
    assert clinic.attention() == []


def test_an_unmapped_provider_waits_and_wakes_with_the_mapping(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    path = clinic.settings.mapping_file
    whole = path.read_text()
    provider = entry(clinic, 201).oncall_provider
    path.write_text(whole.replace(f"oncall_provider = {provider}", "oncall_provider = 999"))
    clinic.invite()
    clinic.pump()
    assert clinic.appointments() == []
    assert clinic.attention() == ["provider_unmapped"]
    path.write_text(whole + "\n# mended\n")
    clinic.catch_up()
    assert len(clinic.appointments()) == 1
    assert clinic.attention() == []


def test_an_unknown_person_booked_in_oncall_becomes_a_patient(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    who = {"first_name": "Ines", "last_name": "Okoro", "email": "ines@mail.example"}
    clinic.invite(participants=[who])
    clinic.pump()
    (made,) = [p for p in clinic.of("drchrono", "patients") if p["last_name"] == "Okoro"]
    (appointment,) = clinic.appointments()
    assert appointment["patient"] == made["id"]
    assert (made["gender"], made["email"]) == ("UNK", "ines@mail.example")
    clinic.catch_up()
    assert len(clinic.appointments()) == 1


def test_a_namesake_is_never_guessed(clinic: Clinic) -> None:
    """Same name, another e-mail: it may be her or another; a person decides."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    who = {"first_name": "Vera", "last_name": "Lindqvist", "email": "other@mail.example"}
    clinic.invite(participants=[who])
    clinic.pump()
    assert clinic.appointments() == []
    with clinic.sync.store.read() as conn:
        rows = conn.execute(select(attention.c.cause, attention.c.candidates)).all()
    assert [tuple(row) for row in rows] == [("patient_unsure", [str(clinic.patient)])]


def test_a_slot_taken_in_drchrono_goes_to_the_next_room_or_is_told(clinic: Clinic) -> None:
    other = clinic.new_patient(first_name="Omar", last_name="Haddad", email="omar@mail.example")
    clinic.pump()
    at = wall(days=4)
    for room in (1, 2, 3):
        body = {"doctor": 201, "office": 301, "exam_room": room, "profile": 403, "patient": other}
        clinic.sandbox.staff_drchrono(
            "POST", "/api/appointments", {**body, "scheduled_time": at, "duration": 30}
        )
    clinic.invite(division=f"{clinic.sandbox.oncall_url}/divisions/{DIVISION}/")
    clinic.pump()
    assert clinic.attention() == ["overlap"]
    assert len(clinic.appointments()) == 3
