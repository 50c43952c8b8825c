"""A patient who is in OnCall's list no more is told of once; nobody is cancelled for that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clinic import TELEHEALTH, Clinic, wall
from tests.support.group_clinic import GROUP, HOST, a_clinic_with_groups, book
from tests.support.templates import Templates

ALIKE = pytest.mark.parametrize("profile", [TELEHEALTH, GROUP], ids=["of_one", "of_a_group"])


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live; a list of participants that is sent replaces."""
    with a_clinic_with_groups(templates, tmp_path, "replace") as opened:
        yield opened


@ALIKE
def test_a_patient_who_is_not_listed_any_more_is_told_once(clinic: Clinic, profile: int) -> None:
    appointment = book(clinic, clinic.patient, profile=profile)
    clinic.settle()
    (visit,) = clinic.visits()
    clinic.forget()
    clinic.change_visit(visit["id"], participants=[HOST])
    clinic.settle()
    told = ["participant_lost", "participant_unmatched"]
    assert clinic.attention() == told
    assert clinic.appointment(appointment)["status"] == ""
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.settle()
    clinic.whole_cycle()
    assert clinic.attention() == told
    assert clinic.appointment(appointment)["status"] == ""
