"""Leave alone, or ask about, another visit that stands in a booking's slot."""

from tests.support.clinic import Clinic, wall


def appointment_statuses(clinic: Clinic) -> list[str]:
    return sorted(one["status"] for one in clinic.of("drchrono", "appointments"))


def test_an_oncall_visit_that_was_cancelled_unread_is_not_taken_for_the_booking(
    clinic: Clinic,
) -> None:
    """Staff book it in DrChrono in its place: nobody has cancelled that."""
    appointment = clinic.book(scheduled_time=wall(days=4))
    visit = clinic.invite()
    clinic.change_visit(visit, status="Staff cancelled")
    clinic.settle()
    assert clinic.appointment(appointment)["status"] == ""
    (made,) = [one for one in clinic.visits() if one["id"] != visit]
    clinic.edit(appointment, scheduled_time=wall(days=4, hour=17))
    clinic.settle()
    now = {one["id"]: one["datetime"] for one in clinic.visits()}
    assert now[made["id"]] != made["datetime"]


def test_an_appointment_that_was_cancelled_unread_is_not_taken_for_the_visit(
    clinic: Clinic,
) -> None:
    """OnCall's booking in its place goes on, and gets an appointment of its own."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.invite()
    cancelled = clinic.book(scheduled_time=wall(days=4))
    clinic.edit(cancelled, status="Cancelled")
    clinic.settle()
    assert appointment_statuses(clinic) == ["", "Cancelled"]
    assert clinic.mails() == [("invitation", "staff")]


def test_a_namesake_with_another_address_in_the_same_slot_is_a_question(clinic: Clinic) -> None:
    """A slip of the pen must not invite the patient a second time, after the start as before it."""
    typo = {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mial.example"}
    clinic.book(scheduled_time=wall(days=4))
    clinic.invite(participants=[typo])
    clinic.settle()
    assert "visit_unsure" in clinic.attention()
    assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
    assert clinic.mails() == [("invitation", "staff")]
