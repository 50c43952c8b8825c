"""A create whose answer was lost, and somebody who edits either side before it is found.

What was sent is the baseline of what is found, and what it was made from that of its source: the
edit is carried, whichever way the visit is found, and nobody is asked.
"""

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic
from tests.support.flows import here, name_of, slot, there

# Whether the made object's own webhook brings it, with our marker, or only a look finds it.
FOUND = pytest.mark.parametrize("webhooks", ["deliver", "drop"], ids=["webhook", "looked_for"])
LOST = {"match": {"method": "POST", "path": "/appointments/?$"}, "do": "drop_after"}


@pytest.fixture
def clinic(clinic: Clinic) -> Clinic:
    """A clinic whose patient both sides know from a visit far away."""
    clinic.new_patient(**name_of(1))
    clinic.linked(scheduled_time=here(slot(50)))
    return clinic


def made_in_drchrono(clinic: Clinic, webhooks: str) -> tuple[str, str]:
    """A visit booked in OnCall whose appointment was made and not yet heard of; both ids."""
    before = {one["id"] for one in clinic.of("drchrono", "appointments")}
    clinic.sandbox.faults("drchrono", LOST, webhooks={"mode": "hold"})
    visit = clinic.invite(datetime=there(slot(1)), participants=[name_of(1)])
    clinic.pump()
    (made,) = [a["id"] for a in clinic.of("drchrono", "appointments") if a["id"] not in before]
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    if webhooks == "drop":
        clinic.sandbox.control("drchrono", "faults", {"webhooks": {"mode": "drop", "times": 1}})
    return str(made), visit


def made_in_oncall(clinic: Clinic) -> tuple[str, str]:
    """A visit booked in DrChrono, made in OnCall and not yet heard of; both ids."""
    before = {one["id"] for one in clinic.of("oncall", "appointments")}
    clinic.sandbox.faults("oncall", LOST, webhooks={"mode": "drop", "times": 1})
    appointment = clinic.book(patient=clinic.patient, scheduled_time=here(slot(1)))
    clinic.pump()
    (made,) = [v["id"] for v in clinic.of("oncall", "appointments") if v["id"] not in before]
    return appointment, str(made)


def bring(clinic: Clinic, webhooks: str) -> None:
    """Let the held webhook of the create come, or never."""
    if webhooks == "deliver":
        clinic.sandbox.control("drchrono", "release", {})
    clinic.settle(hours=3)


@FOUND
def test_its_source_was_moved_meanwhile(clinic: Clinic, webhooks: str) -> None:
    made, visit = made_in_drchrono(clinic, webhooks)
    clinic.change_visit(visit, datetime=there(slot(2)))
    bring(clinic, webhooks)
    agree(clinic)
    assert clinic.appointment(made)["scheduled_time"] == here(slot(2))
    assert clinic.attention() == []


@FOUND
def test_its_source_was_cancelled_meanwhile(clinic: Clinic, webhooks: str) -> None:
    made, visit = made_in_drchrono(clinic, webhooks)
    clinic.change_visit(visit, by="patient", cancelled=True)
    bring(clinic, webhooks)
    assert clinic.appointment(made)["status"] == "Cancelled"
    assert clinic.attention() == []


@FOUND
def test_it_was_moved_itself_meanwhile(clinic: Clinic, webhooks: str) -> None:
    made, visit = made_in_drchrono(clinic, webhooks)
    clinic.edit(made, scheduled_time=here(slot(2)))
    bring(clinic, webhooks)
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(2))
    assert clinic.attention() == []


@FOUND
def test_it_was_cancelled_itself_meanwhile(clinic: Clinic, webhooks: str) -> None:
    made, visit = made_in_drchrono(clinic, webhooks)
    clinic.edit(made, status="Cancelled")
    bring(clinic, webhooks)
    assert clinic.visit(visit)["cancelled"] is True
    assert clinic.attention() == []


@FOUND
def test_different_fields_were_changed_on_both_sides(clinic: Clinic, webhooks: str) -> None:
    made, visit = made_in_drchrono(clinic, webhooks)
    clinic.edit(made, duration=45)
    clinic.change_visit(visit, datetime=there(slot(2)))
    bring(clinic, webhooks)
    agree(clinic)
    assert clinic.visit(visit)["duration"] == 45
    assert clinic.appointment(made)["scheduled_time"] == here(slot(2))
    assert clinic.attention() == []


