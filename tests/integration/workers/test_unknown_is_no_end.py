"""End nothing, swap nobody and stop no other field for a value that nobody can read.

Of another kind than a zone: whose visit it is, what kind of visit, how a status is spelt.
Invariants 1, 9 and 10.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import Clinic
from tests.support.group_clinic import a_clinic_with_groups, book, patients
from tests.support.templates import Templates

NOBODY = 424242  # a chart that is not shown to us


def leave(clinic: Clinic, remote: str, one: str, **values: Any) -> None:
    """Let an object stand as nobody's page writes it; no webhook comes."""
    clinic.sandbox.control(remote, "leave", {"id": one, "values": values})


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"patient": None}, "left_scope"),
        ({"patient": NOBODY}, "patient_gone"),
    ],
)
def test_whose_visit_it_is_is_not_known(clinic: Clinic, values: Any, cause: str) -> None:
    """The visit stays and nobody is mailed; it ends when the appointment names somebody again."""
    appointment, visit = clinic.linked()
    leave(clinic, "drchrono", appointment, **values)
    clinic.edit(appointment, notes="called")
    clinic.settle()
    clinic.catch_up()
    assert [one["id"] for one in clinic.visits()] == [visit]
    assert (clinic.attention(), clinic.mails()) == ([cause], [])
    leave(clinic, "drchrono", appointment, patient=clinic.patient)
    clinic.edit(appointment, notes="called again")
    clinic.settle()
    assert [one["id"] for one in clinic.visits()] == [visit]
    assert (clinic.attention(), clinic.mails()) == ([], [])


@pytest.mark.parametrize("patient", [None, NOBODY])
def test_of_a_group_nobody_is_cancelled_for_it(
    templates: Templates, tmp_path: Path, patient: int | None
) -> None:
    with a_clinic_with_groups(templates, tmp_path) as clinic:
        booked = [book(clinic, one) for one in patients(clinic)]
        clinic.settle()
        clinic.forget()
        leave(clinic, "drchrono", booked[0], patient=patient)
        clinic.edit(booked[0], notes="called")
        clinic.settle()
        (visit,) = clinic.visits()
        assert not any(who["cancelled"] for who in visit["participants"])
        assert clinic.mails() == []
        assert clinic.attention() == ["left_scope" if patient is None else "patient_gone"]


@pytest.mark.parametrize("word", ["video", None, "message"])
def test_a_type_that_nobody_knows_keeps_nothing_else_back(clinic: Clinic, word: Any) -> None:
    appointment, visit = clinic.linked()
    leave(clinic, "oncall", visit, type=word)
    clinic.change_visit(visit, title="Visit")
    clinic.edit(appointment, duration=45)
    clinic.settle()
    assert clinic.visit(visit)["duration"] == 45
    assert clinic.attention() == ["type_unknown"]
    leave(clinic, "oncall", visit, type="online")
    clinic.change_visit(visit, title="Video visit")
    clinic.settle()
    assert clinic.attention() == []
    assert len(clinic.appointments()) == 1


@pytest.mark.parametrize("word", ["video", ""])
def test_a_booking_of_no_known_type_waits_and_is_told(clinic: Clinic, word: str) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    visit = clinic.invite(title="First")
    leave(clinic, "oncall", visit, type=word)
    clinic.settle()
    assert (clinic.appointments(), clinic.attention()) == ([], ["type_unknown"])
    leave(clinic, "oncall", visit, type="online")
    clinic.change_visit(visit, title="Second")
    clinic.settle()
    assert (len(clinic.appointments()), clinic.attention()) == (1, [])


@pytest.mark.parametrize("word", ["Canceled by patient", "Patient canceled", "CANCELLED"])
def test_an_end_is_read_as_it_is_spelt(clinic: Clinic, word: str) -> None:
    appointment, visit = clinic.linked()
    leave(clinic, "oncall", visit, status=word)
    clinic.change_visit(visit, title="Visit")
    clinic.settle()
    assert clinic.appointment(appointment)["status"] == "Cancelled"


@pytest.mark.parametrize("remote", ["drchrono", "oncall"])
def test_a_record_that_is_readable_again_ends_its_question(clinic: Clinic, remote: str) -> None:
    appointment, visit = clinic.linked()
    one, key = (appointment, "scheduled_time") if remote == "drchrono" else (visit, "datetime")
    shown = clinic.appointment(one) if remote == "drchrono" else clinic.visit(one)
    leave(clinic, remote, one, **{key: "soon"})
    clinic.whole_cycle()
    assert "malformed_record" in clinic.attention()
    leave(clinic, remote, one, **{key: shown[key]})
    clinic.whole_cycle()
    assert "malformed_record" not in clinic.attention()
    assert (len(clinic.visits()), clinic.mails()) == (1, [])
