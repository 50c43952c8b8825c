"""Record overwritten edits of a member, and recognise merged charts, as for a visit of one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.store.schema import conflict
from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc, wall
from tests.support.flows import PATCH_HERE
from tests.support.group_clinic import ALIKE, GROUP, a_clinic_with_groups, booked
from tests.support.meanwhile import meanwhile
from tests.support.templates import Templates


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live."""
    with a_clinic_with_groups(templates, tmp_path) as opened:
        yield opened


def recorded(clinic: Clinic) -> list[tuple[str, str]]:
    with clinic.sync.store.read() as conn:
        rows = conn.execute(select(conflict.c.field, conflict.c.how)).all()
    return sorted((row.field, row.how) for row in rows)


# --- overwritten between our read and our write ---------------------------------------------------


@ALIKE
def test_an_edit_that_our_write_came_over_is_recorded(clinic: Clinic, profile: int) -> None:
    """DrChrono knows no conditional write: its webhooks tell what stood there for a moment."""
    _, appointments, visit = booked(clinic, 2 if profile == GROUP else 1, profile)
    clinic.change_visit(visit, datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}")
    edited = {"scheduled_time": wall(days=6)}
    with meanwhile(clinic, PATCH_HERE, before=lambda: clinic.edit(appointments[0], **edited)):
        clinic.settle()
    agree(clinic)
    assert clinic.appointment(appointments[0])["scheduled_time"] == wall(days=5)
    assert recorded(clinic) == [("starts", "overwritten_in_gap")]


@ALIKE
def test_an_edit_of_another_field_is_none_that_was_overwritten(
    clinic: Clinic, profile: int
) -> None:
    _, appointments, visit = booked(clinic, 2 if profile == GROUP else 1, profile)
    clinic.change_visit(visit, datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}")
    edited = {"status": "Confirmed"}
    with meanwhile(clinic, PATCH_HERE, before=lambda: clinic.edit(appointments[0], **edited)):
        clinic.settle()
    agree(clinic)
    assert clinic.appointment(appointments[0])["status"] == "Confirmed"
    assert recorded(clinic) == []


# --- merged charts --------------------------------------------------------------------------------


@ALIKE
@pytest.mark.parametrize("leaves", ["gone", "inactive", "active"])
def test_merged_charts_with_one_address_are_one_person(
    clinic: Clinic, profile: int, leaves: str
) -> None:
    """Name, birth date and e-mail are the same: nobody is cancelled, and nobody invited anew."""
    former = clinic.patient
    _, appointments, visit = booked(clinic, 2 if profile == GROUP else 1, profile)
    kept = clinic.new_patient(cell_phone="(212) 555-0199")
    clinic.settle()
    clinic.forget()
    body = {"former": former, "kept": kept, "leaves": leaves}
    clinic.sandbox.control("drchrono", "merge", body)
    clinic.settle()
    assert clinic.appointment(appointments[0])["patient"] == kept
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert all(not one["cancelled"] for one in clinic.visits()[0]["participants"])
    assert len(clinic.visits()[0]["participants"]) == len(appointments)
    assert clinic.mails() == []
    assert clinic.attention() == []
