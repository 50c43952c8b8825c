"""A beat process, real Redis, real database; only the engine's sweep and tasks are replaced."""

import json
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from sync.store.database import Store
from sync.store.tables import journal
from tests.support.servers.processes import Process, environment, soon

PROGRAM = """
import time
from types import SimpleNamespace
from sync.store.tables.work import Lane
from sync.tasks import schedule, sweep
from workers import beat

def say(*words):
    print(*words, flush=True)

def task(run):
    return SimpleNamespace(every_seconds=lambda sync: 1.0, run=run)

count = 0
def sweeping(sync):
    global count
    count += 1
    say("swept", count)
{sweep}
    return ()

sweep.sweep = sweeping
schedule.TASKS = {{}}
schedule.due_tasks = lambda sync: ()
{before}
beat.main()
"""


class Start(Protocol):
    def __call__(self, sweep: str = "", before: str = "", url: str | None = None) -> Process: ...


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Store]:
    store = Store(sqlite_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def start(redis_url: str, database: Store, tmp_path: Path) -> Iterator[Start]:
    started = []

    def make(sweep: str = "", before: str = "", url: str | None = None) -> Process:
        code = PROGRAM.format(sweep=sweep, before=before)
        env = environment(redis_url if url is None else url, database.url)
        process = Process([sys.executable, "-c", code], env, tmp_path)
        started.append(process)
        return process

    yield make
    for process in started:
        process.close()


def test_what_is_swept_is_rung(start: Start, redis_url: str) -> None:
    start("    if count == 1: return ((7, Lane.CATCHUP),)").wait_for("swept 2")
    with redis.Redis.from_url(redis_url) as client:
        (job,) = Queue("catchup", connection=client, serializer=JSONSerializer).jobs
        assert job.args == [7]


def test_a_long_task_delays_no_sweep(start: Start) -> None:
    beat = start(
        before="""
schedule.TASKS = {"walk": task(lambda sync: (say("walking"), time.sleep(60)))}
schedule.due_tasks = lambda sync: ("walk",)
"""
    )
    beat.wait_for("walking")
    beat.wait_for("swept 4")


def test_what_a_task_raised_is_rung(start: Start, redis_url: str) -> None:
    beat = start(
        before="""
told = []
schedule.TASKS = {"scan": task(lambda sync: ((8, Lane.BULK),))}
schedule.due_tasks = lambda sync: () if told else (told.append(1), "scan")[1:]
"""
    )
    beat.wait_for("swept 2")
    with redis.Redis.from_url(redis_url) as client:
        queue = Queue("bulk", connection=client, serializer=JSONSerializer)
        soon(lambda: [job.args for job in queue.jobs] == [[8]])


def test_a_task_that_fails_takes_no_other_with_it(start: Start) -> None:
    beat = start(
        before="""
def bad(sync):
    raise ValueError("Jo Doe")
schedule.TASKS = {"bad": task(bad), "good": task(lambda sync: (say("good ran"), ())[1])}
schedule.due_tasks = lambda sync: ("bad", "good")
"""
    )
    told = json.loads(beat.wait_for("a task failed"))
    assert (told["task"], told["error"]) == ("bad", "ValueError")
    beat.wait_for("good ran")
    assert "Doe" not in "".join(beat.said)


def test_a_sweep_that_fails_is_tried_again(start: Start) -> None:
    beat = start("    if count == 1: raise ValueError('Jo Doe')")
    assert json.loads(beat.wait_for("the sweep failed"))["error"] == "ValueError"
    beat.wait_for("swept 2")


def test_it_sweeps_on_without_redis(start: Start) -> None:
    beat = start("    return ((7, Lane.LIVE),)", url="redis://127.0.0.1:1")
    beat.wait_for("the bell was not heard")
    beat.wait_for("swept 3")


def test_it_beats_in_sql(start: Start, database: Store) -> None:
    beat = start()
    line = json.loads(beat.wait_for("the beat begins"))
    beat.wait_for("swept 2")
    with database.read() as conn:
        heard = journal.heard(conn, datetime(2000, 1, 1, tzinfo=UTC))
    assert [(name, role) for name, role, _at in heard] == [(line["process"], "beat")]


def test_a_beat_that_sweeps_no_more_does_not_look_alive(start: Start, database: Store) -> None:
    start("    raise ValueError").wait_for("swept 2")
    with database.read() as conn:
        assert journal.heard(conn, datetime(2000, 1, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly(start: Start, number: signal.Signals) -> None:
    beat = start()
    beat.wait_for("swept 1")
    beat.send(number)
    assert beat.end() == 0
    assert "the beat ends" in "".join(beat.said)


def test_a_task_that_does_not_end_is_given_up(start: Start) -> None:
    beat = start(
        before="""
import os; os.environ["STOP_SECONDS"] = "0.3"
schedule.TASKS = {"walk": task(lambda sync: (say("walking"), time.sleep(60)))}
schedule.due_tasks = lambda sync: ("walk",)
"""
    )
    beat.wait_for("walking")
    beat.send(signal.SIGTERM)
    assert beat.end() == 1
    assert "a task did not end in time" in beat.said[-1]


def test_a_running_task_is_told_half_way_to_make_no_next_call(start: Start) -> None:
    beat = start(
        before="""
def walk(sync):
    say("walking")
    while not sync.gate.closed:
        time.sleep(0.01)
    return ()

import os; os.environ["STOP_SECONDS"] = "8"
schedule.TASKS = {"walk": task(walk)}
schedule.due_tasks = lambda sync: ("walk",)
"""
    )
    beat.wait_for("walking")
    beat.send(signal.SIGTERM)
    assert beat.end() == 0
