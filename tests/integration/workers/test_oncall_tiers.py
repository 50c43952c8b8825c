"""Looking at OnCall's linked visits: how often, at how few calls, and what is still found."""

from typing import Any

import pytest

from sync.intake.polling import worth_reading
from sync.tasks import schedule
from tests.support.agreement import agree
from tests.support.clinic import Clinic, utc, wall

GET, PAGE = "GET /appointments/ID/", "GET /appointments/"


def booked(clinic: Clinic, count: int, *, days: int = 20) -> list[str]:
    """Visits on both sides, each with a patient of its own, found by a full walk once."""
    for number in range(count):
        patient = clinic.new_patient(
            first_name="Vera", last_name=f"L{number}", email=f"v{number}@x.example"
        )
        clinic.book(patient=patient, scheduled_time=wall(days=days, hour=13 + number))
    clinic.settle()
    clinic.advance(3600)
    clinic.beat("oncall_walk")
    clinic.settle()
    clinic.forget()
    return [one["id"] for one in clinic.visits()]


def turn(clinic: Clinic) -> list[str]:
    """A day later everybody's turn has come; the calls that took."""
    clinic.advance(24 * 3600)
    clinic.forget()
    clinic.beat("oncall_tiers")
    clinic.settle()
    return clinic.calls("oncall")


def test_a_page_stands_for_a_read_of_each(clinic: Clinic) -> None:
    ids = booked(clinic, 5)
    assert turn(clinic) == [PAGE]
    # Nobody's turn has come again.
    clinic.forget()
    clinic.beat("oncall_tiers")
    clinic.settle()
    assert clinic.calls("oncall") == []
    # What a page shows otherwise is read by its id, and carried; nothing else is.
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    clinic.change_visit(ids[2], datetime=f"{utc(days=40):%Y-%m-%dT%H:%M:%SZ}")
    assert turn(clinic) == [PAGE, GET]
    agree(clinic)
    # One who cancels is not shown by the visit's own fields, but by the participant's.
    (who,) = clinic.visit(ids[3])["participants"]
    answer = clinic.sandbox.patient_oncall(
        "PATCH", f"/participants/{who['id']}/", {"cancelled": True}
    )
    assert answer.ok
    assert turn(clinic)[:2] == [PAGE, GET]
    agree(clinic)
    assert len(clinic.appointments()) == 4


@pytest.mark.parametrize(
    "behaviours",
    [{"status_on_list": False}, {"order": "newest_first", "page_size": 1}],
    ids=["lists that lack the status", "pages of one"],
)
def test_where_pages_are_no_better_each_is_read_by_its_id(
    clinic: Clinic, behaviours: dict[str, Any]
) -> None:
    clinic.sandbox.behaviours("oncall", **behaviours)
    booked(clinic, 3)
    with clinic.sync.store.write() as conn:
        schedule.facts.put(
            conn, "oncall_page_size", str(behaviours.get("page_size", 20)), clinic.now()
        )
    assert turn(clinic) == [GET, GET, GET]


@pytest.mark.parametrize("order", ["oldest_first", "newest_first"])
def test_the_pages_are_those_of_the_newest_end(clinic: Clinic, order: str) -> None:
    clinic.sandbox.behaviours("oncall", order=order, page_size=2)
    booked(clinic, 6)
    with clinic.sync.store.write() as conn:
        schedule.facts.put(conn, "oncall_page_size", "2", clinic.now())
    assert turn(clinic) == [PAGE, PAGE, PAGE]
    # Contacts, which have no webhook, are read about a page an hour.
    clinic.beat("oncall_contacts")
    assert schedule.TASKS["oncall_contacts"].every_seconds(clinic.sync) == 3 * 3600


@pytest.mark.parametrize(
    ("due", "known", "expected"),
    [
        ([], range(100), (0, 0)),
        # Two calls for two pages are not fewer than two for two visits.
        ([98, 99], range(100), (0, 0)),
        ([97, 98, 99], range(100), (97, 2)),
        # Four at the newest end, one far back: that one by its id.
        ([3, 96, 97, 98, 99], range(100), (96, 2)),
        # One of each page is no better than its page.
        ([5, 25, 45, 65, 85], range(100), (0, 0)),
        # Three of each page are.
        (sorted({*range(0, 100, 20), *range(1, 100, 20), *range(2, 100, 20)}), range(100), (0, 5)),
    ],
)
def test_how_far_back_pages_are_worth_reading(
    due: list[int], known: range, expected: tuple[int, int]
) -> None:
    assert worth_reading(due, known, 20) == expected


def test_while_drchrono_is_shut_oncall_is_not_read_in_vain(clinic: Clinic) -> None:
    ids = booked(clinic, 3)
    clinic.sandbox.faults("drchrono", {"do": "429", "seconds": 1800})
    for one in ids:
        clinic.change_visit(one, duration=45)
    clinic.pump()
    # The first learns it.
    assert clinic.calls("oncall") == [GET]
    clinic.advance(1900)
    clinic.settle()
    agree(clinic)
    assert clinic.calls("oncall").count(GET) == 1 + len(ids)


def test_what_waits_for_drchronos_budget_is_not_read_again_in_oncall(clinic: Clinic) -> None:
    ids = booked(clinic, 3)
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    clinic.change_visit(ids[0], datetime=f"{utc(days=40):%Y-%m-%dT%H:%M:%SZ}")
    clinic.sandbox.faults("drchrono", {"do": "429", "seconds": 1800})
    clinic.beat("oncall_walk")
    clinic.pump()
    assert clinic.calls("oncall") == [PAGE, GET]
    # Every list shows it again, and its turn has come again.
    clinic.advance(1200)
    for name in ("oncall_walk", "oncall_tiers"):
        clinic.beat(name)
    clinic.pump()
    assert clinic.calls("oncall") == [PAGE, GET, PAGE]
    clinic.advance(700)
    clinic.settle()
    agree(clinic)


@pytest.mark.parametrize("scan", ["oncall_walk", "oncall_newest"])
def test_a_list_tells_that_one_ended_whose_state_no_read_has_told(
    clinic: Clinic, scan: str
) -> None:
    """The create's answer lacks the status, and no word of it came: nothing else compares it."""
    clinic.linked()
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    clinic.book(patient=clinic.new_patient(email="late@x.example"), scheduled_time=wall(days=20))
    clinic.settle()
    clinic.forget()
    made = max(clinic.visits(), key=lambda one: int(one["id"]))
    clinic.change_visit(made["id"], cancelled=True)
    clinic.beat(scan)
    clinic.settle()
    assert clinic.calls("oncall")[-1] == GET
    agree(clinic)
    clinic.forget()
    clinic.beat(scan)
    clinic.settle()
    assert GET not in clinic.calls("oncall")
