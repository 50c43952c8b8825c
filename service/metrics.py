"""Answer Prometheus from SQL and Redis at each scrape, for all processes at once.

No label holds an id or anything of a person; only the count of refusals is this process's own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from service.doors import Doors
from service.errors import problem
from sync.core.records import SYSTEMS
from sync.operations.diff import showing
from sync.outbound.budget import left
from sync.runtime import Sync
from sync.store import attention
from sync.store.batches import items
from sync.store.tables import blockers, journal, work
from workers.bell import Bell

# Counters of the journal, with the labels that each has.
COUNTERS = {
    "deliveries": ("Webhook calls by source and outcome", ("source", "outcome")),
    "dropped_jobs": ("Jobs in Redis that were not ours, and were not run", ("kind",)),
    "remote_calls": ("Requests to both systems", ("system", "method", "status")),
}


def blueprint(doors: Doors, may_see: Callable[[], bool]) -> Blueprint:
    """/metrics, for those who may see it."""
    routes = Blueprint("metrics", __name__)
    doors.registry.register(_Everything(doors.sync, doors.bell))

    @routes.get("/metrics")
    def metrics() -> Response:
        if not may_see():
            return refusal()
        return Response(generate_latest(doors.registry), content_type=CONTENT_TYPE_LATEST)

    return routes


def refusal() -> Response:
    """Ask for the token of machines (OPS_TOKEN)."""
    answer = problem(401, "unauthorized", "send OPS_TOKEN as Authorization: Bearer …, or sign in")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


class _Everything(Collector):
    """Reads all of it anew at each scrape. Raises SQLAlchemyError when the database is away."""

    def __init__(self, sync: Sync, bell: Bell) -> None:
        self._sync = sync
        self._bell = bell

    def describe(self) -> Iterable[Metric]:
        """Nothing: without this the registry would scrape once when the app is made."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every metric but the refusals."""
        with self._sync.store.read() as conn:
            yield from _queues(conn, self._sync)
            parked, asked = blockers.count_parked(conn), attention.count_open(conn)
            yield _gauge("sync_parked_items", "Objects that wait for a cause to go", parked)
            yield _gauge("sync_attention_open", "Items an operator must decide", asked)
            yield _budget(conn, self._sync)
            yield from _compared(conn, self._sync)
            yield _batches(conn)
            counters = journal.read_counters(conn)
        yield from _counted(counters)
        yield _end_to_end(counters)
        yield from _rq(self._bell)


def _queues(conn: Connection, sync: Sync) -> Iterator[Metric]:
    depth = GaugeMetricFamily(
        "sync_queue_depth",
        "Items that wait, and ids whose turn to be read has not come",
        labels=["lane"],
    )
    oldest = GaugeMetricFamily(
        "sync_oldest_waiting_seconds", "Age of the oldest that waits", labels=["lane"]
    )
    for item in work.depths(conn, now=sync.clock()):
        lane = item.lane.name.lower()
        depth.add_metric([lane], item.waiting)
        oldest.add_metric([lane], item.oldest_seconds)
    yield depth
    yield oldest


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _budget(conn: Connection, sync: Sync) -> Metric:
    family = GaugeMetricFamily(
        "sync_budget_left", "Calls that may still go out this hour", labels=["system"]
    )
    for system in SYSTEMS:
        free = left(conn, system, sync.limits[system], sync.clock()).left
        if free is not None:
            family.add_metric([system], free)
    return family


def _compared(conn: Connection, sync: Sync) -> Iterator[Metric]:
    """What the last comparison of both systems came to; nothing before any could tell."""
    found = showing.figure(conn)
    if found is None:
        return
    yield _gauge(
        "sync_diff_could_not_tell",
        "Whether the last comparison of both systems could not tell",
        found.could_not_tell,
    )
    if found.told_at is None:
        return
    differ = GaugeMetricFamily(
        "sync_differences", "What differs between both systems", labels=["sort"]
    )
    differ.add_metric(["unlinked"], found.unlinked)
    differ.add_metric(["other"], found.different - found.unlinked)
    yield differ
    age = (sync.clock() - found.told_at).total_seconds()
    yield _gauge("sync_diff_age_seconds", "Since both systems were last compared", age)


def _batches(conn: Connection) -> Metric:
    """Of what is brought in; in the queue each batch is one."""
    family = GaugeMetricFamily(
        "sync_batch_items", "Items of batches without an outcome", labels=["kind", "state"]
    )
    for kind, state, count in items.count_waiting(conn):
        family.add_metric([kind, state], count)
    return family


def _counted(counters: list[tuple[str, str, float]]) -> Iterator[Metric]:
    for name, (words, labels) in COUNTERS.items():
        family = CounterMetricFamily(f"sync_{name}", words, labels=labels)
        for _name, pairs, value in counters:
            if _name == name:
                told = dict(pair.split("=", 1) for pair in pairs.split(","))
                family.add_metric([told[label] for label in labels], value)
        yield family


def _end_to_end(counters: list[tuple[str, str, float]]) -> Metric:
    """The journal counts each delivery in its own bucket; Prometheus wants them added up."""
    told: dict[str, float] = defaultdict(float)
    for name, labels, value in counters:
        told[name if not labels else f"{name} {labels}"] += value
    buckets: list[tuple[str, float]] = []
    sofar = 0.0
    for limit in journal.SECONDS_BUCKETS:
        sofar += told[f"end_to_end_bucket le={limit}"]
        buckets.append((str(float(limit)), sofar))
    buckets.append(("+Inf", told["end_to_end_count"]))
    family = HistogramMetricFamily(
        "sync_end_to_end_seconds", "From a webhook to both sides being the same"
    )
    family.add_metric([], buckets, told["end_to_end_sum"])
    return family


def _rq(bell: Bell) -> Iterator[Metric]:
    """Under the names that operators know from RQ's exporters; left out while Redis is away."""
    census = bell.census()
    if census is None:
        return
    labels = ["name", "queues", "state"]
    workers = GaugeMetricFamily("rq_workers", "Workers that are registered in Redis", labels=labels)
    for worker in census.workers:
        workers.add_metric(list(worker), 1)
    yield workers
    jobs = GaugeMetricFamily("rq_jobs", "Jobs by queue and status", labels=["queue", "status"])
    for queue, status, count in census.jobs:
        jobs.add_metric([queue, status], count)
    yield jobs
