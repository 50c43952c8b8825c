"""Run a worker process: the queues it takes, how long it waits, how it ends.

RQ's own entry has no flag for the short times that are needed here, forks a child that outlives a
killed parent, and quits on a Redis that was away for a moment. None of that can lose or double
work (leases and fences are in SQL); it would only make changes late.
"""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from types import FrameType
from typing import cast

import redis
import structlog
from redis.client import Pipeline
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat
from rq.worker import WorkerStatus
from sqlalchemy.exc import SQLAlchemyError

from sync import assemble, redis_server
from sync import log as logs
from sync.config import Settings
from sync.outbound.gate import Gate
from sync.redis_server import Trouble
from sync.runtime import Sync
from sync.settings_read import load_settings
from sync.store.lanes import Lane
from sync.tasks import gaps
from workers import jobs, upkeep
from workers.bell import QUEUES, Bell
from workers.heartbeat import Heartbeat, build
from workers.ring import RingJob, RingQueue
from workers.runs import Runs

# RQ blocks on the queues for this time less 15 seconds, and does its upkeep between two such waits.
_TTL = 20
_UPKEEP = 60  # seconds
_ALIVE = _TTL + 60  # seconds for which RQ takes a worker that says nothing more to live
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds between two tries of a Redis that refuses
_WELL_AFTER = 10.0  # seconds of work after which the next trouble is a first one again
_TELL = 60.0  # seconds after which the same trouble is told again
_LIVE, _TOLD = Lane.LIVE.name.lower(), Lane.TOLD.name.lower()
_ROOM = 5.0  # seconds between two signs of life while every thread is busy
_LIVES = 1.0  # seconds between two signs of life while there is much to take
_ANSWER = 15.0  # seconds a Redis command may take; longer than the blocking wait

log = structlog.get_logger(__name__)


class Worker(SimpleWorker):
    """Takes rings while there is room for a run, and no commands through Redis."""

    max_connection_wait_time = 2.0
    log_result_lifespan = False
    job_class = RingJob
    queue_class = RingQueue

    def __init__(self, client: redis.Redis, ending: "SimpleQueue[None]", runs: Runs) -> None:
        self._runs = runs
        super().__init__(
            list(QUEUES),
            connection=client,
            serializer=JSONSerializer,
            worker_ttl=_TTL,
            maintenance_interval=_UPKEEP,
            log_job_description=False,
        )
        self._ending = ending
        self._handing = False
        self._told, self._told_at = "", 0.0

    @property
    def stopping(self) -> bool:
        """Whether the process was told to end."""
        return self._stop_requested

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take no further ring; what has begun is waited for. A second signal changes nothing.

        Called in a signal handler: no log, no lock, no Redis here.
        """
        if self._stop_requested:
            return
        self._stop_requested = True
        self._ending.put(None)
        if not self._handing:
            raise StopRequested

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for room first: what is taken out of a queue can't be overtaken by a better lane.

        A Redis that was lost meanwhile is told here: RQ would try it again and again, in silence.
        """
        while not self._runs.has_room(within=_ROOM):
            self.heartbeat()
        self.heartbeat()
        return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)

    def execute_job(self, job: Job, queue: Queue) -> None:  # noqa: ARG002
        """Hand one ring to a thread; a signal meanwhile waits for that.

        Without RQ's own account of what a job comes to, seventeen trips to Redis: the ring was over
        when it was taken, and what is under way is in SQL.
        """
        self._handing = True
        try:
            jobs.run(cast("RingJob", job).aggregate)
        finally:
            self._handing = False

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:  # noqa: ARG002
        """Tell that it lives, and whether any run is under way: when that changes, else at times.

        RQ knows of the handing over only, and would tell four times for each.
        """
        state = WorkerStatus.BUSY if self._runs.under_way else WorkerStatus.IDLE
        at = time.monotonic()
        if state == self._told and at - self._told_at < _LIVES:
            return
        said = ["last_heartbeat", utcformat(now()), "state", state.value]
        with self.connection.pipeline() as telling:
            telling.hset(self.key, items=said)
            telling.expire(self.key, _ALIVE)
            added, _ = telling.execute()
        if added == len(said) // 2:  # Redis was emptied, or this process stood still for too long
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]
            self.connection.hset(self.key, items=said)
        self._told, self._told_at = state, at

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:  # noqa: ARG002
        """Leave telling it to the next sign of life."""
        self._state = state

    def reorder_queues(self, reference_queue: Queue) -> None:
        """After a change that people wait for, let what only callers tell of come first once.

        A caller can keep the lane before it full, and a new booking begins in this one; few of them
        are being read at once (ADR 0017).
        """
        after_live = reference_queue.name == _LIVE
        names = sorted(QUEUES, key=lambda name: name != _TOLD) if after_live else QUEUES
        by_name = {queue.name: queue for queue in self._ordered_queues}
        self._ordered_queues = [by_name[name] for name in names]

    def check_for_suspension(self, burst: bool) -> None:
        """Be suspended by nobody: SYNC_MODE=paused is how that is done here."""

    def run_maintenance_tasks(self) -> None:
        """Forget who and what ended without a word. RQ's own upkeep acts on what jobs say."""
        upkeep.forget(self.connection, QUEUES)
        self.last_cleaned_at = now()  # type: ignore[assignment]

    def subscribe(self) -> None:
        """Listen for no commands: who can write to Redis must not steer us."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed."""


