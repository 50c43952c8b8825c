"""List the faults, and how often each is drawn; `chaos.breaking` causes them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

REMOTES = ("drchrono", "oncall")


class Kind(StrEnum):
    """Each way in which a run is broken."""

    WORKER_KILLED = "worker killed"
    WORKER_PAUSED = "worker paused beyond its lease"
    WEB_KILLED = "web killed"
    WEB_HALF_KILLED = "one web process killed"
    BEAT_KILLED = "beat killed"
    BEATS_KILLED = "both beats killed"
    BEAT_STOPPED = "beat stopped"
    BEATS_STOPPED = "both beats stopped"
    REDIS_FLUSHED = "Redis flushed"
    REDIS_KILLED = "Redis killed"
    REDIS_RESTARTED = "Redis restarted, its data kept or not"
    DATABASE_STOPPED = "PostgreSQL restarted"
    DATABASE_CRASHED = "PostgreSQL crashed"
    WEBHOOKS_DROPPED = "webhooks dropped"
    WEBHOOKS_DELAYED = "webhooks delayed"
    WEBHOOKS_DOUBLED = "webhooks doubled"
    WEBHOOKS_REORDERED = "webhooks reordered"
    STATUS = "answered 500, 502, 503"
    THROTTLED = "answered 429"
    HTML = "answered HTML"
    GARBAGE = "answered garbage"
    STALE = "read stale"
    DROPPED = "line dropped before"
    DROPPED_AFTER = "answer dropped after committing"
    LATE = "committed late, line dropped"
    LATE_HELD = "committed late, line held"
    HUNG = "hung past the deadline"
    LISTS_LAG = "lists lag"
    TOKEN_EXPIRED = "token expired"  # noqa: S105 - a name


OF_POSTGRESQL = frozenset({Kind.DATABASE_STOPPED, Kind.DATABASE_CRASHED})
# What takes seconds to come back from is drawn less often than what befalls one call.
_WEIGHTS = {
    **dict.fromkeys(Kind, 6),
    **dict.fromkeys(
        (
            *(Kind.WORKER_KILLED, Kind.WEB_HALF_KILLED, Kind.REDIS_FLUSHED, Kind.BEAT_KILLED),
            Kind.LISTS_LAG,
        ),
        3,
    ),
    **dict.fromkeys(
        (
            *(Kind.WORKER_PAUSED, Kind.WEB_KILLED, Kind.BEATS_KILLED, Kind.BEAT_STOPPED),
            *(Kind.BEATS_STOPPED, Kind.REDIS_KILLED, Kind.REDIS_RESTARTED),
            *(Kind.DATABASE_STOPPED, Kind.DATABASE_CRASHED, Kind.HUNG, Kind.TOKEN_EXPIRED),
        ),
        1,
    ),
}
_WEBHOOKS = {
    Kind.WEBHOOKS_DROPPED: "drop",
    Kind.WEBHOOKS_DELAYED: "delay",
    Kind.WEBHOOKS_DOUBLED: "duplicate",
    Kind.WEBHOOKS_REORDERED: "reorder",
}
CALLS = {
    Kind.STATUS: "status",
    Kind.THROTTLED: "429",
    Kind.HTML: "html",
    Kind.GARBAGE: "garbage",
    Kind.STALE: "stale",
    Kind.DROPPED: "drop",
    Kind.DROPPED_AFTER: "drop_after",
    Kind.LATE: "late",
    Kind.LATE_HELD: "late",
    Kind.HUNG: "hang",
}
# Those that mean something for writes only, and for reads only.
_OF_WRITES = frozenset({Kind.DROPPED_AFTER, Kind.LATE, Kind.LATE_HELD})
# The calls of the work: what the token's renewal or the set-up meets has tests of its own. A list
# that is stale hides what was just made, for which there is LISTS_LAG, with an end.
_PATHS = {
    "drchrono": r"^/api/(appointments|patients)(/|$)",
    "oncall": r"^/(appointments|participants|contacts)/",
}
_BY_ID = {
    "drchrono": r"^/api/(appointments|patients)/\d+$",
    "oncall": r"^/(appointments|contacts)/\d+/$",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: at which system or process, for how long (a part of the longest, 0 to 1)."""

    kind: Kind
    remote: str
    which: int
    part: float
    call: dict[str, Any] | None = None
    webhooks: dict[str, Any] | None = None


def draw(chance: random.Random, count: int, kinds: Sequence[Kind]) -> list[Fault]:
    """So many faults in a random order: each kind once at least, the rest by weight."""
    rest = chance.choices(kinds, [_WEIGHTS[kind] for kind in kinds], k=max(0, count - len(kinds)))
    drawn = [_drawn(chance, kind) for kind in (*kinds, *rest)]
    chance.shuffle(drawn)
    return drawn


def _drawn(chance: random.Random, kind: Kind) -> Fault:
    remote = "drchrono" if kind is Kind.TOKEN_EXPIRED else chance.choice(REMOTES)
    which, part = chance.randrange(100), chance.random()
    call = webhooks = None
    if kind in _WEBHOOKS:
        webhooks = {"mode": _WEBHOOKS[kind], "times": chance.randint(1, 4)}
        if kind is Kind.WEBHOOKS_DELAYED:
            webhooks["seconds"] = round(1 + 6 * part, 2)
    if kind in CALLS:
        call = _call(chance, kind, remote)
    return Fault(kind, remote, which, part, call, webhooks)


def _call(chance: random.Random, kind: Kind, remote: str) -> dict[str, Any]:
    fault: dict[str, Any] = {"do": CALLS[kind], "match": {"path": _PATHS[remote]}}
    if kind in _OF_WRITES:
        fault["match"]["method"] = chance.choice(("PATCH", "PATCH", "POST"))
    if kind is Kind.STALE:
        fault["match"] = {"path": _BY_ID[remote], "method": "GET"}
    if kind is Kind.STATUS:
        fault["status"] = chance.choice((500, 502, 503))
    if kind is Kind.THROTTLED:
        fault["seconds"] = chance.randint(1, 4)
    if kind is Kind.LATE_HELD:
        fault["then"] = "hang"
    return fault
