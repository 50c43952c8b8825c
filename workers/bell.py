"""Ring for an aggregate: tell a worker that it is to be looked at. A ring may be lost.

The truth is in SQL and the sweep rings again, so a ring that Redis can't take is dropped at once:
redis-py's own defaults would hold a webhook's answer for 4 to 30 seconds (docs/api-facts.md, L9).
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import redis
import structlog
from rq import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker_registration import REDIS_WORKER_KEYS

from sync import redis_server
from sync.log import cause
from sync.redis_server import Trouble
from sync.store.lanes import Lane

JOB = "workers.jobs.run"
# RQ keeps a job's description for as long as the job, and makes it of the arguments unless told.
DESCRIPTION = "look at one aggregate"
QUEUES = tuple(lane.name.lower() for lane in Lane)

_TIMEOUT = 0.2  # seconds, for connecting and for each answer
WAITING = 30  # seconds a ring stays good; the sweep has rung again by then
RUNNING = 300  # seconds; the deadlines of the calls in a run end long before
FAILED = 60  # seconds a failed job is kept
_TELL = 60.0  # seconds after which the same trouble is told again
_FULL = 2000  # rings in one queue; more would only pile up while no worker is there

log = structlog.get_logger(__name__)


_PREFIX = "rq:worker:"  # of a worker's key (rq.Worker.redis_worker_namespace_prefix)


class RqWorker(NamedTuple):
    """One worker that RQ knows: its name, its queues by commas, and its state."""

    name: str
    queues: str
    state: str


@dataclass(frozen=True, slots=True)
class Census:
    """What RQ holds: live workers, and jobs by queue and status (queued, started, failed)."""

    workers: tuple[RqWorker, ...]
    jobs: tuple[tuple[str, str, int], ...]


class Bell:
    """Rings aggregates on the Redis at `url`; "" is a bell that is not there."""

    def __init__(self, url: str) -> None:
        self._redis = redis_server.connect(url, timeout=_TIMEOUT) if url else None
        self._told: tuple[Trouble, float] | None = None
        self._queues = {
            name: Queue(name, connection=self._redis, serializer=JSONSerializer)
            for name in QUEUES
            if self._redis is not None
        }

    def ring(self, rings: Iterable[tuple[int, Lane]]) -> bool:
        """Ask for one look at each aggregate in its lane's queue.

        Returns whether Redis took all of them; never raises when it is down, slow or full.
        """
        by_queue: dict[str, list[int]] = defaultdict(list)
        for aggregate, lane in rings:
            by_queue[lane.name.lower()].append(aggregate)
        if not by_queue:
            return True
        if self._redis is None:
            return False
        try:
            taken = True
            for name, keys in by_queue.items():
                taken = self._enqueue(name, keys) and taken
        except redis.RedisError as error:
            self._lost(error, sum(map(len, by_queue.values())))
            return False
        if self._told is not None:
            self._told = None
            log.info("the bell is heard again")
        return taken

    def _lost(self, error: redis.RedisError, count: int) -> None:
        """Drop what is open to this server, and say so: once, on another reason, and at times."""
        if self._redis is not None:
            redis_server.forget(self._redis)
        trouble, now = redis_server.why(error), time.monotonic()
        if self._told is None or self._told[0] != trouble or now - self._told[1] >= _TELL:
            self._told = (trouble, now)
            log.warning("the bell was not heard", count=count, reason=str(trouble), **cause(error))

    def _enqueue(self, name: str, keys: list[int]) -> bool:
        queue = self._queues[name]
        if queue.count > _FULL:
            return False
        # No `unique`: after a lost pop it would refuse every later ring of that aggregate.
        queue.enqueue_many(
            Queue.prepare_data(
                JOB,
                args=[key],
                timeout=RUNNING,
                result_ttl=0,
                ttl=WAITING,
                failure_ttl=FAILED,
                description=DESCRIPTION,
            )
            for key in keys
        )
        return True

    def trouble(self) -> str | None:
        """Why Redis would not take a ring, tried with a write; None when it would."""
        if self._redis is None:
            return "REDIS_URL is not set"
        try:
            redis_server.try_write(self._redis)
        except redis.RedisError as error:
            redis_server.forget(self._redis)
            return str(redis_server.why(error))
        return None

    def alive(self) -> bool:
        """Whether Redis takes a write within 0.2 seconds."""
        return self.trouble() is None

    def census(self) -> Census | None:
        """Count workers and jobs without changing anything; None when Redis does not answer."""
        if self._redis is None:
            return None
        try:
            return Census(
                workers=tuple(_workers(self._redis)),
                jobs=tuple(line for queue in self._queues.values() for line in _jobs(queue)),
            )
        except redis.RedisError:
            return None

    def close(self) -> None:
        """Give the connections back."""
        if self._redis is not None:
            self._redis.close()


def _workers(client: "redis.Redis") -> Iterator[RqWorker]:
    """The workers whose key lives: one that was killed stays in the set of all of them."""
    members: Iterable[bytes] = client.smembers(REDIS_WORKER_KEYS)  # type: ignore[assignment]
    keys = sorted(members)
    asked = client.pipeline(transaction=False)
    for key in keys:
        asked.hmget(key, "queues", "state")
    for key, (queues, state) in zip(keys, asked.execute(), strict=True):
        if state is not None:
            name = key.decode(errors="replace").removeprefix(_PREFIX)
            yield RqWorker(name, (queues or b"").decode(errors="replace"), state.decode())


def _jobs(queue: Queue) -> list[tuple[str, str, int]]:
    # With `cleanup` these counts would move jobs between registries.
    return [
        (queue.name, "queued", queue.count),
        (queue.name, "started", StartedJobRegistry(queue=queue).get_job_count(cleanup=False)),
        (queue.name, "failed", FailedJobRegistry(queue=queue).get_job_count(cleanup=False)),
    ]
