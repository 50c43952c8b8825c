"""Find what was deleted in DrChrono without a webhook by the next list, not only at night."""

from datetime import UTC, datetime, timedelta

import pytest

from sync.store.schema import delivery, visit
from tests.support.agreement import agree
from tests.support.clinic import ZONE, Clinic, wall

ORDERED, READ = "POST /api/appointments_list", "GET /api/appointments_list"


def soon() -> str:
    """Five hours from now on the doctor's wall clock: before the next nightly look."""
    at = datetime.now(UTC) + timedelta(hours=5)
    return f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M:00}"


@pytest.mark.parametrize("left", ["404", "flagged"])
def test_a_deletion_whose_webhook_was_lost(clinic: Clinic, left: str) -> None:
    clinic.sandbox.behaviours("drchrono", bulk_polls=0, delete_get=left)
    appointment, _ = clinic.linked(scheduled_time=soon())
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.delete(appointment)
    clinic.beat("drchrono_appointments")
    clinic.settle()
    agree(clinic)
    assert clinic.visits() == []
    proof = ["GET /api/appointments"] if left == "404" else []  # that the calendar is seen at all
    assert clinic.calls("drchrono") == [ORDERED, READ, "GET /api/appointments/ID", *proof]
    # Listed for a day yet, it costs nothing any more.
    clinic.forget()
    clinic.beat("drchrono_appointments")
    clinic.settle()
    assert clinic.calls("drchrono") == [ORDERED, READ]
    assert clinic.calls("oncall") == []


def test_a_deletion_of_today_is_found_by_the_nightly_look(clinic: Clinic) -> None:
    appointment, _ = clinic.linked(scheduled_time=soon())
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.delete(appointment)
    clinic.advance(120)
    clinic.beat("drchrono_window")
    clinic.settle()
    agree(clinic)
    assert clinic.visits() == []


def test_what_was_booked_and_deleted_unheard_is_nothing(clinic: Clinic) -> None:
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.delete(clinic.book(scheduled_time=wall(days=3)))
    clinic.forget()
    clinic.beat("drchrono_appointments")
    clinic.settle()
    assert "GET /api/appointments/ID" not in clinic.calls("drchrono")
    with clinic.sync.store.read() as conn:
        assert conn.execute(visit.select()).all() == []
        assert conn.execute(delivery.select().where(delivery.c.event == "scan")).all() == []
    assert clinic.attention() == []
