"""Invariant 9, every refusal is told: once, with its cause; it blocks nothing else and wakes."""

import pytest
from sqlalchemy import func, select

from sync.store.schema import attention
from tests.support.agreement import agree, open_visits
from tests.support.clinic import Clinic, utc
from tests.support.flows import here, name_of, slot, there


def _ever_told(clinic: Clinic, cause: str) -> int:
    with clinic.sync.store.read() as conn:
        return conn.execute(
            select(func.count()).select_from(attention).where(attention.c.cause == cause)
        ).scalar_one()


def test_a_patient_without_email_parks_and_wakes(clinic: Clinic) -> None:
    patient = clinic.new_patient(**{**name_of(1), "email": ""})
    appointment = clinic.book(patient=patient, scheduled_time=here(slot(0)))
    clinic.settle()
    clinic.edit(appointment, duration=50)
    clinic.settle()
    clinic.whole_cycle()
    assert clinic.attention() == ["patient_without_email"]
    assert _ever_told(clinic, "patient_without_email") == 1
    assert clinic.visits() == []
    clinic.new_patient(**name_of(2))
    clinic.book(patient=clinic.patient, scheduled_time=here(slot(1)))
    clinic.settle()
    assert len(clinic.visits()) == 1  # it blocks nobody else
    clinic.edit_patient(patient, email="here@mail.example")
    clinic.settle()
    agree(clinic)
    assert clinic.attention() == []


def test_an_unmapped_profile_wakes_with_the_mapping(clinic: Clinic) -> None:
    """Profile 403 is not synced; then the clinic decides that it is a video visit."""
    clinic.book(profile=403, scheduled_time=here(slot(0)))
    clinic.settle()
    assert clinic.visits() == []
    path = clinic.settings.mapping_file
    path.write_text(
        path.read_text().replace('"402" = "phone"', '"402" = "phone"\n"403" = "online"')
    )
    clinic.whole_cycle()
    clinic.beat("mapping")
    clinic.settle()
    assert [v["type"] for v in open_visits(clinic)] == ["online"]


@pytest.mark.parametrize("repaired", ['\n[text]\ntitle = "Video visit"\n', ""])
def test_a_broken_mapping_file_is_told_and_wakes(clinic: Clinic, repaired: str) -> None:
    appointment, visit = clinic.linked()
    path = clinic.settings.mapping_file
    good = path.read_text()
    path.write_text(good + "\n[nonsense]\nkey = 1\n")
    clinic.edit(appointment, duration=50)
    clinic.settle()
    clinic.beat("mapping")
    assert clinic.attention() == ["mapping_unusable"]
    path.write_text(good + repaired)
    clinic.beat("mapping")
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["duration"] == 50


def test_a_repaired_mapping_file_closes_its_item(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    path = clinic.settings.mapping_file
    good = path.read_text()
    path.write_text(good + "\n[nonsense]\nkey = 1\n")
    clinic.edit(appointment, duration=50)
    clinic.settle()
    path.write_text(good + '\n[text]\ntitle = "Video visit"\n')
    clinic.beat("mapping")
    clinic.settle()
    assert clinic.attention() == []


def test_every_room_is_taken(clinic: Clinic) -> None:
    at = slot(0)
    for room in (1, 2, 3):
        other = clinic.new_patient(**name_of(room))
        clinic.book(patient=other, profile=403, exam_room=room, scheduled_time=here(at))
    clinic.new_patient(**name_of(5))
    clinic.linked(scheduled_time=here(slot(3)))
    clinic.invite(datetime=there(at), participants=[name_of(5)])
    clinic.settle()
    clinic.whole_cycle()
    assert clinic.attention() == ["overlap"]
    assert _ever_told(clinic, "overlap") == 1


def test_the_authorisation_is_lost(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    clinic.sandbox.control("drchrono", "expire", {"what": "all"})
    clinic.edit(appointment, duration=50)
    clinic.settle()
    assert "auth" in clinic.attention()
    assert _ever_told(clinic, "auth") == 1
    assert clinic.visit(visit)["duration"] == 30


def test_connected_again_everything_waiting_arrives(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.sandbox.control("drchrono", "expire", {"what": "all"})
    clinic.edit(appointment, duration=50)
    clinic.settle()
    clinic.connect()
    clinic.settle()
    agree(clinic)
    assert clinic.attention() == []


def test_a_refused_write_is_told_once_and_not_repeated(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    match = {"method": "PATCH", "path": "^/appointments/"}
    body = {"duration": ["Not today."]}
    clinic.sandbox.faults(
        "oncall", {"match": match, "do": "status", "status": 400, "body": body, "times": None}
    )
    clinic.edit(appointment, duration=50)
    clinic.settle(hours=3)
    assert clinic.attention() == ["refused"]
    assert clinic.calls("oncall").count("PATCH /appointments/ID/") == 1
    other, _ = clinic.linked(scheduled_time=here(slot(7)))
    assert other
    assert _ever_told(clinic, "refused") == 1


def test_a_refused_visit_is_tried_again_when_it_changes(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    match = {"method": "PATCH", "path": "^/appointments/"}
    clinic.sandbox.faults("oncall", {"match": match, "do": "status", "status": 400, "body": {}})
    clinic.edit(appointment, duration=50)
    clinic.settle()
    clinic.edit(appointment, duration=55)
    clinic.settle()
    agree(clinic)
    assert clinic.attention() == []


def test_several_patients_fit_and_none_is_guessed(clinic: Clinic) -> None:
    """A shared family e-mail: same address, two charts, a name that is neither's."""
    for first in ("Anna", "Bo"):
        clinic.new_patient(first_name=first, last_name="Ek", email="ek@mail.example")
    clinic.settle()
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    base = clinic.sandbox.oncall_url
    clinic.invite(
        datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}",
        provider=f"{base}/providers/196159/",
        division=f"{base}/divisions/2405/",
        participants=[{"first_name": "Cia", "last_name": "Ek", "email": "ek@mail.example"}],
    )
    clinic.settle()
    assert clinic.attention() == ["patient_unsure"]
    assert clinic.appointments() == []
    assert len(clinic.of("drchrono", "patients")) == 3
