"""The overview: what it counts, and when what waits will be done."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from sync.assemble import build
from sync.config import Settings
from sync.core.tokens import StoredToken
from sync.operations import status
from sync.operations.status import BudgetLeft, drain_seconds
from sync.outbound.budget import Limit
from sync.runtime import Sync
from sync.store import attention
from sync.store.database import Store
from sync.store.lanes import Hints, Lane
from sync.store.schema import call, throttle
from sync.store.tables import journal, links, work
from sync.store.tokens import SealedTokens

LANES = ("live", "told", "catchup", "bulk")
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
FERNET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def settings(database_url: str, **changed: Any) -> Settings:
    values = {
        "database_url": database_url,
        "encryption_keys": FERNET,
        "digest_keys": "k" * 43,
        "drchrono_hourly_limit": 500,
        **changed,
    }
    return Settings(_env_file=None, **values)


@pytest.fixture
def sync(store: Store) -> Iterator[Sync]:
    made = build(settings(store.url), owner="cli@test:1", clock=lambda: NOW)
    yield made
    made.close()


def make_call(store: Store, system: str, aggregate: int | None, **values: Any) -> None:
    told = {
        "method": "GET",
        "endpoint": "appointment",
        "lane": 0,
        "state": "done",
        "at": NOW - timedelta(minutes=5),
        "ended_at": NOW - timedelta(minutes=5),
        "fence": 1,
        **values,
    }
    with store.write() as conn:
        conn.execute(insert(call).values(system=system, aggregate=aggregate, **told))


def waiting(store: Store, count: int, lane: Lane, since: timedelta) -> list[int]:
    with store.write() as conn:
        keys = [links.new_aggregate(conn, "visit", NOW) for _ in range(count)]
        for key in keys:
            work.raise_(conn, key, now=NOW - since, hints=Hints.both(), lane=lane)
    return keys


def test_nothing_happened_yet(sync: Sync) -> None:
    found = status.overview(sync)
    assert found.mode == "shadow"
    assert found.lanes == (
        ("live", 0, 0.0),
        ("told", 0, 0.0),
        ("catchup", 0, 0.0),
        ("bulk", 0, 0.0),
    )
    assert (found.parked, found.attention_open) == (0, 0)
    assert found.budget["drchrono"] == BudgetLeft(500, 0, 500, None)
    assert found.budget["oncall"] == BudgetLeft(None, 0, None, None)
    assert found.predicted_drain_seconds is None
    assert found.last_sync == {"to_oncall": None, "to_drchrono": None}
    assert found.heartbeats == ()
    assert (found.token, found.token_until) == ("none", None)


def test_what_waits_and_what_is_parked(sync: Sync, store: Store) -> None:
    first, second = waiting(store, 2, Lane.LIVE, timedelta(seconds=90))
    waiting(store, 1, Lane.BULK, timedelta(seconds=30))
    with store.write() as conn:
        links.block(conn, first, kind="mapping", ref="doctor:9", since=NOW)
        links.block(conn, first, kind="operator", ref="x", since=NOW)
        links.block(conn, second, kind="patient", ref="7", since=NOW, object_id=5)
        attention.open_item(conn, first, "doctor_unmapped", now=NOW)
        attention.open_item(conn, second, "overlap", now=NOW)
        attention.close_rest(conn, second, NOW)
    found = status.overview(sync)
    assert found.lanes == (
        ("live", 2, 90.0),
        ("told", 0, 0.0),
        ("catchup", 0, 0.0),
        ("bulk", 1, 30.0),
    )
    assert (found.parked, found.attention_open) == (2, 1)


def test_the_last_write_by_direction_is_no_marker_and_no_refusal(sync: Sync, store: Store) -> None:
    ago = {minutes: NOW - timedelta(minutes=minutes) for minutes in range(1, 7)}
    make_call(store, "oncall", 1, effect="update", ended_at=ago[4])
    make_call(store, "oncall", 1, effect="create", ended_at=ago[5])
    make_call(store, "oncall", 1, effect="marker", ended_at=ago[1])
    make_call(store, "oncall", 1, effect="", ended_at=ago[2])
    make_call(store, "oncall", 1, effect="update", ended_at=ago[3], state="refused")
    make_call(store, "drchrono", 1, effect="cancel", ended_at=ago[6])
    assert status.overview(sync).last_sync == {"to_oncall": ago[4], "to_drchrono": ago[6]}


def test_who_was_heard_of_in_the_last_hour(sync: Sync, store: Store) -> None:
    with store.write() as conn:
        journal.beat(conn, "worker@a:1", "worker", NOW - timedelta(seconds=12))
        journal.beat(conn, "beat@a:2", "beat", NOW - timedelta(minutes=59))
        journal.beat(conn, "worker@b:3", "worker", NOW - timedelta(minutes=61))
    assert status.overview(sync).heartbeats == (
        ("beat@a:2", "beat", 3540.0),
        ("worker@a:1", "worker", 12.0),
    )


def test_the_average_item_of_the_last_hour_predicts_the_rest(sync: Sync, store: Store) -> None:
    waiting(store, 10, Lane.LIVE, timedelta(seconds=1))
    for aggregate, calls in ((1, 3), (2, 1), (3, 0)):
        make_call(store, "oncall", aggregate)
        for _ in range(calls):
            make_call(store, "drchrono", aggregate)
    # Neither a task's calls nor those of an hour ago are an item's.
    make_call(store, "drchrono", None)
    make_call(store, "drchrono", 4, at=NOW - timedelta(hours=2))
    # 10 items of 4/3 calls, at 10 calls in 1.2 s.
    assert status.overview(sync).predicted_drain_seconds == 1.6


@pytest.mark.parametrize(
    ("count", "per_item", "used", "closed", "expected"),
    [
        (0, 2.0, 0, None, None),
        # 100 calls at 10 in 1.2 s
        (50, 2.0, 0, None, 12.0),
        # 450 of 500 are for visits that are not imminent: 50 go at once (6 s), 400 at 450 in 3630 s
        (225, 2.0, 400, None, 3232.7),
        # all used: 90 at 450 in 3630 s
        (45, 2.0, 500, None, 726.0),
        (50, 2.0, 0, 600.0, 612.0),
        (50, 0.0, 0, None, 0.0),
    ],
)
def test_the_drain_time_is_the_budgets(
    count: int, per_item: float, used: int, closed: float | None, expected: float | None
) -> None:
    until = None if closed is None else NOW + timedelta(seconds=closed)
    budget = BudgetLeft(500, used, 500 - used, until)
    limit = Limit(hourly=500, burst=10, reserve=0.10)
    assert drain_seconds(count, per_item, limit, budget, NOW) == expected


def test_a_closed_system_and_all_of_it_as_json(sync: Sync, store: Store) -> None:
    with store.write() as conn:
        until = NOW + timedelta(minutes=3)
        conn.execute(insert(throttle).values(system="drchrono", closed_until=until, turn=1))
        journal.beat(conn, "beat@a:2", "beat", NOW)
    make_call(store, "oncall", 1, effect="update")
    told = json.loads(json.dumps(status.overview(sync).as_dict()))
    assert told["lanes"][0] == {"lane": "live", "waiting": 0, "oldest_seconds": 0.0}
    assert told["heartbeats"] == [{"process": "beat@a:2", "role": "beat", "seconds_ago": 0.0}]
    assert told["budget"]["drchrono"]["closed_until"] == "2027-03-01T12:03:00Z"
    assert told["last_sync"] == {"to_drchrono": None, "to_oncall": "2027-03-01T11:55:00Z"}


def test_a_token_that_no_key_opens_is_told_and_hides_nothing_else(store: Store) -> None:
    pair = StoredToken("a", "r", expires_at=NOW + timedelta(hours=48), obtained_at=NOW)
    SealedTokens(store, (FERNET,), lambda: NOW).save("drchrono", pair, 0)
    good = build(settings(store.url), owner="cli", clock=lambda: NOW)
    other = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="
    wrong = build(settings(store.url, encryption_keys=other), owner="cli", clock=lambda: NOW)
    try:
        assert status.overview(good).token == "good"
        assert status.overview(good).token_until == NOW + timedelta(hours=48)
        found = status.overview(wrong)
        assert (found.token, found.token_until) == ("unreadable", None)
        assert found.budget["drchrono"].limit == 500
    finally:
        good.close()
        wrong.close()
