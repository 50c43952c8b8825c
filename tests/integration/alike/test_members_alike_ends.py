"""End a member's appointment, and go on with it, as for a visit of one.

Each test stands on both: what is asked of a group is what a visit of one has long done.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agreement import agree
from tests.support.clinic import Clinic, wall
from tests.support.group_clinic import ALIKE, a_clinic_with_groups, booked, open_names
from tests.support.syncs import decide, visit_of
from tests.support.templates import Templates

FEES = "[policy]\nfee_bearing_writes = true"
READ = {"match": {"method": "GET", "path": r"^/api/appointments/\d+$"}, "do": "stale"}


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live."""
    with a_clinic_with_groups(templates, tmp_path) as opened:
        yield opened


# --- a locked clinical note -----------------------------------------------------------------------


@ALIKE
@pytest.mark.parametrize(("toml", "status"), [("", "Incomplete"), (FEES, "Complete")])
def test_a_locked_clinical_note_completes_where_allowed(
    clinic: Clinic, toml: str, status: str, profile: int
) -> None:
    _, (appointment,), visit = booked(clinic, 1, profile)
    decide(clinic, toml)
    clinic.edit(appointment, status="In Session")
    clinic.pump()
    clinic.edit(appointment, clinical_note={"locked": True})
    clinic.pump()
    assert visit_of(clinic, visit)["status"] == status
    assert clinic.appointment(appointment)["status"] == "In Session"
    clinic.edit(appointment, notes="after the lock")
    clinic.catch_up()
    assert visit_of(clinic, visit)["status"] == status
    assert len(clinic.of("oncall", "appointments")) == 1
    assert (clinic.mails(), clinic.attention()) == ([], [])


def test_the_note_of_one_of_several_is_noted(clinic: Clinic) -> None:
    """OnCall knows of whole visits only that they were completed: the others go on."""
    _, appointments, visit = booked(clinic, 2)
    decide(clinic, FEES)
    clinic.edit(appointments[0], clinical_note={"locked": True})
    clinic.settle()
    assert visit_of(clinic, visit)["status"] == "Incomplete"
    clinic.catch_up()
    assert visit_of(clinic, visit)["status"] == "Incomplete"
    assert open_names(visit_of(clinic, visit)) == ["Omar", "Vera"]
    assert (clinic.mails(), clinic.attention()) == ([], [])


def test_the_notes_of_all_complete_the_visit(clinic: Clinic) -> None:
    _, appointments, visit = booked(clinic, 2)
    decide(clinic, FEES)
    for one in appointments:
        clinic.edit(one, clinical_note={"locked": True})
    clinic.settle()
    assert visit_of(clinic, visit)["status"] == "Complete"
    clinic.catch_up()
    assert len(clinic.of("oncall", "appointments")) == 1
    assert (clinic.mails(), clinic.attention()) == ([], [])


@pytest.mark.parametrize("word", ["Complete", "No Show"])
def test_members_that_end_one_after_the_other_end_the_visit(clinic: Clinic, word: str) -> None:
    _, appointments, visit = booked(clinic, 2)
    decide(clinic, FEES)
    for one in appointments:
        clinic.edit(one, status=word)
        clinic.settle()
    assert visit_of(clinic, visit)["status"].casefold() == word.casefold()


@ALIKE
def test_a_visit_completed_in_oncall_is_no_cancellation(clinic: Clinic, profile: int) -> None:
    """Neither for the brake nor in the notes of the appointment."""
    _, (appointment,), visit = booked(clinic, 1, profile)
    notes = clinic.appointment(appointment)["notes"]
    clinic.change_visit(visit, status="Complete")
    clinic.settle()
    shown = clinic.appointment(appointment)
    assert (shown["status"], shown["notes"]) == ("Complete", notes)
    assert clinic.attention() == []


# --- deleted, and a copy that still shows it ------------------------------------------------------


@ALIKE
def test_a_deleted_appointment_that_a_stale_read_shows_is_looked_at_again(
    clinic: Clinic, profile: int
) -> None:
    _, (appointment,), visit = booked(clinic, 1, profile)
    clinic.sandbox.faults("drchrono", READ)
    clinic.delete(appointment)
    clinic.settle()
    assert visit_of(clinic, visit)["cancelled"] is True
    assert clinic.mails() == [("cancellation", "app")]
    assert clinic.attention() == []


def test_one_deleted_of_several_that_a_stale_read_shows(clinic: Clinic) -> None:
    _, appointments, visit = booked(clinic, 3)
    clinic.sandbox.faults("drchrono", {**READ, "times": 2})
    clinic.delete(appointments[1])
    clinic.settle()
    assert open_names(visit_of(clinic, visit)) == ["Ines", "Vera"]
    assert clinic.mails() == [("cancellation", "app")]
    assert clinic.attention() == []
    agree(clinic)


# --- an end that was only noted, and taken back ---------------------------------------------------


@ALIKE
@pytest.mark.parametrize("word", ["No Show", "Complete"])
def test_an_end_that_was_only_noted_and_taken_back_goes_on(
    clinic: Clinic, profile: int, word: str
) -> None:
    """OnCall was never told, so the same visit goes on, with the name the chart has by now."""
    (patient,), (appointment,), visit = booked(clinic, 1, profile)
    clinic.edit(appointment, status=word)
    clinic.pump()
    clinic.edit_patient(patient, first_name="Veronika")
    clinic.pump()
    clinic.edit(appointment, status="Confirmed")
    clinic.pump()
    assert open_names(visit_of(clinic, visit)) == ["Veronika"]
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.settle()
    agree(clinic)
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert clinic.attention() == []


def test_one_of_several_whose_end_was_taken_back_goes_on(clinic: Clinic) -> None:
    """The visit was open for the others all the while, and its name was written."""
    people, appointments, visit = booked(clinic, 2)
    for one in appointments:
        clinic.edit(one, status="No Show")
    clinic.pump()
    clinic.edit_patient(people[1], first_name="Omer")
    clinic.pump()
    clinic.edit(appointments[1], status="Confirmed")
    clinic.pump()
    assert open_names(visit_of(clinic, visit)) == ["Omer", "Vera"]
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert clinic.mails() == []
    assert clinic.attention() == []
