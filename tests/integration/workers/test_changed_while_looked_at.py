"""What a visit waits for changes while its run is under way: it is looked at once more (ADR 0043).

A run reads, decides, and parks some calls later. Whoever changes the thing in between finds nobody
who waits for it.
"""

import re
from pathlib import Path

from sync.matching import preview
from tests.support.clinic import Clinic, open_clinic, wall
from tests.support.flows import (
    GET_HERE,
    GET_PATIENT,
    POST_HERE,
    here,
    name_of,
    slot,
    there,
)
from tests.support.meanwhile import meanwhile, second_worker
from tests.support.sandbox_client import Sandbox
from tests.support.templates import on_both


def looked_at_again(clinic: Clinic) -> None:
    """Nothing is due, the beat finds who missed the change, and nobody has missed it then."""
    assert clinic.waiting() == 0
    assert clinic.beat("missed")
    clinic.pump()
    assert clinic.beat("missed") == ()


def test_going_live_is_accepted(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> None:
    with open_clinic(sandbox, sqlite_url, tmp_path, go_live="ask") as clinic:
        clinic.new_patient()
        clinic.pump()
        clinic.beat("matching")
        clinic.book()
        with meanwhile(clinic, GET_HERE, after=lambda: preview.accept(clinic.sync)):
            clinic.pump()
        assert clinic.visits() == []
        looked_at_again(clinic)
        assert len(clinic.visits()) == 1


@on_both
def test_the_chart_gets_an_address(clinic: Clinic) -> None:
    patient = clinic.new_patient(**{**name_of(1), "email": ""})
    clinic.book(patient=patient)

    def typed() -> None:
        clinic.edit_patient(patient, email="vera1@mail.example")
        clinic.sandbox.wait_idle()

    with meanwhile(clinic, GET_PATIENT, after=typed):
        clinic.pump()
    assert clinic.attention() == ["patient_without_email"]
    looked_at_again(clinic)
    assert len(clinic.visits()) == 1
    assert clinic.attention() == []


def test_the_chart_is_looked_at_by_another_worker(clinic: Clinic) -> None:
    """A patient with visits has a run of their own, which says that they changed."""
    patient = clinic.new_patient(**name_of(1))
    clinic.book(patient=patient, scheduled_time=wall(days=3))
    clinic.settle()
    clinic.edit_patient(patient, email="")
    clinic.settle()
    clinic.book(patient=patient, scheduled_time=wall(days=4))
    with second_worker(clinic) as other:

        def typed() -> None:
            clinic.edit_patient(patient, email="vera1@mail.example")
            clinic.advance(60)
            other.work()

        with meanwhile(clinic, GET_PATIENT, after=typed):
            clinic.pump()
    clinic.settle()
    clinic.beat("missed")
    clinic.settle()
    assert len(clinic.visits()) == 2
    assert clinic.attention() == []


def test_the_room_is_free_again(clinic: Clinic) -> None:
    """In the way stands what is none of ours, so no run of its own tells that it is gone."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    path = clinic.settings.mapping_file
    path.write_text(re.sub(r"exam_rooms = \[.*\]", "exam_rooms = [1]", path.read_text()))
    other = clinic.new_patient(**name_of(1))
    taken = clinic.book(patient=other, profile=403, exam_room=1, scheduled_time=here(slot(1)))
    clinic.settle()
    clinic.invite(datetime=there(slot(1)))

    def cancelled() -> None:
        clinic.edit(taken, status="Cancelled")
        clinic.sandbox.wait_idle()

    with meanwhile(clinic, POST_HERE, after=cancelled):
        clinic.pump()
    assert clinic.attention() == ["overlap"]
    looked_at_again(clinic)
    assert clinic.attention() == []
    assert len(clinic.appointments()) == 1
