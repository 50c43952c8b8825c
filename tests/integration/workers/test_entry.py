"""A worker process against a real Redis and a real database; only the engine's run is replaced.

The process says on its standard output what its runs do, so that tests wait for events.
"""

import base64
import json
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest
import redis
from rq import Worker

from sync.store.database import Store
from sync.store.lanes import Lane
from sync.store.tables import journal
from tests.support.servers.processes import Process, environment, soon
from workers.bell import QUEUES, Bell

PROGRAM = """
import os, sys, time
from sync.store.tables.work import Lane
from sync.tasks import worker
from workers import bell, entry

def say(*words):
    # In one piece: runs of several threads say something at once.
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

def run(sync, aggregate):
    say("begun", aggregate)
{body}
    say("done", aggregate)
    return ()

worker.run = run
{before}
entry.main()
"""


# Unlike a reader with a buffer, safe for many threads: each takes one "go" and its line's end.
TOLD_BY_THREE_BYTES = "    os.read(0, 3)"


class Start(Protocol):
    def __call__(
        self, body: str = "    pass", before: str = "", url: str = "", threads: int = 1
    ) -> Process: ...


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Store]:
    store = Store(sqlite_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def start(redis_url: str, database: Store, tmp_path: Path) -> Iterator[Start]:
    started = []

    def make(body: str = "    pass", before: str = "", url: str = "", threads: int = 1) -> Process:
        code = PROGRAM.format(body=body, before=before)
        env = environment(url or redis_url, database.url) | {"WORKER_THREADS": str(threads)}
        process = Process([sys.executable, "-c", code], env, tmp_path)
        started.append(process)
        return process

    yield make
    for process in started:
        process.close()


@pytest.fixture
def bell(redis_url: str) -> Iterator[Bell]:
    made = Bell(redis_url)
    yield made
    made.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    opened = redis.Redis.from_url(redis_url)
    yield opened
    opened.close()


def test_live_is_worked_before_catchup_before_bulk(start: Start, bell: Bell) -> None:
    bell.ring([(3, Lane.BULK), (2, Lane.CATCHUP), (1, Lane.LIVE), (4, Lane.LIVE)])
    worker = start()
    order = [worker.wait_for("begun").split()[1] for _ in range(4)]
    assert order == ["1", "4", "2", "3"]


def test_what_a_caller_told_of_waits_for_one_change_at_most(start: Start, bell: Bell) -> None:
    """Whoever forges hints about what is known keeps no new booking away."""
    bell.ring([(key, Lane.LIVE) for key in (1, 2, 3)] + [(key, Lane.TOLD) for key in (4, 5)])
    worker = start()
    order = [worker.wait_for("begun").split()[1] for _ in range(5)]
    assert order == ["1", "4", "2", "5", "3"]


def test_what_a_run_raised_is_rung(start: Start, bell: Bell) -> None:
    worker = start("    if aggregate == 1: return ((2, Lane.CATCHUP),)")
    bell.ring([(1, Lane.LIVE)])
    worker.wait_for("begun 2")


def test_a_done_job_leaves_nothing_in_redis(start: Start, bell: Bell, client: redis.Redis) -> None:
    worker = start()
    bell.ring([(1, Lane.LIVE)])
    worker.wait_for("done 1")
    soon(lambda: not list(client.scan_iter("rq:job:*")))
    assert not list(client.scan_iter("rq:results:*"))


def test_a_failure_leaves_no_text_in_redis_or_in_the_log(
    start: Start, bell: Bell, client: redis.Redis
) -> None:
    worker = start("    if aggregate == 1:\n        name = 'Jo Doe'; raise ValueError(name)")
    bell.ring([(1, Lane.LIVE), (2, Lane.LIVE)])
    told = json.loads(worker.wait_for("a run failed"))
    assert (told["error"], told["aggregate"], told["level"]) == ("ValueError", 1, "error")
    worker.wait_for("done 2")
    worker.send(signal.SIGTERM)
    worker.end()
    assert b"Doe" not in everything(client)
    assert "Doe" not in "".join(worker.said)
    assert not list(client.scan_iter("rq:job:*"))


def everything(client: redis.Redis) -> bytes:
    """All keys and values; RQ keeps texts as zlib, or as base64 of it."""
    found = []
    for key in client.scan_iter():
        dumped = {
            b"string": lambda k: [client.get(k)],
            b"hash": lambda k: [part for pair in client.hgetall(k).items() for part in pair],
            b"list": lambda k: client.lrange(k, 0, -1),
            b"set": client.smembers,
            b"zset": lambda k: client.zrange(k, 0, -1),
            b"stream": lambda k: [
                part for _id, entry in client.xrange(k) for pair in entry.items() for part in pair
            ],
        }[client.type(key)](key)
        found += [key, *dumped]
    return b"\n".join(form for value in found for form in (value, _inflated(value)))


def _inflated(value: bytes) -> bytes:
    if re.fullmatch(rb"[A-Za-z0-9+/=\s]+", value) and value.startswith(b"eJ"):
        value = base64.b64decode(value)
    try:
        return zlib.decompress(value)
    except zlib.error:
        return b""


def test_an_idle_worker_ends_at_once(start: Start, client: redis.Redis) -> None:
    worker = start()
    soon(lambda: Worker.count(connection=client) == 1)
    begun = time.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.end() == 0
    assert time.monotonic() - begun < 9  # a running job would have 10 seconds
    assert Worker.count(connection=client) == 0


TOLD_AFTER = """
import os, signal
step = entry.Worker.{step}

def told(worker):
    step(worker)
    os.kill(os.getpid(), signal.SIGTERM)

entry.Worker.{step} = told
"""


@pytest.mark.parametrize("step", ["register_birth", "_install_signal_handlers"])
def test_one_that_is_told_to_end_as_it_begins_is_not_left_in_the_list(
    start: Start, client: redis.Redis, step: str
) -> None:
    assert start(before=TOLD_AFTER.format(step=step)).end() == 0
    assert Worker.count(connection=client) == 0


def test_a_running_job_is_finished_and_no_other_begun(start: Start, bell: Bell) -> None:
    worker = start("    sys.stdin.readline()")
    bell.ring([(1, Lane.LIVE), (2, Lane.LIVE)])
    worker.wait_for("begun 1")
    worker.send(signal.SIGTERM)
    worker.send(signal.SIGINT)
    worker.send(signal.SIGTERM)
    worker.tell()
    assert worker.end() == 0
    assert "done 1\n" in worker.said
    assert "begun 2\n" not in worker.said


def test_eight_runs_wait_for_their_answers_at_once(
    start: Start, bell: Bell, client: redis.Redis
) -> None:
    worker = start(TOLD_BY_THREE_BYTES, threads=8)
    bell.ring([(key, Lane.LIVE) for key in range(1, 9)])
    begun = {worker.wait_for("begun").split()[1] for _ in range(8)}
    assert begun == {str(key) for key in range(1, 9)}
    soon(lambda: [one.get_state() for one in Worker.all(connection=client)] == ["busy"])
    for _ in range(8):
        worker.tell()
    for _ in range(8):
        worker.wait_for("done")


def test_what_waits_for_room_is_overtaken_by_a_better_lane(start: Start, bell: Bell) -> None:
    worker = start(TOLD_BY_THREE_BYTES, threads=2)
    bell.ring([(1, Lane.BULK), (2, Lane.BULK), (3, Lane.BULK)])
    for _ in range(2):
        worker.wait_for("begun")
    bell.ring([(4, Lane.LIVE)])
    worker.tell()
    assert worker.wait_for("begun") == "begun 4\n"
    worker.tell()
    assert worker.wait_for("begun") == "begun 3\n"


def test_all_that_have_begun_are_finished(start: Start, bell: Bell) -> None:
    worker = start(TOLD_BY_THREE_BYTES, threads=3)
    bell.ring([(key, Lane.LIVE) for key in (1, 2, 3, 4)])
    for _ in range(3):
        worker.wait_for("begun")
    worker.send(signal.SIGTERM)
    for _ in range(3):
        worker.tell()
    assert worker.end() == 0
    assert {one for one in worker.said if one.startswith("done")} == {
        f"done {key}\n" for key in (1, 2, 3)
    }
    assert "begun 4\n" not in worker.said


def test_a_job_that_does_not_end_is_given_up(start: Start, bell: Bell) -> None:
    # RQ waits for the running job without bound (docs/api-facts.md, L6).
    worker = start("    time.sleep(60)", before='import os; os.environ["STOP_SECONDS"] = "0.3"')
    bell.ring([(1, Lane.LIVE)])
    worker.wait_for("begun 1")
    worker.send(signal.SIGTERM)
    assert worker.end() == 1
    assert "its lease will run out" in worker.said[-1]


def test_a_running_job_is_told_half_way_to_make_no_next_call(start: Start, bell: Bell) -> None:
    body = "    while not sync.gate.closed: time.sleep(0.01)"
    worker = start(body, before='import os; os.environ["STOP_SECONDS"] = "8"')
    bell.ring([(1, Lane.LIVE)])
    worker.wait_for("begun 1")
    worker.send(signal.SIGTERM)
    assert worker.end() == 0
    assert "done 1\n" in worker.said


def test_a_killed_worker_leaves_no_process_and_bars_no_ring(start: Start, bell: Bell) -> None:
    # A forked work-horse would run on (L3), `unique` would refuse for long (L4).
    killed = start("    time.sleep(60)")
    bell.ring([(1, Lane.LIVE)])
    killed.wait_for("begun 1")
    assert psutil.Process(killed.pid).children(recursive=True) == []
    killed.send(signal.SIGKILL)
    assert killed.end() == -signal.SIGKILL
    other = start()
    bell.ring([(1, Lane.LIVE)])
    other.wait_for("done 1")


WHAT_REDIS_HOLDS = """
import redis
from workers import jobs

handed_over = jobs.run

def run_and_tell(aggregate):
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        say("kept", len(list(client.scan_iter("rq:job:*"))))
    handed_over(aggregate)

jobs.run = run_and_tell
"""


def test_a_ring_is_gone_when_its_run_begins(start: Start, bell: Bell) -> None:
    worker = start(before=WHAT_REDIS_HOLDS)
    bell.ring([(1, Lane.LIVE)])
    worker.wait_for("kept 0")
    worker.wait_for("done 1")


def test_a_ring_that_grew_old_is_passed_over(start: Start, bell: Bell, client: redis.Redis) -> None:
    bell.ring([(1, Lane.LIVE)])
    client.delete(*client.scan_iter("rq:job:*"))
    bell.ring([(2, Lane.LIVE)])
    worker = start()
    assert worker.wait_for("begun") == "begun 2\n"


def test_a_worker_outlives_a_redis_that_dies_in_mid_job(start: Start, own_redis: Any) -> None:
    # RQ quits on it; with its own back-off it could also be away for a minute.
    own_redis.start()
    worker = start("    sys.stdin.readline()", url=own_redis.url)
    bell = Bell(own_redis.url)
    bell.ring([(1, Lane.LIVE)])
    worker.wait_for("begun 1")
    own_redis.stop()
    worker.tell()
    worker.wait_for("waiting for it")
    own_redis.start()
    with redis.Redis.from_url(own_redis.url) as client:
        soon(lambda: Worker.count(connection=client) == 1)
    bell.ring([(2, Lane.LIVE)])
    worker.wait_for("begun 2")
    bell.close()


def test_an_idle_worker_hears_again_soon_after_an_outage(start: Start, own_redis: Any) -> None:
    own_redis.start()
    worker = start(url=own_redis.url)
    with redis.Redis.from_url(own_redis.url) as client:
        soon(lambda: Worker.count(connection=client) == 1)
    own_redis.stop()
    # What it says depends on where the outage met it: waiting for a job, or between two waits.
    worker.wait_for("could not connect", "waiting for it")
    own_redis.start()
    begun = time.monotonic()
    bell = Bell(own_redis.url)
    bell.ring([(1, Lane.LIVE)])
    worker.wait_for("done 1")
    assert time.monotonic() - begun < 30  # left to itself RQ would wait for a minute
    bell.close()


def test_a_worker_that_redis_forgot_is_counted_again(
    start: Start, bell: Bell, client: redis.Redis
) -> None:
    def counted() -> list[tuple[str, str]]:
        census = bell.census()
        assert census is not None
        return [(one.queues, one.state) for one in census.workers]

    idle = [(",".join(QUEUES), "idle")]
    worker = start()
    soon(lambda: counted() == idle)
    client.flushdb()
    assert counted() == []
    bell.ring([(1, Lane.LIVE)])
    worker.wait_for("done 1")
    soon(lambda: counted() == idle)


def test_a_worker_that_starts_before_redis_says_so_and_waits(start: Start, own_redis: Any) -> None:
    worker = start(url=own_redis.url)
    told = json.loads(worker.wait_for("waiting for it"))
    assert told["event"] == "Redis is not usable at REDIS_URL; waiting for it"
    assert told["reason"].startswith("it does not answer. Look at REDIS_URL")
    own_redis.start()
    worker.wait_for("the worker listens")


def test_a_worker_beats_in_sql(start: Start, database: Store) -> None:
    worker = start()
    line = json.loads(worker.wait_for("the worker listens"))

    def heard() -> list[tuple[str, str]]:
        with database.read() as conn:
            rows = journal.heard(conn, datetime(2000, 1, 1, tzinfo=UTC))
        return [(name, role) for name, role, _at in rows]

    soon(lambda: heard() == [(line["process"], "worker")])


def test_without_an_address_it_says_what_to_set(database: Store, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from workers import entry; entry.main()"],
        env=environment("", database.url),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("REDIS_URL is not set")


def test_without_keys_it_says_what_is_missing(redis_url: str, tmp_path: Path) -> None:
    env = environment(redis_url, f"sqlite:///{tmp_path / 'sync.db'}")
    done = subprocess.run(
        [sys.executable, "-c", "from workers import entry; entry.main()"],
        env=env | {"DIGEST_KEYS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Some settings are missing. ")
