"""An event about a series raises its occurrences; an occurrence keeps its visit under any id.

DrChrono tells of a changed, split or deleted series by its base alone. Invariants 1 and 3.
"""

from datetime import timedelta
from typing import Any

import pytest

from sync.store.tables import facts
from tests.integration.visits.test_syncs_recurring import WEEK, followed, look, real, series
from tests.support.clinic import ZONE, Clinic, utc, wall
from tests.support.templates import on_both

INSTANCES = "GET /api/recurring_appointment_instances"
GET_DC = "GET /api/appointments/ID"


def at(clinic: Clinic) -> list[str]:
    """When the open visits begin, in order."""
    return sorted(str(visit["datetime"]) for visit in clinic.visits())


def weeks(*numbers: int, hour: int = 15) -> list[str]:
    """Those of the series' days, as OnCall writes them; the wall clock stays."""
    first = utc(days=3, hour=hour).astimezone(ZONE)
    days = [(first.replace(tzinfo=None) + n * WEEK).replace(tzinfo=ZONE) for n in numbers]
    return [f"{day.astimezone(utc().tzinfo):%Y-%m-%dT%H:%M:%SZ}" for day in days]


def base_of(ids: list[str]) -> str:
    return ids[0].partition("_")[2]


def split(clinic: Clinic, occurrence: str, **values: Any) -> str:
    """Staff change a series from one of its days on; the id of the new base."""
    day, _, base = occurrence.partition("_")
    body = {"id": base, "day": day, "values": values}
    return str(clinic.sandbox.control("drchrono", "split", body)["id"])


@on_both
@pytest.mark.parametrize("listed", [True, False])
def test_a_new_series_brings_its_occurrences_at_once(clinic: Clinic, listed: bool) -> None:
    clinic.sandbox.behaviours("drchrono", recurring_instances=listed)
    series(clinic, recur_end_date=f"{utc(days=3).astimezone(ZONE) + 2 * WEEK:%Y-%m-%d}")
    clinic.settle()
    assert at(clinic) == weeks(0, 1, 2)
    with clinic.sync.store.read() as conn:
        assert facts.get(conn, "recurring_instances") == ("yes" if listed else "no")
    clinic.forget()
    clinic.whole_cycle()
    assert (clinic.writes(), clinic.mails()) == ([], [])


@pytest.mark.parametrize("listed", [True, False])
def test_a_base_that_moves_moves_its_occurrences(clinic: Clinic, listed: bool) -> None:
    clinic.sandbox.behaviours("drchrono", recurring_instances=listed)
    ids, _visits = followed(clinic)
    clinic.edit(base_of(ids), scheduled_time=wall(days=3, hour=17))
    clinic.settle()
    assert at(clinic) == weeks(0, 1, 2, hour=17)
    assert clinic.mails() == [("change", "app")] * 3


def test_a_longer_series_brings_the_new_ones(clinic: Clinic) -> None:
    ids, _visits = followed(clinic)
    end = utc(days=3).astimezone(ZONE) + 4 * WEEK
    clinic.edit(base_of(ids), recur_end_date=f"{end:%Y-%m-%d}")
    clinic.settle()
    assert at(clinic) == weeks(0, 1, 2, 3, 4)
    assert clinic.mails() == [("invitation", "app")] * 2


def test_one_call_names_all_and_an_irrelevant_change_costs_none(clinic: Clinic) -> None:
    ids, _visits = followed(clinic)
    base = base_of(ids)
    clinic.edit(base, scheduled_time=wall(days=3, hour=17))
    clinic.settle()
    calls = clinic.calls("drchrono")
    assert calls.count(INSTANCES) == 1
    assert calls.count(GET_DC) == 1 + len(ids)  # the base, and what differs
    clinic.forget()
    clinic.edit(base, notes="called back", color="#FF0000")
    clinic.settle()
    assert (clinic.calls("drchrono"), clinic.calls("oncall")) == ([], [])


@pytest.mark.parametrize("how", ["longer", "moved", "deleted"])
def test_what_no_webhook_told_of_a_base_is_found_by_the_next_list(clinic: Clinic, how: str) -> None:
    ids, _visits = followed(clinic)
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    base, end = base_of(ids), utc(days=3).astimezone(ZONE) + 3 * WEEK
    if how == "deleted":
        clinic.delete(base)
    else:
        longer = {"recur_end_date": f"{end:%Y-%m-%d}"}
        moved = {"scheduled_time": wall(days=3, hour=17)}
        clinic.edit(base, **(longer if how == "longer" else moved))
    clinic.pump()
    assert at(clinic) == weeks(0, 1, 2)
    clinic.beat("drchrono_appointments")
    clinic.settle()
    found = {"longer": weeks(0, 1, 2, 3), "moved": weeks(0, 1, 2, hour=17), "deleted": []}
    assert at(clinic) == found[how]
    clinic.forget()
    clinic.catch_up()
    assert clinic.writes() == []


