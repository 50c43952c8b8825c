"""Invariant 6, the rate budget holds: exhausted means deferred, never failed, for all processes."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.assemble import build
from sync.store.schema import call
from sync.tasks import worker
from tests.support.agreement import agree
from tests.support.clinic import Clinic, open_clinic
from tests.support.flows import here, name_of, slot
from tests.support.sandbox_client import Sandbox

HOURLY = 40


@pytest.fixture
def tight(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """A clinic whose application may make 40 calls an hour by its own setting."""
    sandbox.behaviours("drchrono", bulk_polls=0)
    with open_clinic(sandbox, sqlite_url, tmp_path, drchrono_hourly_limit=HOURLY) as clinic:
        clinic.new_patient()
        clinic.go_live()
        yield clinic


def _hourly_peak(clinic: Clinic) -> int:
    """The most DrChrono calls in any hour of the engine's clock, by the audit."""
    with clinic.sync.store.read() as conn:
        at: list[datetime] = list(
            conn.execute(select(call.c.at).where(call.c.system == "drchrono")).scalars()
        )
    return max(sum(one <= other < one + timedelta(hours=1) for other in at) for one in at)


def test_more_bookings_than_the_hour_allows(tight: Clinic) -> None:
    for number in range(20):
        patient = tight.new_patient(**name_of(number))
        tight.book(patient=patient, scheduled_time=here(slot(number)))
    tight.settle(hours=12)
    # The contacts that a deferral cuts off are invariant 1's (NO_CONTACT).
    agree(tight, contacts=False)
    assert _hourly_peak(tight) <= HOURLY
    assert tight.attention() == []
    assert Counter(tight.mails()) == {("invitation", "app"): 20}


def test_two_processes_share_one_budget(tight: Clinic) -> None:
    other = build(tight.settings, owner="other", clock=tight.now)
    for number in range(20):
        patient = tight.new_patient(**name_of(number))
        tight.book(patient=patient, scheduled_time=here(slot(number)))
    tight.sandbox.wait_idle()
    for turn, aggregate in enumerate(tight.due()):
        worker.run(other if turn % 2 else tight.sync, aggregate)
    other.close()
    assert _hourly_peak(tight) <= HOURLY
    tight.settle(hours=12)
    agree(tight, contacts=False)
    assert _hourly_peak(tight) <= HOURLY


def test_a_429_closes_it_for_everybody_until_it_says(clinic: Clinic) -> None:
    first, _ = clinic.linked(scheduled_time=here(slot(0)))
    second, _ = clinic.linked(scheduled_time=here(slot(1)))
    clinic.sandbox.faults("drchrono", {"match": {"method": "GET"}, "do": "429", "seconds": 600})
    clinic.edit(first, duration=50)
    clinic.edit(second, duration=50)
    clinic.pump()
    assert clinic.calls("drchrono") == ["GET /api/appointments/ID"]
    clinic.advance(590)
    clinic.pump()
    assert clinic.calls("drchrono") == ["GET /api/appointments/ID"]
    clinic.settle()
    agree(clinic)
    assert clinic.attention() == []


def test_oncalls_own_limit_is_waited_out(clinic: Clinic) -> None:
    """Unknown whether OnCall has one: a 429 with Retry-After is honoured, nothing is lost."""
    appointment, _ = clinic.linked()
    clinic.sandbox.faults("oncall", {"do": "429", "retry_after": "120", "times": 1})
    clinic.edit(appointment, duration=50)
    clinic.pump()
    assert clinic.mails() == []
    clinic.settle()
    agree(clinic)
    assert clinic.mails() == [("change", "app")]


def test_the_burst_of_one_second(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> None:
    """The sandbox throttles the 11th call within a second (docs/api-facts.md, D10)."""
    with open_clinic(sandbox, sqlite_url, tmp_path, drchrono_burst_limit=10) as clinic:
        clinic.new_patient()
        clinic.go_live()
        sandbox.behaviours("drchrono", burst_limit=10)
        for number in range(4):
            patient = clinic.new_patient(**name_of(number))
            clinic.book(patient=patient, scheduled_time=here(slot(number)))
        clinic.settle()
        agree(clinic)
        assert 429 not in {c["status"] for c in sandbox.calls("drchrono", "app")}


def test_catching_up_leaves_the_rest_to_live_changes(tight: Clinic) -> None:
    """Bulk and catch-up may not use up what a person waits for."""
    appointment, _ = tight.linked(scheduled_time=here(slot(0)))
    for _ in range(40):
        tight.catch_up()
    tight.forget()
    tight.edit(appointment, duration=50)
    tight.pump()
    assert tight.mails() == [("change", "app")]
