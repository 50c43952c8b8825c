"""The bell against a real Redis, a refused port and a Redis that never answers."""

import json
import socket
import time
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from sync.store.lanes import Lane
from workers import bell as bells
from workers.bell import Bell, Census


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    opened = redis.Redis.from_url(redis_url)
    yield opened
    opened.close()


@pytest.fixture
def bell(redis_url: str) -> Iterator[Bell]:
    made = Bell(redis_url)
    yield made
    made.close()


def waiting(client: redis.Redis, name: str) -> list[Job]:
    return Queue(name, connection=client, serializer=JSONSerializer).jobs


def test_each_lane_has_its_queue(bell: Bell, client: redis.Redis) -> None:
    assert bell.ring([(11, Lane.LIVE), (12, Lane.CATCHUP), (13, Lane.BULK), (14, Lane.LIVE)])
    assert [job.args for job in waiting(client, "live")] == [[11], [14]]
    assert [job.args for job in waiting(client, "catchup")] == [[12]]
    assert [job.args for job in waiting(client, "bulk")] == [[13]]


def test_a_job_names_the_run_and_does_not_stay(bell: Bell, client: redis.Redis) -> None:
    bell.ring([(11, Lane.LIVE)])
    (job,) = waiting(client, "live")
    assert job.func_name == "workers.jobs.run"
    assert job.timeout == 300
    assert job.result_ttl == 0
    assert job.failure_ttl == 60
    assert 0 < client.ttl(job.key) <= 30


def test_redis_holds_the_key_as_json_and_no_words_of_it(bell: Bell, client: redis.Redis) -> None:
    bell.ring([(11, Lane.LIVE)])
    (job,) = waiting(client, "live")
    stored = client.hgetall(job.key)
    assert stored[b"description"] == b"look at one aggregate"
    # JSON: unpickling would run whatever is in it.
    data = json.loads(zlib.decompress(stored[b"data"]))
    assert data == ["workers.jobs.run", None, [11], {}]


def test_the_same_aggregate_can_be_rung_again_at_once(bell: Bell, client: redis.Redis) -> None:
    # `unique` would refuse the second one while the first one's hash lives (docs/api-facts.md, L4).
    assert bell.ring([(11, Lane.LIVE)])
    assert bell.ring([(11, Lane.LIVE)])
    assert [job.args for job in waiting(client, "live")] == [[11], [11]]


def test_nothing_to_ring_is_no_trouble_without_redis() -> None:
    assert Bell("").ring([]) is True


def test_a_bell_without_address_is_not_heard() -> None:
    bell = Bell("")
    assert bell.ring([(1, Lane.LIVE)]) is False
    assert bell.alive() is False
    assert bell.census() is None


def test_a_refused_port_costs_no_time() -> None:
    bell = Bell("redis://127.0.0.1:1")
    begun = time.monotonic()
    assert bell.ring([(1, Lane.LIVE)]) is False
    assert time.monotonic() - begun < 2  # redis-py's own retries take 4 seconds and more
    assert bell.alive() is False
    assert bell.census() is None


def test_a_silent_redis_is_given_up_after_a_fifth_of_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bell = Bell(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        assert bell.ring([(1, Lane.LIVE)]) is False
        assert 0.15 < time.monotonic() - begun < 3
        bell.close()


def test_the_bell_is_heard_again_when_redis_is_back(bell: Bell, client: redis.Redis) -> None:
    assert bell.ring([(1, Lane.LIVE)])
    client.client_kill_filter(_type="normal", skipme=True)
    bell.ring([(2, Lane.LIVE)])
    assert bell.ring([(3, Lane.LIVE)])
    assert [3] in [job.args for job in waiting(client, "live")]


def test_a_full_queue_takes_no_more(
    bell: Bell, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "_FULL", 2)
    taken = [bell.ring([(key, Lane.LIVE)]) for key in range(5)]
    assert taken == [True, True, True, False, False]
    assert bell.ring([(9, Lane.LIVE), (9, Lane.BULK)]) is False
    assert len(waiting(client, "live")) == 3
    assert len(waiting(client, "bulk")) == 1


def test_five_hundred_rings_go_in_one_go(bell: Bell) -> None:
    # The sweep's largest catch: one pipeline a queue, not a round trip a ring.
    assert bell.ring([(key, Lane.LIVE) for key in range(500)])
    assert bell.census() == Census(
        workers=(),
        jobs=tuple(
            (queue, status, 500 if (queue, status) == ("live", "queued") else 0)
            for queue in ("live", "told", "catchup", "bulk")
            for status in ("queued", "started", "failed")
        ),
    )


def test_lanes_are_taken_in_this_order() -> None:
    assert bells.QUEUES == ("live", "told", "catchup", "bulk")
    assert all(earlier < later for earlier, later in pairwise(Lane))
