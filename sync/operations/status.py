"""Report how the service stands: what waits, what is left of the budget, who was heard of.

Read from SQL alone, so that it can be asked while both remotes are away.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from cryptography.fernet import InvalidToken
from sqlalchemy import Connection

from sync.core.records import SYSTEMS
from sync.matching import preview
from sync.operations import pausing
from sync.operations.diff import showing
from sync.operations.diff.showing import Figure
from sync.outbound.brake import QUIET
from sync.outbound.budget import HOUR, SECOND, Limit, left
from sync.runtime import Sync
from sync.store import attention, calls, pauses
from sync.store.lanes import Lane
from sync.store.service import samples
from sync.store.service.samples import Sample
from sync.store.tables import blockers, journal, work

HEARD_WITHIN: Final = timedelta(hours=1)
HOURS_OF_A_DAY: Final = 24
# A visit booked in DrChrono, the person known (docs/costs.md, C5): the dearest of the usual
# changes. It stands in for the average while no item was worked on in the last hour.
CALLS_OF_ONE: Final = 3.0


class LaneDepth(NamedTuple):
    """What waits in one lane: items, and the seconds since the oldest one's first hint."""

    lane: str
    waiting: int
    oldest_seconds: float


class Heard(NamedTuple):
    """One process, what it is, and the seconds since it was heard of."""

    process: str
    role: str
    seconds_ago: float


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """Calls of the rolling hour: allowed and left (None: no limit), used; closed until (UTC)."""

    limit: int | None
    used: int
    left: int | None
    closed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The answer to "how does it stand?". Times are aware UTC, lengths of time are seconds.

    `budget` is by system. `waits_for_go_live`: nothing is made until somebody accepts it.
    `paused` is what an operator has paused, as `pause` names it.
    `last_sync` is when a change was last written, by direction; a marker is none. `token` is none,
    good, lost (reconnect before `token_until`), expired, or unreadable (none of ENCRYPTION_KEYS
    opens it). `predicted_drain_seconds` is None when nothing waits.
    """

    mode: str
    waits_for_go_live: bool
    lanes: tuple[LaneDepth, ...]
    parked: int
    attention_open: int
    budget: Mapping[str, BudgetLeft]
    predicted_drain_seconds: float | None
    last_sync: Mapping[str, datetime | None]
    heartbeats: tuple[Heard, ...]
    token: str
    token_until: datetime | None
    paused: tuple[str, ...] = ()
    compared: Figure | None = None  # None: the two systems were not compared yet

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON: names and numbers, times as ISO 8601 in UTC."""
        told = asdict(self)
        told["lanes"] = [lane._asdict() for lane in self.lanes]
        told["heartbeats"] = [heard._asdict() for heard in self.heartbeats]
        told["token_until"] = _iso(self.token_until)
        if self.compared is not None:
            times = {name: _iso(getattr(self.compared, name)) for name in ("told_at", "tried_at")}
            told["compared"].update(times)
        told["last_sync"] = {name: _iso(at) for name, at in self.last_sync.items()}
        for name, budget in self.budget.items():
            told["budget"][name]["closed_until"] = _iso(budget.closed_until)
        return told


def lane_depths(conn: Connection, now: datetime) -> tuple[LaneDepth, ...]:
    """What waits in each lane."""
    return tuple(
        LaneDepth(one.lane.name.lower(), one.waiting, round(one.oldest_seconds, 1))
        for one in work.depths(conn, now=now)
    )


def overview(sync: Sync) -> Overview:
    """How the service stands now; makes no remote call. Raises SQLAlchemyError."""
    now = sync.clock()
    state, token_until = token(sync)
    with sync.store.read() as conn:
        lanes = lane_depths(conn, now)
        budget = {name: _budget(conn, name, sync.limits[name], now) for name in SYSTEMS}
        waiting = sum(lane.waiting for lane in lanes)
        return Overview(
            mode=str(sync.settings.sync_mode),
            waits_for_go_live=preview.waits(sync),
            lanes=lanes,
            parked=blockers.count_parked(conn),
            attention_open=attention.count_open(conn),
            budget=budget,
            predicted_drain_seconds=drain_seconds(
                waiting,
                _calls_per_item(conn, now),
                sync.limits["drchrono"],
                budget["drchrono"],
                now,
            ),
            last_sync={
                f"to_{name}": calls.last_write(conn, name, QUIET) for name in reversed(SYSTEMS)
            },
            heartbeats=tuple(
                Heard(process, role, round((now - at).total_seconds(), 1))
                for process, role, at in journal.heard(conn, now - HEARD_WITHIN)
            ),
            token=state,
            token_until=token_until,
            paused=tuple(pausing.said(one.what) for one in pauses.active(conn, now)),
            compared=showing.figure(conn),
        )


def drain_seconds(
    waiting: int, calls_per_item: float, limit: Limit, budget: BudgetLeft, now: datetime
) -> float | None:
    """In how many seconds DrChrono's budget lets what waits be done; None when nothing waits.

    needed = waiting × calls_per_item. What is needed up to the calls that the live lane may still
    make in this hour goes out at the burst rate (limit.burst calls in 1.2 s); the rest at the pace
    at which the rolling hour frees calls (the lane's hourly calls ÷ 3630 s). While DrChrono has
    closed us out, the time until it opens comes on top. The time that the calls take, and OnCall,
    which states no limit, are left out: it is the budget's answer, not a promise.
    """
    if waiting == 0:
        return None
    needed = waiting * calls_per_item
    closed = (budget.closed_until - now).total_seconds() if budget.closed_until else 0.0
    hourly = limit.allowed(Lane.LIVE, imminent=False)
    free = needed if hourly is None else min(needed, max(0, hourly - budget.used))
    burst = free * SECOND.total_seconds() / limit.burst if limit.burst else 0.0
    later = (needed - free) * HOUR.total_seconds() / hourly if hourly else 0.0
    return round(max(0.0, closed) + burst + later, 1)


def _calls_per_item(conn: Connection, now: datetime) -> float:
    """DrChrono's calls of the last hour per run of an item that made any call."""
    found = calls.per_run(conn, "drchrono", now - timedelta(hours=1))
    return CALLS_OF_ONE if found is None else found


def _budget(conn: Connection, system: str, limit: Limit, now: datetime) -> BudgetLeft:
    found = left(conn, system, limit, now)
    return BudgetLeft(found.limit, found.used, found.left, found.closed_until)


def token(sync: Sync) -> tuple[str, datetime | None]:
    """The state of DrChrono's token as in Overview, and until when its access lives."""
    try:
        found = sync.keeper.status()
    except InvalidToken:
        return "unreadable", None
    return str(found.state), found.access_until


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def last_day(sync: Sync) -> list[Sample]:
    """The samples of the last day, one for each hour or so, oldest first."""
    with sync.store.read() as conn:
        taken = samples.since(conn, sync.clock() - timedelta(days=1))
    return thinned(taken, HOURS_OF_A_DAY)


def thinned(taken: list[Sample], most: int) -> list[Sample]:
    """At most so many: of each stretch the sample in which most waited."""
    if len(taken) <= most:
        return taken
    size = -(-len(taken) // most)
    pieces = (taken[at : at + size] for at in range(0, len(taken), size))
    return [max(piece, key=lambda one: one.waiting) for piece in pieces]