def main() -> None:
    """Work until SIGTERM or SIGINT; exit code 0 after a clean end, 1 when a run was left."""
    settings = load_settings()
    logs.configure(settings.log_level, role="worker")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if not settings.redis_url:
        sys.exit("REDIS_URL is not set: a worker needs the Redis that web and beat ring on.")
    refused = redis_server.refusal(settings.redis_url)
    if refused is not None:
        sys.exit(refused)
    wait_for_redis(settings)
    try:
        _work(settings)
    except StopRequested:
        log.info("the worker ends")


def wait_for_redis(settings: Settings) -> None:
    """Return when Redis takes a write; says what it waits for, once and then at times."""
    told: tuple[Trouble, float] | None = None
    pause = _FIRST_PAUSE
    while True:
        client = _client(settings, timeout=1.0)
        try:
            redis_server.try_write(client)
        except redis.RedisError as error:
            trouble, at = redis_server.why(error), time.monotonic()
            if told is None or told[0] != trouble or at - told[1] >= _TELL:
                told = (trouble, at)
                log.warning("Redis is not usable at REDIS_URL; waiting for it", reason=str(trouble),
                            error=type(error).__name__)  # fmt: skip
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE / 2)
        else:
            return
        finally:
            client.close()


def _client(settings: Settings, *, timeout: float) -> redis.Redis:
    """A client of its own, whose name is looked up anew."""
    return redis_server.connect(settings.redis_url, timeout=timeout)


def _work(settings: Settings) -> None:
    sync = build(settings, "worker")
    bell = Bell(settings.redis_url)
    runs = Runs(settings.worker_threads)
    jobs.prepare(sync, bell, runs)
    heartbeat = Heartbeat(sync, "worker")
    try:
        # Its first beat can find the trouble before `start` returns.
        heartbeat.start()
        _note_gap(sync)
        # Made before any signal can come: starting a thread inside a handler can deadlock.
        ending: SimpleQueue[None] = SimpleQueue()
        threading.Thread(
            target=_end_late,
            args=(ending, sync.gate, settings.stop_seconds),
            name="ending",
            daemon=True,
        ).start()
        assemble.set_aside()
        log.info("the worker listens", process=sync.owner)
        try:
            _work_through_outages(settings, ending, runs)
        finally:
            runs.end()
    finally:
        heartbeat.stop()
        bell.close()
        sync.close()
        if heartbeat.trouble is not None:
            sys.exit(heartbeat.trouble)


def _note_gap(sync: Sync) -> None:
    """Who begins first after a time in which nobody was alive, notes it: worker or beat."""
    try:
        gaps.after_a_gap(sync)
    except SQLAlchemyError:
        log.exception("the database could not be read")


def _work_through_outages(settings: Settings, ending: "SimpleQueue[None]", runs: Runs) -> None:
    """RQ's worker quits on what Redis refuses: begin anew, with pauses, until told to end."""
    pause = _FIRST_PAUSE
    while True:
        client = _client(settings, timeout=_ANSWER)
        begun = time.monotonic()
        try:
            upkeep.clear(client, QUEUES)
            worker = Worker(client, ending, runs)
            _listen(worker)
            if worker.stopping:
                log.info("the worker ends")
                return
        except redis.RedisError as error:
            log.warning("Redis was lost; waiting for it", reason=str(redis_server.why(error)),
                        error=type(error).__name__)  # fmt: skip
        finally:
            client.close()
        pause = _FIRST_PAUSE if time.monotonic() - begun >= _WELL_AFTER else pause
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
        wait_for_redis(settings)


def _listen(worker: Worker) -> None:
    try:
        worker.work(logging_level="WARNING")
    except (StopRequested, SystemExit):
        # Told to end before RQ's own loop, which would have said farewell.
        with suppress(redis.RedisError):
            worker.register_death()  # type: ignore[no-untyped-call]
        raise


def _end_late(ending: "SimpleQueue[None]", gate: Gate, seconds: float) -> None:
    """What runs may finish for half its time, then hands back instead of making a next call."""
    ending.get()
    time.sleep(seconds / 2)
    gate.close()
    time.sleep(seconds / 2)
    log.warning("a run did not end in time; its lease will run out", seconds=seconds)
    sys.stdout.flush()
    os._exit(1)
