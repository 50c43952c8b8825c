"""Eight processes share one budget, over restarts and a flushed Redis, on a simulated clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import redis
from sqlalchemy import select

from sync.core.errors import NotBefore, Throttled
from sync.outbound import brake
from sync.outbound.budget import Limit
from sync.outbound.call import Call, Incoming
from sync.outbound.gate import Gate, Rules, Ticket
from sync.store.database import Store
from sync.store.lanes import Lane
from sync.store.schema import call
from tests.support.chains import CHAIN
from tests.support.servers.forks import CONTEXT
from tests.support.servers.gate_world import T0, Headers
from tests.support.servers.races import in_processes

HOURLY, BURST, TRIES = 50, 10, 16
GET = Call("drchrono", "GET", "appointment", "/api/appointments/5")
LANES = (Lane.LIVE, Lane.LIVE, Lane.CATCHUP, Lane.BULK)
THROTTLED_AT, THROTTLED_FOR = 5, 600
BEFORE = timedelta(seconds=5)  # the end that it said is counted from its answer, not from our row


@dataclass(frozen=True)
class SharedClock:
    """One time for all processes, in seconds since T0; looking at it takes 7 milliseconds."""

    seconds: Any

    def __call__(self) -> datetime:
        with self.seconds.get_lock():
            self.seconds.value += 0.007
            return T0 + timedelta(seconds=self.seconds.value)

    def forward(self, seconds: float) -> None:
        with self.seconds.get_lock():
            self.seconds.value += seconds

    def until(self, moment: datetime) -> None:
        with self.seconds.get_lock():
            self.seconds.value = max(self.seconds.value, (moment - T0).total_seconds())


@dataclass(frozen=True)
class SharedWire:
    """The remote: it counts what reaches it from all processes, and answers 429 once."""

    seen: Any

    def send(self, request: object) -> Incoming:
        del request
        with self.seen.get_lock():
            self.seen.value += 1
            number = self.seen.value
        if number == THROTTLED_AT:
            headers = {"retry-after": str(THROTTLED_FOR), "content-type": "application/json"}
            return Incoming(429, headers, b"{}", 0.0)
        return Incoming(200, {"content-type": "application/json"}, b'{"id": 5}', 0.0)


def gate_of(store: Store, clock: SharedClock, wire: SharedWire) -> Gate:
    rules = Rules(
        bases={"drchrono": "http://127.0.0.1:1", "oncall": "http://127.0.0.1:1"},
        limits={"drchrono": Limit(HOURLY, BURST, 0.1), "oncall": Limit()},
        brake=brake.BrakeRule(10, 0.05),
        lease_seconds=45,
        longest=timedelta(seconds=20),
        writes_per_day=10,
        writing=True,
        key_id="key-1",
    )
    return Gate(store, wire, Headers(), rules, clock=clock, sleep=clock.forward)


def work(clock: SharedClock, wire: SharedWire, redis_url: str, store: Store, index: int) -> int:
    """One process: what it is refused it tries when it may; in the middle it starts anew."""
    opened, deferred = store, 0
    for turn in range(TRIES):
        if turn == TRIES // 2:
            opened = Store(store.url, chain=CHAIN)
            if index == 0:
                redis.Redis.from_url(redis_url).flushall()
        ticket = Ticket(LANES[index % len(LANES)], imminent=index == 0)
        try:
            gate_of(opened, clock, wire).send(GET, ticket)
        except Throttled:
            deferred += 1
            clock.forward(90)  # too early again for some tries, whoever makes them
        except NotBefore as closed:
            deferred += 1
            clock.until(closed.until)
    opened.close()
    return deferred


def most_within(times: list[datetime], window: timedelta) -> int:
    return max(sum(one <= other < one + window for other in times) for one in times)


def test_never_more_than_the_limit_whatever_happens(postgres_url: str, redis_url: str) -> None:
    store = Store(postgres_url, chain=CHAIN)
    store.migrate()
    clock, wire = SharedClock(CONTEXT.Value("d", 0.0)), SharedWire(CONTEXT.Value("i", 0))
    deferred = sum(in_processes(store.url, 8, partial(work, clock, wire, redis_url)))
    with store.read() as conn:
        rows = conn.execute(select(call).order_by(call.c.at)).all()
    at = [row.at for row in rows]
    # Each that was not deferred went out, and is a row; one of them was the 429.
    assert len(rows) == wire.seen.value == 8 * TRIES - deferred + 1
    assert most_within(at, timedelta(seconds=1)) <= BURST
    # 85 % of 90 % are everybody's: nobody was deferred before they were used.
    assert 38 <= most_within(at, timedelta(hours=1)) <= HOURLY
    assert at[-1] - at[0] > timedelta(hours=1)  # the window rolled on
    # On the 429 all waited together; a minute is more than what was on its way then can take.
    (refused,) = [row.ended_at for row in rows if row.status == 429]
    opens = refused + timedelta(seconds=THROTTLED_FOR)
    assert not [one for one in at if refused + timedelta(minutes=1) < one < opens - BEFORE]
    assert [one for one in at if one >= opens]
    store.close()
