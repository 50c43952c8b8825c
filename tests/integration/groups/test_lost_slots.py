"""A group without a slot is a group all the same: another visit had it when it was linked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from sync.store.lanes import Hints
from sync.store.schema import aggregate, object_, visit
from sync.store.tables import work
from tests.support.clinic import Clinic
from tests.support.group_clinic import a_clinic_with_groups, booked, open_names
from tests.support.templates import Templates


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with a_clinic_with_groups(templates, tmp_path) as opened:
        yield opened


def lose_slot(clinic: Clinic, oncall_id: str, *, taken: bool) -> int:
    """Have the visit stand without its slot; `taken`: another open visit has it."""
    with clinic.sync.store.write() as conn:
        key = conn.execute(
            select(object_.c.aggregate).where(
                object_.c.system == "oncall", object_.c.remote_id == oncall_id
            )
        ).scalar_one()
        slot = conn.execute(select(visit.c.slot_key).where(visit.c.aggregate == key)).scalar_one()
        conn.execute(update(visit).where(visit.c.aggregate == key).values(slot_key=None))
        if taken:
            made = insert(aggregate).values(kind="visit", created_at=clinic.now())
            other = conn.execute(made.returning(aggregate.c.id)).scalar_one()
            conn.execute(insert(visit).values(aggregate=other, slot_key=slot, shared=True))
        work.raise_(conn, key, now=clinic.now(), hints=Hints.both())
    return int(key)


@pytest.mark.parametrize("taken", [False, True], ids=["free_again", "taken"])
def test_it_goes_on_without_a_write_and_carries_what_changes(clinic: Clinic, taken: bool) -> None:
    _, appointments, there = booked(clinic, 2)
    key = lose_slot(clinic, there, taken=taken)
    clinic.settle()
    assert (clinic.writes(), clinic.mails(), clinic.attention()) == ([], [], [])
    with clinic.sync.store.read() as conn:
        row = conn.execute(select(visit).where(visit.c.aggregate == key)).one()
    assert (row.shared, row.slot_key is None) == (True, taken)
    clinic.edit(appointments[1], status="Cancelled")
    clinic.settle()
    assert open_names(clinic.visit(there)) == ["Vera"]
    assert clinic.writes() == ["PATCH /participants/ID/"]
