"""Booked on both sides while nobody looked: what each booking may be is read once, not for each."""

import pytest

from sync.store.tables import links
from sync.tasks import worker
from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc, wall

GET, POST = "GET /appointments/ID/", "POST /appointments/"
BOOKINGS = 3


def book_on_both_sides(clinic: Clinic) -> str:
    """Three in DrChrono and one in OnCall, of people who are known, none heard of; OnCall's id."""
    people = [
        clinic.new_patient(first_name="Ida", last_name=f"L{n}", email=f"i{n}@mail.example")
        for n in range(BOOKINGS + 1)
    ]
    for number, patient in enumerate(people):
        clinic.book(patient=patient, scheduled_time=wall(days=9, hour=13 + number))
    clinic.settle()
    clinic.forget()
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "hold"})
    for number, patient in enumerate(people[:BOOKINGS]):
        clinic.book(patient=patient, scheduled_time=wall(days=10, hour=13 + number))
    person = {"first_name": "Ida", "last_name": "L3", "email": "i3@mail.example"}
    starts = f"{utc(days=10, hour=19):%Y-%m-%dT%H:%M:%SZ}"
    return clinic.invite(datetime=starts, participants=[person])


def run_drchronos_first(clinic: Clinic, visit_id: str) -> None:
    """What was booked in DrChrono is worked on, while OnCall's booking still waits."""
    unread = of_oncall(clinic, visit_id)
    for aggregate in clinic.due():
        if aggregate != unread:
            worker.run(clinic.sync, aggregate)


def of_oncall(clinic: Clinic, visit_id: str) -> int:
    """What OnCall's booking is worked on as."""
    with clinic.sync.store.read() as conn:
        known = links.find(conn, "oncall", "appointment", visit_id)
    assert known is not None
    return known.aggregate


def test_told_of_by_a_bare_webhook(clinic: Clinic) -> None:
    visit_id = book_on_both_sides(clinic)
    for remote in ("oncall", "drchrono"):
        clinic.sandbox.control(remote, "release", {})
    clinic.sandbox.wait_idle()
    run_drchronos_first(clinic, visit_id)
    assert clinic.calls("oncall").count(POST) == BOOKINGS
    assert clinic.calls("oncall").count(GET) == 1
    clinic.settle()
    agree(clinic)


def test_found_in_a_list(clinic: Clinic) -> None:
    visit_id = book_on_both_sides(clinic)
    for name in ("oncall_newest", "drchrono_appointments"):
        clinic.beat(name)
    run_drchronos_first(clinic, visit_id)
    assert clinic.calls("oncall").count(POST) == BOOKINGS
    # The list has told where it stands.
    assert clinic.calls("oncall").count(GET) == 0
    clinic.settle()
    agree(clinic)


@pytest.mark.parametrize("told", [False, True], ids=["nobody told", "webhooks told before"])
def test_oncall_s_first_with_drchrono_s_found_in_a_list(clinic: Clinic, told: bool) -> None:
    visit_id = book_on_both_sides(clinic)
    if told:
        clinic.sandbox.control("drchrono", "release", {})
        clinic.sandbox.wait_idle()
    for name in ("oncall_newest", "drchrono_appointments"):
        clinic.beat(name)
    clinic.forget()
    worker.run(clinic.sync, of_oncall(clinic, visit_id))
    # The list has told that none of the three stands where this one is to stand.
    assert clinic.calls("drchrono").count("GET /api/appointments/ID") == 0
    assert clinic.calls("drchrono").count("POST /api/appointments") == 1
    clinic.settle()
    agree(clinic)
