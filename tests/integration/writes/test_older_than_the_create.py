"""What a list leaves out because it is older than a lost create says nothing against the list."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sync.store import objects
from sync.store.tables import links
from tests.integration.writes.test_ambiguous_creates import proven
from tests.support.clinic import Clinic
from tests.support.flows import NO_LIMITS, POST_THERE, here, name_of, slot, there
from tests.support.templates import Templates

POST = {"method": POST_THERE[1], "path": POST_THERE[2]}


@pytest.fixture
def clinic(templates: Templates, tmp_path: Path) -> Iterator[Clinic]:
    with templates.copied("proven", tmp_path, proven, **NO_LIMITS) as opened:
        yield opened


def test_a_visit_that_was_told_of_after_a_later_one_was_lost(clinic: Clinic) -> None:
    """Its row is younger than the second create, its id lower than those the search reads."""
    first, second = (clinic.new_patient(**name_of(number)) for number in (1, 2))
    clinic.sandbox.faults("oncall", {"match": POST, "do": "drop_after"}, webhooks={"mode": "drop"})
    clinic.book(patient=first, scheduled_time=here(slot(1)))
    clinic.pump()
    made = max(int(visit["id"]) for visit in clinic.visits())
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    clinic.invite(datetime=there(slot(3)))
    clinic.pump()
    clinic.sandbox.faults("oncall", {"match": POST, "do": "drop"})
    clinic.book(patient=second, scheduled_time=here(slot(2)))
    clinic.pump()
    began = clinic.now()
    _told_late(clinic, str(made))
    clinic.settle(hours=0.25)
    with clinic.sync.store.read() as conn:
        row = links.find(conn, "oncall", "appointment", str(made))
        assert row is not None
        assert row.made_by_us
        assert row.created_at >= began
    times = {visit["datetime"] for visit in clinic.visits()}
    assert {there(slot(1)), there(slot(2))} <= times
    assert clinic.attention() == []


def _told_late(clinic: Clinic, visit: str) -> None:
    """Its webhook comes as one that tells of an id that nobody knows."""
    with clinic.sync.store.write() as conn:
        key = links.new_aggregate(conn, "visit", clinic.now())
        links.add(conn, key, "oncall", "appointment", visit, now=clinic.now(), told=True)


def test_what_was_made_between_two_times_was_sent_between_them(clinic: Clinic) -> None:
    """The row's own age says when we heard of it: a row that was rebuilt is new."""
    _appointment, visit = clinic.linked()
    since = clinic.now() - timedelta(minutes=1)
    with clinic.sync.store.write() as conn:
        now = clinic.now()
        assert visit in objects.made_between(conn, "oncall", "appointment", since, now)
        row = links.find(conn, "oncall", "appointment", visit)
        assert row is not None
        later = now + timedelta(hours=1)
        links.change(conn, row.id, created_at=later)
        until = later + timedelta(seconds=1)
        assert visit not in objects.made_between(conn, "oncall", "appointment", now, until)
