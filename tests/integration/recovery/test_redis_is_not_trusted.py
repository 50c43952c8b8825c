"""Give whoever can write to Redis no worker that runs, loads or fetches anything, or stops."""

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Repeat, Retry, Worker
from rq.command import send_shutdown_command
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer
from rq.suspension import suspend
from rq.webhook import Webhook

from sync.store.database import Store
from sync.store.lanes import Lane
from sync.store.tables import journal
from tests.integration.workers.test_entry import Start, bell, client, database, start
from tests.support.servers.processes import Process, soon
from workers.bell import JOB, Bell

__all__ = ["bell", "client", "database", "start"]

Plant = Callable[[redis.Redis, str], Any]


def _queue(redis_: redis.Redis, serializer: Any = JSONSerializer) -> Queue:
    return Queue("live", connection=redis_, serializer=serializer)


def _raw(redis_: redis.Redis, said: Any, **fields: Any) -> None:
    """A hash as RQ would write it, with what is said in it, or bytes as they are."""
    data = said if isinstance(said, bytes) else zlib.compress(json.dumps(said).encode())
    redis_.hset("rq:job:planted", mapping={"data": data, "origin": "live", **fields})
    redis_.rpush("rq:queue:live", "planted")


def _dependent(redis_: redis.Redis, mark: str) -> None:
    parent = _queue(redis_).enqueue(JOB, 5, job_id="parent")
    _queue(redis_).enqueue("os.mkdir", mark, depends_on=parent)


PLANTED: dict[str, Plant] = {
    "another function": lambda r, mark: _queue(r).enqueue("os.mkdir", mark),
    "a pickle": lambda r, mark: _queue(r, DefaultSerializer).enqueue("os.mkdir", mark),
    "on success": lambda r, _mark: _queue(r).enqueue(JOB, 5, on_success=Callback("os.mkdir")),
    "on failure": lambda r, _mark: _queue(r).enqueue(JOB, 5, on_failure=Callback("os.mkdir")),
    "on stopped": lambda r, _mark: _queue(r).enqueue(JOB, 5, on_stopped=Callback("os.mkdir")),
    "a webhook": lambda r, _mark: _queue(r).enqueue(
        JOB, 5, webhooks=[Webhook("http://127.0.0.1:9/", job_status="finished")]
    ),
    "retries": lambda r, _mark: _queue(r).enqueue(JOB, 5, retry=Retry(max=9)),
    "a repeat": lambda r, _mark: _queue(r).enqueue(JOB, 5, repeat=Repeat(times=9)),
    "meta": lambda r, _mark: _queue(r).enqueue(JOB, 5, meta={"a": 1}),
    "two numbers": lambda r, _mark: _queue(r).enqueue(JOB, 5, 6),
    "a named one": lambda r, _mark: _queue(r).enqueue(JOB, aggregate=5),
    "text": lambda r, _mark: _queue(r).enqueue(JOB, "5"),
    "true": lambda r, _mark: _queue(r).enqueue(JOB, *[True]),
    "a huge number": lambda r, _mark: _queue(r).enqueue(JOB, 2**63),
    "none at all": lambda r, _mark: _queue(r).enqueue(JOB),
    "an instance": lambda r, mark: _raw(r, ["mkdir", "os", [mark], {}]),
    "no list": lambda r, _mark: _raw(r, {"a": 1}),
    "no JSON": lambda r, _mark: _raw(r, b"planted"),
    "a bomb": lambda r, _mark: _raw(r, zlib.compress(b"0" * 50_000_000)),
    "another queue": lambda r, _mark: _raw(r, [JOB, None, [5], {}], origin="planted"),
    "an odd field": lambda r, _mark: _raw(r, [JOB, None, [5], {}], serializer="os.mkdir"),
    "no hash": lambda r, _mark: (r.set("rq:job:planted", "x"), r.rpush("rq:queue:live", "planted")),
    "no id": lambda r, _mark: r.rpush("rq:queue:live", b"\xff\xfe", "a b", "", "../x", "y" * 9999),
    "a hash of nothing": lambda r, _mark: (
        r.hset("rq:job:planted", "x", "y"),
        r.rpush("rq:queue:live", "planted"),
    ),
}


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What planted code would make."""
    return tmp_path / "planted"


@pytest.fixture
def worker(start: Start) -> Iterator[Process]:
    made = start()
    yield made
    made.close()


def test_whatever_is_planted_is_dropped_counted_and_told(
    client: redis.Redis, bell: Bell, worker: Process, database: Store, mark: Path
) -> None:
    worker.wait_for("the worker listens")
    for number, plant in enumerate(PLANTED.values(), start=100):
        plant(client, str(mark))
        bell.ring([(number, Lane.LIVE)])
        # Queues are taken in order: what was planted before it has been looked at.
        assert worker.wait_for("done") == f"done {number}\n"
    assert not mark.exists()
    assert "begun 5\n" not in worker.said
    assert "unhandled" not in "".join(worker.said)
    soon(lambda: not list(client.scan_iter("rq:job:*")))

    def counted() -> float:
        with database.read() as conn:
            return sum(value for name, _labels, value in journal.read_counters(conn)
                       if name == "dropped_jobs")  # fmt: skip

    assert counted() >= 1
    told = [json.loads(line) for line in worker.said if "were not ours" in line]
    assert told


def test_what_depends_on_a_ring_is_not_run(
    client: redis.Redis, bell: Bell, worker: Process, mark: Path
) -> None:
    _dependent(client, str(mark))
    bell.ring([(7, Lane.LIVE)])
    worker.wait_for("done 7")
    bell.ring([(8, Lane.LIVE)])
    worker.wait_for("done 8")
    assert not mark.exists()


def test_nobody_suspends_or_stops_a_worker_through_redis(
    client: redis.Redis, bell: Bell, worker: Process
) -> None:
    worker.wait_for("the worker listens")
    soon(lambda: Worker.count(connection=client) == 1)
    suspend(client)
    (name,) = client.smembers("rq:workers")
    send_shutdown_command(client, name.decode().removeprefix("rq:worker:"))
    bell.ring([(7, Lane.LIVE)])
    worker.wait_for("done 7")


def test_what_a_dead_worker_left_calls_nothing(
    client: redis.Redis, start: Start, mark: Path
) -> None:
    # RQ's upkeep runs a left job's failure callback, retries it and enqueues what depends on it.
    left = Job.create(JOB, [5], connection=client, serializer=JSONSerializer, origin="live",
                      on_failure=Callback("os.mkdir"), status="started")  # type: ignore[arg-type]  # fmt: skip
    left.save()
    client.zadd("rq:wip:live", {f"{left.id}:1": 1, b"\xff": 1})
    client.sadd("rq:workers", b"\xff")
    client.sadd("rq:workers:live", b"\xff", "rq:worker:gone")
    start().wait_for("the worker listens")
    soon(lambda: not client.exists(left.key) and not client.zcard("rq:wip:live"))
    soon(lambda: client.scard("rq:workers") == 1)
    assert not mark.exists()


def test_a_key_that_holds_something_else_is_made_free(
    client: redis.Redis, bell: Bell, start: Start
) -> None:
    for key in ("rq:queue:live", "rq:wip:live", "rq:failed:bulk", "rq:workers", "rq:queues"):
        client.set(key, "planted")
    worker = start()
    worker.wait_for("the worker listens")
    soon(lambda: client.type("rq:workers") == b"set")
    bell.ring([(7, Lane.LIVE)])
    worker.wait_for("done 7")
