"""The same of a group: what stood before a write of ours, of the visit or of who is in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.writes.test_stale_after_our_write import HERE, THERE, settle_together
from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc, wall
from tests.support.flows import name_of
from tests.support.group_clinic import a_clinic_with_groups, book, group_of, open_names
from tests.support.templates import Templates


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic with a group profile, gone live; a list of participants that is sent replaces."""
    with a_clinic_with_groups(templates, tmp_path, "replace") as opened:
        yield opened


def _people(clinic: Clinic, *first_names: str) -> list[int]:
    return [
        clinic.new_patient(**{**name_of(number), "first_name": first})
        for number, first in enumerate(first_names)
    ]


def test_oncall_answers_reads_from_a_copy_that_is_behind(clinic: Clinic) -> None:
    """Booked, joined by a third, left by one, moved: each is seen twenty seconds late."""
    people = _people(clinic, "Ada", "Omar", "Ines", "Jon")
    clinic.sandbox.behaviours("oncall", read_lag_seconds=20)
    clinic.forget()
    booked = [book(clinic, one) for one in people[:2]]
    settle_together(clinic)
    booked.append(book(clinic, people[2]))
    settle_together(clinic)
    clinic.edit(booked[0], status="Cancelled")
    settle_together(clinic)
    booked.append(book(clinic, people[3]))
    settle_together(clinic)
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Ines", "Jon", "Omar"]
    for one in booked[1:]:
        clinic.edit(one, scheduled_time=wall(days=5))
    settle_together(clinic)
    agree(clinic)
    (visit,) = clinic.visits()
    assert visit["datetime"] == f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}"
    assert open_names(visit) == ["Ines", "Jon", "Omar"]
    mails = [("cancellation", "app")] + [("change", "app")] * 3 + [("invitation", "app")] * 4
    assert sorted(clinic.mails()) == mails
    assert clinic.attention() == []


def test_drchrono_shows_members_as_they_were_before_our_write(clinic: Clinic) -> None:
    first, second = group_of(clinic, _people(clinic, "Ada", "Omar"))
    (visit,) = clinic.visits()
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 2})
    clinic.change_visit(visit["id"], datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    clinic.sandbox.faults("drchrono", {**HERE, "times": 3})
    clinic.change_visit(visit["id"], datetime=f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    agree(clinic)
    for one in (first, second):
        assert clinic.appointment(one)["scheduled_time"] == wall(days=6)
    assert clinic.mails() == [("change", "staff")] * 4


def test_whom_we_took_out_is_not_open_again(clinic: Clinic) -> None:
    """Where OnCall is the system of record, a person would be asked which side is right."""
    file = clinic.settings.mapping_file
    file.write_text(file.read_text() + '\n[policy]\nsystem_of_record = "oncall"\n')
    first, _ = group_of(clinic, _people(clinic, "Ada", "Omar"))
    clinic.sandbox.faults("oncall", webhooks={"mode": "hold"})
    clinic.edit(first, status="Cancelled")
    clinic.settle()
    clinic.sandbox.faults("oncall", {**THERE, "times": 3}, webhooks={"mode": "deliver"})
    clinic.sandbox.control("oncall", "release", {})
    clinic.edit(first, duration=45)
    clinic.settle()
    (visit,) = clinic.visits()
    assert open_names(visit) == ["Omar"]
    assert clinic.attention() == []
