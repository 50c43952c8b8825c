"""Read the number of an aggregate out of a job of Redis, and nothing else.

RQ's job names what is to be imported and run, in many places of a hash that anybody may have
written who reaches Redis (ADR 0019). Here a job is one function of ours with one number; a hash
that says anything else is dropped without a look at what that is.
"""

import json
import re
import time
import zlib
from collections.abc import Sequence
from typing import Any, Final

import redis
import structlog
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from sqlalchemy.exc import SQLAlchemyError

from workers import jobs
from workers.bell import JOB, QUEUES

_ID: Final = re.compile(rb"[A-Za-z0-9_-]{1,80}")
_LONGEST: Final = 1000  # bytes of our JSON
_HIGHEST: Final = 2**63
# What RQ itself writes with a ring of ours; any other field, and any of the callbacks' names that
# is not empty, is not from us.
_USUAL: Final = frozenset(
    {
        *(b"created_at", b"enqueued_at", b"started_at", b"ended_at", b"last_heartbeat"),
        *(b"data", b"origin", b"description", b"status", b"worker_name"),
        *(b"timeout", b"ttl", b"result_ttl", b"failure_ttl"),
    }
)
_TELL: Final = 1.0  # seconds between two notes of what was dropped

log = structlog.get_logger(__name__)


class Dropped:
    """How much was dropped, noted in the log and in SQL at most once a second."""

    def __init__(self) -> None:
        self._count = 0
        self._told = float("-inf")

    def one(self) -> None:
        """One more."""
        self._count += 1
        if time.monotonic() - self._told >= _TELL:
            self.tell()

    def tell(self) -> None:
        """Note what was not noted yet."""
        if not self._count:
            return
        log.warning("jobs in Redis were not ours and are dropped", count=self._count)
        try:
            jobs.count_dropped(self._count)
        except SQLAlchemyError:
            log.exception("the dropped jobs could not be counted")
        self._count, self._told = 0, time.monotonic()


dropped = Dropped()


class RingJob(Job):
    """RQ's job, strict: whatever stands in Redis, it is one number or nothing.

    Nothing else of RQ's jobs is used (`entry.Worker.execute_job`): no callbacks, no dependents.
    """

    aggregate: int

    @classmethod
    def fetch(
        cls, job_id: str, connection: redis.Redis | None = None, serializer: Any = None
    ) -> "RingJob":
        """The ring of this id. Raises NoSuchJobError for all that is none; RQ then passes on."""
        if connection is None or not _ID.fullmatch(job_id.encode("utf-8", "replace")):
            dropped.one()
            raise NoSuchJobError("not an id of ours")
        ring = cls(job_id, connection=connection, serializer=serializer)
        ring.refresh()
        return ring

    def refresh(self) -> None:
        """Take it out of Redis: what comes of it stands in SQL. Raises NoSuchJobError."""
        with self.connection.pipeline() as taking:
            taking.hgetall(self.key)
            taking.delete(self.key)
            found = taking.execute(raise_on_error=False)[0]
        if isinstance(found, redis.ResponseError):
            if "WRONGTYPE" not in str(found):
                raise found
            found = {b"data": b""}
        if not found:
            raise NoSuchJobError("it ran out")
        self.restore(found)

    def restore(self, raw_data: Any) -> None:
        """Read the number out of a hash. Raises NoSuchJobError where it holds anything else."""
        aggregate = _aggregate(raw_data)
        if aggregate is None:
            dropped.one()
            raise NoSuchJobError("not a ring of ours")
        self.aggregate = aggregate
        self.origin = raw_data[b"origin"].decode()


class RingQueue(Queue):
    """RQ's queue, strict: only ids come out of it."""

    @classmethod
    def lpop(
        cls, queue_keys: Sequence[str], timeout: int | None, connection: redis.Redis | None = None
    ) -> Any:
        """The next queue and id, as RQ gives them; what is no id is dropped."""
        while True:
            found = super().lpop(queue_keys, timeout, connection)
            if found is None or (isinstance(found[1], bytes) and _ID.fullmatch(found[1])):
                return found
            dropped.one()


def _aggregate(raw: dict[bytes, bytes]) -> int | None:
    """The number, if the whole hash is what a bell writes."""
    if any(value and key not in _USUAL for key, value in raw.items()):
        return None
    if raw.get(b"origin", b"").decode("ascii", "replace") not in QUEUES:
        return None
    try:
        text = zlib.decompressobj().decompress(raw[b"data"], _LONGEST)
        said = json.loads(text)
    except (KeyError, zlib.error, ValueError, RecursionError):
        return None
    if not (isinstance(said, list) and len(said) == 4 and isinstance(said[2], list)):
        return None
    name, instance, arguments, named = said
    if (name, instance, named) != (JOB, None, {}) or len(arguments) != 1:
        return None
    (number,) = arguments
    usable = type(number) is int and 0 < number < _HIGHEST
    return number if usable else None
