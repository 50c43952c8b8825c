"""Invariant 4, it converges: both sides at once, late writes, stale reads, both DST edges.

R… are rules of docs/rules.md.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sync.tasks import worker
from tests.support.agreement import agree
from tests.support.clinic import PROVIDER, Clinic
from tests.support.flows import here, slot, there

PATCH_VISIT = {"match": {"method": "PATCH", "path": "^/appointments/"}}


def test_both_sides_edited_at_once_the_record_wins(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    clinic.change_visit(visit, datetime=there(slot(2)))
    clinic.settle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(1))
    assert clinic.conflicts() == ["starts"]
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []


def test_different_fields_edited_on_both_sides_both_arrive(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, duration=50)
    clinic.change_visit(visit, datetime=there(slot(2)))
    clinic.settle()
    agree(clinic)
    shown = clinic.visit(visit)
    assert (shown["duration"], shown["datetime"]) == (50, there(slot(2)))
    assert clinic.conflicts() == []


def test_cancelled_here_and_moved_there_at_once(clinic: Clinic) -> None:
    """An end decides before any field."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, status="Cancelled")
    clinic.change_visit(visit, datetime=there(slot(2)))
    clinic.settle()
    agree(clinic)
    assert clinic.visits() == []
    assert clinic.appointment(appointment)["status"] == "Cancelled"


def test_cancelled_on_both_sides_at_once(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.edit(appointment, status="Cancelled")
    clinic.change_visit(visit, by="patient", cancelled=True)
    clinic.settle()
    agree(clinic)
    assert clinic.writes() == []
    assert clinic.mails() == [("cancellation", "patient")]


def test_a_patch_that_lands_over_a_newer_one(clinic: Clinic) -> None:
    """11:00 is still under way when 12:00 is carried, and lands over it. It ends at 12:00."""
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.wire.echo_first = False  # its echo is what comes late
    clinic.sandbox.faults("oncall", {**PATCH_VISIT, "do": "late", "seconds": 3})
    clinic.edit(appointment, scheduled_time=here(slot(1)))
    _work_now(clinic)
    clinic.edit(appointment, scheduled_time=here(slot(2)))
    clinic.advance(6)
    _work_now(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(2))
    clinic.sandbox.wait_idle()  # and here it lands
    clinic.settle()
    clinic.whole_cycle()
    agree(clinic)
    assert clinic.visit(visit)["datetime"] == there(slot(2))


def _work_now(clinic: Clinic) -> None:
    """Work without waiting for what is still on its way to OnCall."""
    answer = clinic.sandbox.read("drchrono", "wait", webhooks_idle=1, timeout=10)
    assert answer["idle"]
    for aggregate in clinic.due():
        worker.run(clinic.sync, aggregate)


@pytest.mark.parametrize(
    ("name", "wall", "expected"),
    [
        # US/Eastern, 2027-03-14: 02:30 does not exist, it is taken as 03:30 EDT.
        ("gap", "2027-03-14T02:30:00", "2027-03-14T07:30:00Z"),
        # 2026-11-01 is past; 2027-11-07, 01:30 comes twice, the first (EDT) is taken.
        ("day before the gap", "2027-03-13T12:00:00", "2027-03-13T17:00:00Z"),
        ("day after the gap", "2027-03-15T12:00:00", "2027-03-15T16:00:00Z"),
    ],
)
def test_the_spring_edge(clinic: Clinic, name: str, wall: str, expected: str) -> None:
    del name
    clinic.offset = datetime(2027, 2, 20, 12, tzinfo=UTC) - datetime.now(UTC)
    clinic.book(scheduled_time=wall)
    clinic.settle()
    assert [v["datetime"] for v in clinic.visits()] == [expected]
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []


def test_a_visit_far_ahead_waits_for_the_window(clinic: Clinic) -> None:
    clinic.book(scheduled_time=here(slot(0) + timedelta(days=200)))
    clinic.settle()
    assert clinic.visits() == []
    clinic.advance(31 * 24 * 3600)
    clinic.catch_up()
    agree(clinic)
    assert len(clinic.visits()) == 1


def test_the_type_and_the_length_there_come_here(clinic: Clinic) -> None:
    appointment, visit = clinic.linked(scheduled_time=here(slot(0)))
    clinic.change_visit(visit, duration=45, type="phone")
    clinic.settle()
    agree(clinic)
    shown = clinic.appointment(appointment)
    assert (shown["duration"], shown["profile"]) == (45, 402)


def test_another_doctor_in_another_zone(clinic: Clinic) -> None:
    """The same instant, on the wall clock of Los Angeles, with the provider of another division."""
    appointment, _ = clinic.linked(scheduled_time=here(slot(5)))
    wall = slot(5).astimezone(ZoneInfo("America/Los_Angeles"))
    clinic.edit(
        appointment,
        doctor=203,
        office=302,
        profile=407,
        scheduled_time=f"{wall:%Y-%m-%dT%H:%M:%S}",
    )
    clinic.settle()
    agree(clinic, contacts=False)


def test_the_provider_of_an_oncall_visit_is_found_by_the_patients_doctor(clinic: Clinic) -> None:
    """OnCall tells no provider, the division has two: take the patient's own doctor (R34)."""
    clinic.sandbox.behaviours("oncall", returns_provider=False)
    clinic.invite()
    clinic.settle()
    agree(clinic)
    assert clinic.of("drchrono", "appointments")[0]["doctor"] == 201
    assert clinic.visits()[0]["provider"] == PROVIDER
