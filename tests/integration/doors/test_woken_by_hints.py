"""Wake by callers' words what waits for a thing, but not without end (ADR 0017)."""

from sync.tasks import schedule
from tests.support import forged
from tests.support.clinic import Clinic


def test_forged_news_of_what_is_waited_for_wakes_within_bounds(clinic: Clinic) -> None:
    """A visit waits for its patient's e-mail; each wake costs reads (ADR 0017)."""
    patient = clinic.new_patient(first_name="Noa", last_name="None", email="")
    clinic.book(patient=patient)
    clinic.settle()
    assert clinic.attention() == ["patient_without_email"]
    clinic.forget()
    for number in range(80):
        body = {"id": patient, "first_name": "Noa", "email": f"x{number}@mail.example"}
        forged.drchrono(clinic, "PATIENT_MODIFY", body)
        clinic.pump()
    assert len(clinic.calls("drchrono")) < 90  # of two reads each
    # An honest word comes by the next list, which is due within minutes.
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    clinic.edit_patient(patient, email="noa@mail.example")
    clinic.advance(180)
    assert "drchrono_patients" in schedule.due_tasks(clinic.sync)
    clinic.beat("drchrono_patients")
    clinic.settle()
    assert clinic.attention() == []
    assert clinic.mails() == [("invitation", "app")]