@pytest.mark.parametrize("after", ["404", "flagged"])
@pytest.mark.parametrize("listed", [True, False])
def test_a_deleted_base_cancels_its_occurrences(clinic: Clinic, after: str, listed: bool) -> None:
    clinic.sandbox.behaviours("drchrono", delete_get=after, recurring_instances=listed)
    ids, _visits = followed(clinic)
    clinic.delete(base_of(ids))
    clinic.settle()
    assert clinic.visits() == []
    assert clinic.mails() == [("cancellation", "app")] * 3
    assert clinic.calls("drchrono").count(GET_DC) <= 2 + len(ids)  # a 404 is asked twice


def test_a_deleted_base_leaves_what_became_an_appointment(clinic: Clinic) -> None:
    ids, _visits = followed(clinic)
    clinic.sandbox.control("drchrono", "materialise", {"id": ids[1]})
    clinic.settle()
    clinic.forget()
    clinic.delete(base_of(ids))
    clinic.settle()
    assert at(clinic) == weeks(1)


@on_both
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("keys", [True, False])
def test_a_split_series_is_the_same_visits(clinic: Clinic, keys: bool, listed: bool) -> None:
    clinic.sandbox.behaviours("drchrono", instance_key=keys, recurring_instances=listed)
    ids, visits = followed(clinic)
    new = split(clinic, ids[1], recur_end_date=ids[2].partition("_")[0])
    clinic.settle()
    look(clinic)
    assert at(clinic) == weeks(0, 1, 2)
    assert (clinic.mails(), clinic.attention()) == ([], [])
    # From here on they are known by their new ids.
    clinic.edit(f"{ids[2].partition('_')[0]}_{new}", duration=50)
    clinic.settle()
    assert clinic.visit(str(visits[2]["id"]))["duration"] == 50
    assert clinic.mails() == [("change", "app")]


@pytest.mark.parametrize("told", ["webhook", "scan"])
def test_with_keys_a_split_that_moves_is_a_move(clinic: Clinic, told: str) -> None:
    ids, visits = followed(clinic)
    if told == "scan":
        clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 2})
    split(clinic, ids[1], scheduled_time=wall(days=10, hour=18))
    clinic.settle()
    look(clinic)
    assert at(clinic) == sorted([*weeks(0), *weeks(1, 2, hour=18)])
    assert clinic.mails() == [("change", "app")] * 2
    assert {str(visit["id"]) for visit in clinic.visits()} == {str(v["id"]) for v in visits}


def test_one_that_became_real_is_known_by_its_key_under_another_series(clinic: Clinic) -> None:
    ids, visits = followed(clinic)
    split(clinic, ids[1], recur_end_date=ids[2].partition("_")[0])
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    new = [a for a in clinic.of("drchrono", "appointments") if a["is_virtual_base"]][-1]["id"]
    clinic.edit(f"{ids[2].partition('_')[0]}_{new}", scheduled_time=wall(days=18, hour=18))
    clinic.settle()
    look(clinic)
    (appointment,) = real(clinic)
    assert appointment["scheduled_time"] == wall(days=18, hour=18)
    assert len(clinic.visits()) == 3
    assert clinic.visit(str(visits[2]["id"]))["datetime"] == (
        f"{utc(days=18, hour=18):%Y-%m-%dT%H:%M:%SZ}"
    )
    assert clinic.mails() == [("change", "app")]


def test_a_base_of_nobody_in_the_mapping_costs_one_look(clinic: Clinic) -> None:
    series(clinic, profile=406)
    clinic.settle()
    assert clinic.calls("drchrono") == [GET_DC]
    assert clinic.visits() == []


def test_where_the_list_is_refused_it_is_tried_again_a_day_later(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("drchrono", recurring_instances=False)
    ids, _visits = followed(clinic)
    clinic.sandbox.behaviours("drchrono", recurring_instances=True)
    for hour in (17, 18):
        clinic.edit(base_of(ids), scheduled_time=wall(days=3, hour=hour))
        clinic.settle()
        assert (INSTANCES in clinic.calls("drchrono")) == (hour == 18)
        clinic.advance(timedelta(days=1, minutes=1).total_seconds())
    assert at(clinic) == weeks(0, 1, 2, hour=18)
