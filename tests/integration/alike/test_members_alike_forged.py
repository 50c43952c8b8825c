"""Forged bodies about a member cost as little as those about a visit of one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.store.schema import object_
from tests.support import forged
from tests.support.clinic import Clinic, wall
from tests.support.group_clinic import ALIKE, a_clinic_with_groups, booked
from tests.support.templates import Templates


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live."""
    with a_clinic_with_groups(templates, tmp_path) as opened:
        yield opened


def was_in_vain(clinic: Clinic, appointment: str) -> bool:
    with clinic.sync.store.read() as conn:
        at = select(object_.c.fruitless_at).where(
            object_.c.system == "drchrono", object_.c.remote_id == appointment
        )
        return conn.execute(at).scalar_one() is not None


@ALIKE
def test_a_read_in_vain_is_remembered(clinic: Clinic, profile: int) -> None:
    _, (appointment,), _visit = booked(clinic, 1, profile)
    assert not was_in_vain(clinic, appointment)
    body = forged.appointment(appointment, duration=77, updated_at="x")
    assert forged.drchrono(clinic, "APPOINTMENT_MODIFY", body) == 204
    clinic.settle()
    assert was_in_vain(clinic, appointment)
    assert clinic.attention() == []


@ALIKE
def test_an_edit_is_nobody_s_lie(clinic: Clinic, profile: int) -> None:
    _, (appointment,), _visit = booked(clinic, 1, profile)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.settle()
    assert not was_in_vain(clinic, appointment)


@ALIKE
def test_an_id_that_a_read_denied_is_no_twin_of_a_booking(clinic: Clinic, profile: int) -> None:
    """Nobody reads it again, however many book: its place is not known, and it is not there."""
    assert forged.oncall(clinic, 424242) == 204
    clinic.settle()
    booked(clinic, 1, profile)
    asked = [one for one in clinic.sandbox.calls("oncall", "app") if "424242" in one["path"]]
    assert len(asked) == 2  # by its own run, which looks twice
