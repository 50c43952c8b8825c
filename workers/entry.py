"""A worker process: which queues it takes, how long it waits, and how it ends.

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

import redis
import structlog
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from sync import log as logs
from sync.config import Settings, load_settings
from sync.engine import catchup
from sync.engine.context import Sync
from sync.outbound.gate import Gate
from workers import jobs
from workers.bell import QUEUES, Bell, connection
from workers.heartbeat import Heartbeat, build

# RQ blocks on the queues for this time less 15 seconds, and does its upkeep between two such waits.
_TTL = 20
_UPKEEP = 60  # seconds
_GRACE = 10.0  # seconds a running job has after SIGTERM; its lease covers what is left undone
_ANSWER = 15.0  # seconds a Redis command may take; longer than the blocking wait

log = structlog.get_logger(__name__)


class Worker(SimpleWorker):
    """Runs jobs in this process, one at a time, and takes no commands through Redis."""

    max_connection_wait_time = 2.0
    log_result_lifespan = False

    def __init__(self, client: redis.Redis, ending: "SimpleQueue[float]") -> None:
        super().__init__(
            list(QUEUES),
            connection=client,
            serializer=JSONSerializer,
            worker_ttl=_TTL,
            maintenance_interval=_UPKEEP,
            log_job_description=False,
        )
        self._ending = ending
        self._running = False

    @property
    def stopping(self) -> bool:
        """Whether the process was told to end."""
        return self._stop_requested

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End at once when idle, else after the running job; a second signal changes nothing.

        Called in a signal handler: no log, no lock, no Redis here.
        """
        if self._stop_requested:
            return
        self._stop_requested = True
        self._ending.put(_GRACE)
        if not self._running:
            raise StopRequested

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job; a signal meanwhile waits for its end."""
        self._running = True
        try:
            super().execute_job(job, queue)
        finally:
            self._running = False

    def subscribe(self) -> None:
        """Listen for no commands: who can write to Redis must not steer us."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed."""


def main() -> None:
    """Work until SIGTERM or SIGINT; exit code 0 after a clean end, 1 when a job was left."""
    settings = load_settings()
    logs.configure(settings.log_level, role="worker")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if not settings.redis_url:
        sys.exit("REDIS_URL is not set: a worker needs the Redis that web and beat ring on.")
    wait_for_redis(settings.redis_url)
    try:
        _work(settings)
    except StopRequested:
        log.info("the worker ends")


def wait_for_redis(url: str) -> None:
    """Return when Redis answers; says so once when it has to wait."""
    told = False
    while True:
        client = connection(url, timeout=1.0)
        try:
            client.ping()
        except redis.RedisError as error:
            if not told:
                log.warning("Redis does not answer at REDIS_URL; waiting for it",
                            error=type(error).__name__)  # fmt: skip
                told = True
            time.sleep(0.5)
        else:
            return
        finally:
            client.close()


def _work(settings: Settings) -> None:
    sync = build(settings, "worker")
    bell = Bell(settings.redis_url)
    jobs.prepare(sync, bell)
    heartbeat = Heartbeat(sync, "worker")
    heartbeat.start()
    try:
        _note_gap(sync)
        # Made before any signal can come: starting a thread inside a handler can deadlock.
        ending: SimpleQueue[float] = SimpleQueue()
        threading.Thread(
            target=_end_late, args=(ending, sync.gate), name="ending", daemon=True
        ).start()
        log.info("the worker listens", process=sync.owner)
        _work_through_outages(settings.redis_url, ending)
    finally:
        heartbeat.stop()
        bell.close()
        sync.close()
        if heartbeat.trouble is not None:
            sys.exit(heartbeat.trouble)


def _note_gap(sync: Sync) -> None:
    """Who begins first after a time in which nobody was alive, notes it: worker or beat."""
    try:
        catchup.after_a_gap(sync)
    except SQLAlchemyError:
        log.exception("the database could not be read")


def _work_through_outages(url: str, ending: "SimpleQueue[float]") -> None:
    """RQ's worker quits when Redis fails it in mid-job: begin anew until told to end."""
    while True:
        client = connection(url, timeout=_ANSWER)
        worker = Worker(client, ending)
        try:
            worker.work(logging_level="WARNING")
        except (StopRequested, SystemExit):
            # Told to end before RQ's own loop, which would have said farewell.
            with suppress(redis.RedisError):
                worker.register_death()  # type: ignore[no-untyped-call]
            raise
        except redis.RedisError as error:
            log.warning("Redis was lost; waiting for it", error=type(error).__name__)
        finally:
            client.close()
        if worker.stopping:
            log.info("the worker ends")
            return
        wait_for_redis(url)


def _end_late(ending: "SimpleQueue[float]", gate: Gate) -> None:
    """A running job may finish for half its time, then hands back instead of making a next call."""
    grace = ending.get()
    time.sleep(grace / 2)
    gate.close()
    time.sleep(grace / 2)
    log.warning("the running job did not end in time; its lease will run out", seconds=_GRACE)
    sys.stdout.flush()
    os._exit(1)
