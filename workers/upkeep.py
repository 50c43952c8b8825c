"""Delete what killed workers left in Redis, and what stands where our keys should be.

RQ's own upkeep fetches each job that was left, calls what the job names, and enqueues what it says
depends on it. Here only names and times are looked at, and keys are deleted.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import redis
import structlog
from rq.job import Job
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

_QUEUE: Final = "rq:queue:{0}"
_STARTED: Final = "rq:wip:{0}"
_FAILED: Final = "rq:failed:{0}"
_MOST: Final = 1000  # of one kind in one turn

log = structlog.get_logger(__name__)


def clear(client: redis.Redis, queues: Iterable[str]) -> None:
    """Delete keys of ours that hold another kind of thing: no worker could begin.

    Raises redis.RedisError.
    """
    for key, kind in _kinds(queues):
        found = cast("bytes", client.type(key))
        if found not in {kind, b"none"}:
            client.delete(key)
            log.warning("a key in Redis was not ours and is deleted", kind=kind.decode())


def forget(client: redis.Redis, queues: Iterable[str]) -> None:
    """Delete the jobs whose time ran out, and the names of workers that are gone.

    Any number of workers may do so at once. Raises redis.RedisError.
    """
    for name in queues:
        for registry in (_STARTED, _FAILED):
            _forget_jobs(client, registry.format(name))
        _forget_workers(client, WORKERS_BY_QUEUE_KEY % name)
    _forget_workers(client, REDIS_WORKER_KEYS)


def _kinds(queues: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    yield REDIS_WORKER_KEYS, b"set"
    yield "rq:queues", b"set"
    for name in queues:
        yield _QUEUE.format(name), b"list"
        yield _STARTED.format(name), b"zset"
        yield _FAILED.format(name), b"zset"
        yield WORKERS_BY_QUEUE_KEY % name, b"set"


def _forget_jobs(client: redis.Redis, registry: str) -> None:
    over: Any = client.zrangebyscore(registry, "-inf", time.time(), start=0, num=_MOST)
    if not over:
        return
    prefix = Job.redis_job_namespace_prefix.encode()
    with client.pipeline() as pipeline:
        # An entry is the job's id, or that and the execution's.
        pipeline.delete(*{prefix + entry.split(b":")[0] for entry in over})
        pipeline.zrem(registry, *over)
        pipeline.execute()


def _forget_workers(client: redis.Redis, registry: str) -> None:
    names: Any = client.srandmember(registry, _MOST) or []
    with client.pipeline() as pipeline:
        for name in names:
            pipeline.exists(name)
        there = pipeline.execute() if names else []
    gone = [name for name, here in zip(names, there, strict=True) if not here]
    if gone:
        client.srem(registry, *gone)