def test_made_in_oncall_and_moved_in_drchrono_meanwhile(clinic: Clinic) -> None:
    appointment, made = made_in_oncall(clinic)
    clinic.edit(appointment, scheduled_time=here(slot(2)))
    clinic.settle(hours=3)
    agree(clinic)
    assert clinic.visit(made)["datetime"] == there(slot(2))
    assert clinic.attention() == []


def test_made_in_oncall_and_moved_there_meanwhile(clinic: Clinic) -> None:
    appointment, made = made_in_oncall(clinic)
    clinic.change_visit(made, datetime=there(slot(2)))
    clinic.settle(hours=3)
    agree(clinic)
    assert clinic.appointment(appointment)["scheduled_time"] == here(slot(2))
    assert clinic.attention() == []


def test_made_in_oncall_and_cancelled_there_meanwhile(clinic: Clinic) -> None:
    appointment, made = made_in_oncall(clinic)
    clinic.change_visit(made, by="patient", cancelled=True)
    clinic.settle(hours=3)
    assert clinic.appointment(appointment)["status"] == "Cancelled"
    assert clinic.attention() == []


def test_made_in_oncall_and_the_chart_changed_before_it_was_found(clinic: Clinic) -> None:
    _, made = made_in_oncall(clinic)
    clinic.edit_patient(clinic.patient, email="vera.new@mail.example")
    clinic.pump()  # the person's run is over before the visit's participant is known
    clinic.settle(hours=3)
    agree(clinic)
    assert clinic.visit(made)["participants"][0]["email"] == "vera.new@mail.example"


@pytest.mark.parametrize(
    "change",
    [{"last_name": "Lindqvist-Berg"}, {"email": "vera.new@mail.example"}],
    ids=["name", "email"],
)
def test_a_contact_and_the_chart_changed_before_it_was_found(
    clinic: Clinic, change: dict[str, str]
) -> None:
    clinic.sandbox.faults(
        "oncall", {"match": {"method": "POST", "path": "^/contacts/$"}, "do": "drop_after"}
    )
    patient = clinic.new_patient(**name_of(2))
    clinic.book(patient=patient, scheduled_time=here(slot(3)))
    clinic.pump()
    clinic.edit_patient(patient, **change)
    clinic.settle(hours=3)
    agree(clinic)
    contacts = [
        {name: one[name] for name in ("first_name", "last_name", "email")}
        for one in clinic.of("oncall", "contacts")
        if one["last_name"] != name_of(1)["last_name"]
    ]
    assert contacts == [{**name_of(2), **change}]
    assert clinic.attention() == []


# --- a cancellation whose answer was lost, and DrChrono's appointment open ------------------------

CANCEL_LOST = {"match": {"method": "PATCH", "path": "^/appointments/"}, "do": "drop_after"}


def test_given_to_another_and_the_cancellation_s_answer_is_lost(clinic: Clinic) -> None:
    """Our own end of the old visit was carried to the appointment of the other patient."""
    appointment, old = clinic.linked(scheduled_time=here(slot(1)))
    clinic.sandbox.faults("oncall", CANCEL_LOST)
    clinic.edit(appointment, patient=clinic.new_patient(**name_of(2)))
    clinic.settle(hours=3)
    agree(clinic)
    assert clinic.appointment(appointment)["status"] != "Cancelled"
    assert clinic.visit(old)["cancelled"]
    assert clinic.mails() == [("cancellation", "app"), ("invitation", "app")]


def test_opened_again_while_the_cancellation_s_answer_is_lost(clinic: Clinic) -> None:
    appointment, old = clinic.linked(scheduled_time=here(slot(1)))
    clinic.sandbox.faults("oncall", CANCEL_LOST)
    clinic.edit(appointment, status="Cancelled")
    clinic.pump()
    clinic.edit(appointment, status="Confirmed")
    clinic.settle(hours=3)
    agree(clinic)
    assert clinic.appointment(appointment)["status"] == "Confirmed"
    assert clinic.visit(old)["cancelled"]
    assert clinic.mails() == [("cancellation", "app"), ("invitation", "app")]
