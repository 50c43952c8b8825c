"""Rescheduled with a successor: the same OnCall visit moves, whichever event comes first."""

from datetime import UTC, datetime

import pytest

from sync.store.tables import links
from sync.tasks import worker
from tests.support.clinic import Clinic, utc, wall


def linked(clinic: Clinic) -> tuple[str, str]:
    appointment = clinic.book()
    clinic.pump()
    (visit,) = clinic.visits()
    clinic.forget()
    return appointment, visit["id"]


def reschedule(clinic: Clinic, appointment: str, **more: object) -> None:
    clinic.sandbox.control(
        "drchrono",
        "clone",
        {"id": appointment, "scheduled_time": wall(days=5, hour=18), **more},
    )


@pytest.mark.parametrize("order", ["clone_first", "original_first"])
@pytest.mark.parametrize("custom_fields", [True, False])
def test_the_same_visit_moves(clinic: Clinic, order: str, custom_fields: bool) -> None:
    appointment, visit = linked(clinic)
    reschedule(clinic, appointment, order=order, custom_fields=custom_fields)
    clinic.pump()
    (now,) = clinic.visits()
    assert now["id"] == visit
    assert now["datetime"] == f"{utc(days=5, hour=18):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("change", "app")]
    clinic.catch_up()
    assert clinic.mails() == [("change", "app")]
    assert clinic.attention() == []
    # From here on the successor is the visit.
    successor = next(
        a["id"] for a in clinic.of("drchrono", "appointments") if a["status"] != "Rescheduled"
    )
    clinic.change_visit(visit, datetime=f"{utc(days=6, hour=18):%Y-%m-%dT%H:%M:%SZ}")
    clinic.pump()
    assert clinic.appointment(successor)["scheduled_time"] == wall(days=6, hour=18)


def test_the_original_is_seen_first_and_the_clone_a_minute_later(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    clinic.edit(appointment, status="Rescheduled")
    clinic.pump()
    clinic.advance(60)
    assert clinic.mails() == []
    reschedule(clinic, appointment)
    clinic.pump()
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert clinic.mails() == [("change", "app")]


def test_without_a_successor_it_is_cancelled_after_the_grace(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    clinic.edit(appointment, status="Rescheduled")
    clinic.pump()
    clinic.advance(590)
    clinic.beat("window")
    clinic.pump()
    assert clinic.mails() == []
    clinic.advance(20)
    clinic.beat("window")
    clinic.pump()
    assert clinic.visits() == []
    assert clinic.mails() == [("cancellation", "app")]
    clinic.beat("window")
    assert clinic.due() == []


def test_an_imminent_one_does_not_wait(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    clinic.offset = utc(days=3, hour=14) - datetime.now(UTC)
    clinic.edit(appointment, status="Rescheduled")
    clinic.pump()
    assert clinic.mails() == [("cancellation", "app")]


def test_a_clone_beside_its_original_is_another_visit(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    reschedule(clinic, appointment, order="clone_first")
    clinic.edit(appointment, status="Confirmed")
    clinic.pump()
    clinic.advance(610)
    clinic.beat("window")
    clinic.settle()
    assert len(clinic.visits()) == 2
    assert visit in [v["id"] for v in clinic.visits()]


@pytest.mark.parametrize("custom_fields", [True, False])
def test_rescheduled_twice_before_we_looked_and_the_last_is_met_first(
    clinic: Clinic, custom_fields: bool
) -> None:
    appointment, visit = linked(clinic)
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    reschedule(clinic, appointment, custom_fields=custom_fields)
    (between,) = [a["id"] for a in clinic.of("drchrono", "appointments") if a["status"] == ""]
    reschedule(clinic, between, scheduled_time=wall(days=6), custom_fields=custom_fields)
    (last,) = [a["id"] for a in clinic.of("drchrono", "appointments") if a["status"] == ""]
    clinic.beat("drchrono_appointments")
    with clinic.sync.store.read() as conn:
        row = links.find(conn, "drchrono", "appointment", last)
    assert row is not None
    worker.run(clinic.sync, row.aggregate)
    clinic.settle()
    (now,) = clinic.visits()
    assert (now["id"], now["datetime"]) == (visit, f"{utc(days=6):%Y-%m-%dT%H:%M:%SZ}")
    assert clinic.mails() == [("change", "app")]
    assert clinic.attention() == []
