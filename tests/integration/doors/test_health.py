"""Health and metrics, read from real databases and a real Redis."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from rq import Queue, Worker
from sqlalchemy import delete, insert

from service.doors import Doors
from sync import assemble
from sync.config import Settings
from sync.core.tokens import StoredToken
from sync.runtime import Sync
from sync.store import attention
from sync.store.database import Store
from sync.store.lanes import Hints, Lane
from sync.store.schema import blocker
from sync.store.schema import token as token_table
from sync.store.tables import journal, links, work
from sync.store.tokens import SealedTokens
from tests.support.servers.one_port import client
from workers.bell import Bell

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def sync(store: Store) -> Iterator[Sync]:
    settings = Settings(
        _env_file=None,
        database_url=store.url,
        encryption_keys=KEY,
        digest_keys="k" * 43,
        oncall_webhook_tokens="token-one",
        drchrono_hourly_limit=500,
    )
    made = assemble.build(settings, owner="web@test:1", clock=lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def bell(redis_url: str) -> Iterator[Bell]:
    made = Bell(redis_url)
    yield made
    made.close()


@pytest.fixture
def web(sync: Sync, bell: Bell) -> FlaskClient:
    return client(Doors.of(sync, bell))


@pytest.fixture
def all_well(store: Store) -> Store:
    """A worker and a beat heard of lately, and a token that lives."""
    heard(store, worker=59, beat=1)
    tokens = SealedTokens(store, (KEY,), lambda: NOW)
    pair = StoredToken("access", "refresh", NOW + timedelta(hours=1), NOW - timedelta(hours=1))
    assert tokens.save("drchrono", pair, 0)
    return store


def heard(store: Store, **seconds_ago: float) -> None:
    with store.write() as conn:
        for role, ago in seconds_ago.items():
            journal.beat(conn, f"{role}@host:1", role, NOW - timedelta(seconds=ago))


def test_a_live_process_says_so_whatever_else_is_down(sync: Sync, store: Store) -> None:
    store.downgrade("base")
    web = client(Doors.of(sync, Bell("redis://127.0.0.1:1")))
    assert web.get("/livez").status_code == 200


def test_ready_is_the_database_alone(sync: Sync, store: Store) -> None:
    web = client(Doors.of(sync, Bell("redis://127.0.0.1:1")))
    assert web.get("/readyz").status_code == 200
    store.downgrade("base")
    answer = web.get("/readyz")
    assert (answer.status_code, answer.get_json()["error"]) == (503, "database")


@pytest.mark.usefixtures("all_well")
def test_all_is_well(web: FlaskClient) -> None:
    answer = web.get("/healthz")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "ok",
        "parts": {
            "database": {"ok": True},
            "redis": {"ok": True},
            "worker": {"ok": True, "seconds_ago": {"worker@host:1": 59.0}},
            "beat": {"ok": True, "seconds_ago": {"beat@host:1": 1.0}},
            "token": {"ok": True, "detail": "good"},
            "account": {"ok": True},
        },
    }


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_a_role_not_heard_of_for_a_minute_is_down(
    web: FlaskClient, all_well: Store, role: str
) -> None:
    heard(all_well, **{role: 61})
    answer = web.get("/healthz")
    parts = answer.get_json()["parts"]
    assert answer.status_code == 503
    assert [name for name, part in parts.items() if not part["ok"]] == [role]


def test_one_worker_of_two_is_enough(web: FlaskClient, all_well: Store) -> None:
    with all_well.write() as conn:
        journal.beat(conn, "worker@dead:1", "worker", NOW - timedelta(days=1))
    assert web.get("/healthz").status_code == 200


@pytest.mark.usefixtures("all_well")
def test_redis_down_is_told(sync: Sync) -> None:
    answer = client(Doors.of(sync, Bell("redis://127.0.0.1:1"))).get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["parts"]["redis"] == {
        "ok": False,
        "detail": "it does not answer. Look at REDIS_URL and whether the server is up.",
    }


def test_no_token_is_told(web: FlaskClient, all_well: Store) -> None:
    with all_well.write() as conn:
        conn.execute(delete(token_table))
    answer = web.get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["parts"]["token"] == {"ok": False, "detail": "none"}


@pytest.mark.usefixtures("all_well")
def test_a_token_of_another_key_is_told(store: Store, bell: Bell) -> None:
    settings = Settings(
        _env_file=None,
        database_url=store.url,
        encryption_keys="OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg=",
        digest_keys="k" * 43,
    )
    sync = assemble.build(settings, owner="web@test:1", clock=lambda: NOW)
    answer = client(Doors.of(sync, bell)).get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["parts"]["token"]["ok"] is False
    sync.close()


def test_the_database_down_is_told(web: FlaskClient, store: Store) -> None:
    store.downgrade("base")
    answer = web.get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["parts"] == {
        "database": {
            "ok": False,
            "detail": "the database has no tables: drchrono-oncall migrate makes them",
        },
        "redis": {"ok": True},
    }


# --- metrics --------------------------------------------------------------------------------------


def samples(web: FlaskClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = web.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def test_an_empty_service_has_every_gauge(web: FlaskClient) -> None:
    told = samples(web)
    for lane in ("live", "catchup", "bulk"):
        assert told["sync_queue_depth", (("lane", lane),)] == 0
        assert told["sync_oldest_waiting_seconds", (("lane", lane),)] == 0
        for status in ("queued", "started", "failed"):
            assert told["rq_jobs", (("queue", lane), ("status", status))] == 0
    assert told["sync_parked_items", ()] == 0
    assert told["sync_attention_open", ()] == 0
    assert told["sync_budget_left", (("system", "drchrono"),)] == 500
    assert not [labels for name, labels in told if name == "rq_workers"]
    assert told["sync_end_to_end_seconds_count", ()] == 0


def test_what_waits_is_counted_by_lane(web: FlaskClient, store: Store) -> None:
    with store.write() as conn:
        for lane, ago in ((Lane.LIVE, 30), (Lane.LIVE, 5), (Lane.BULK, 0)):
            key = links.new_aggregate(conn, "visit", NOW)
            then = NOW - timedelta(seconds=ago)
            work.raise_(conn, key, now=then, hints=Hints.both(), lane=lane)
    told = samples(web)
    assert told["sync_queue_depth", (("lane", "live"),)] == 2
    assert told["sync_oldest_waiting_seconds", (("lane", "live"),)] == 30
    assert told["sync_queue_depth", (("lane", "catchup"),)] == 0
    assert told["sync_queue_depth", (("lane", "bulk"),)] == 1


def test_what_is_parked_and_what_wants_attention_is_counted(web: FlaskClient, store: Store) -> None:
    with store.write() as conn:
        key = links.new_aggregate(conn, "visit", NOW)
        for kind, ref in (("mapping", "a"), ("patient", "5")):
            values = {"aggregate": key, "object": 1, "kind": kind, "ref": ref, "since": NOW}
            conn.execute(insert(blocker).values(**values))
        attention.open_item(conn, key, "no_mapping", now=NOW)
        attention.open_item(conn, key, "no_email", now=NOW)
        attention.close_rest(conn, key, NOW, keep=["no_email"])
    told = samples(web)
    assert told["sync_parked_items", ()] == 1
    assert told["sync_attention_open", ()] == 1


def test_shared_counters_are_told_under_their_labels(web: FlaskClient, store: Store) -> None:
    with store.write() as conn:
        journal.bump(conn, "deliveries", "source=oncall,outcome=raised", by=3)
        journal.bump(conn, "remote_calls", "system=drchrono,method=PATCH,status=204", by=2)
    told = samples(web)
    deliveries = (("outcome", "raised"), ("source", "oncall"))
    calls = (("method", "PATCH"), ("status", "204"), ("system", "drchrono"))
    assert told["sync_deliveries_total", deliveries] == 3
    assert told["sync_remote_calls_total", calls] == 2


def test_end_to_end_seconds_add_up_over_the_buckets(web: FlaskClient, store: Store) -> None:
    with store.write() as conn:
        for seconds in (0.4, 0.5, 2.5, 4000):
            item = journal.Delivery(0, "oncall", "e", 0, None, None, None,
                                    NOW - timedelta(seconds=seconds))  # fmt: skip
            journal.explain(conn, [item], NOW)
    told = samples(web)
    name = "sync_end_to_end_seconds_bucket"
    bucket = {labels[0][1]: value for (of, labels), value in told.items() if of == name}
    assert bucket == {
        "0.5": 2,
        "1.0": 2,
        "2.0": 2,
        "3.0": 3,
        "5.0": 3,
        "10.0": 3,
        "30.0": 3,
        "60.0": 3,
        "300.0": 3,
        "900.0": 3,
        "3600.0": 3,
        "+Inf": 4,
    }
    assert told["sync_end_to_end_seconds_count", ()] == 4
    assert told["sync_end_to_end_seconds_sum", ()] == pytest.approx(4003.4)


def test_refusals_are_counted_by_reason(web: FlaskClient) -> None:
    web.post("/webhooks/drchrono", data=b"{}")
    web.post("/webhooks/oncall/wrong", data=b"{}")
    web.post("/webhooks/oncall/token-one", data=b"{")
    told = samples(web)
    name = "sync_refused_requests_total"
    assert {labels: value for (of, labels), value in told.items() if of == name} == {
        (("reason", "secret"), ("source", "drchrono")): 1,
        (("reason", "secret"), ("source", "oncall")): 1,
        (("reason", "not_json"), ("source", "oncall")): 1,
    }


def test_a_worker_is_told_as_rq_exporter_tells_it(web: FlaskClient, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    worker = Worker([Queue("live", connection=client), Queue("bulk", connection=client)], name="w1")
    worker.register_birth()
    worker.set_state("idle")
    client.sadd("rq:workers", "rq:worker:killed-long-ago")
    told = samples(web)
    found = {labels: value for (name, labels), value in told.items() if name == "rq_workers"}
    assert found == {(("name", "w1"), ("queues", "live,bulk"), ("state", "idle")): 1}


def test_rings_that_wait_are_counted(web: FlaskClient, bell: Bell) -> None:
    bell.ring([(1, Lane.BULK), (2, Lane.BULK)])
    assert samples(web)["rq_jobs", (("queue", "bulk"), ("status", "queued"))] == 2


def test_without_redis_the_rest_is_told(sync: Sync) -> None:
    told = samples(client(Doors.of(sync, Bell("redis://127.0.0.1:1"))))
    assert ("rq_workers", ()) not in told
    assert told["sync_parked_items", ()] == 0


def test_without_the_database_a_scrape_fails_as_a_whole(web: FlaskClient, store: Store) -> None:
    store.downgrade("base")
    assert web.get("/metrics").status_code == 503
