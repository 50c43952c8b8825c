"""The budget holds on both databases, whoever asks, counted from the call rows."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from sync.core.errors import Deferred
from sync.outbound import audit, budget
from sync.outbound.budget import BurstError, Left, Limit, widened
from sync.outbound.call import Call
from sync.outbound.ticket import Ticket
from sync.store.lanes import Lane
from sync.store.schema import call
from sync.store.service import spending
from sync.store.tables.work import Wait
from tests.support.servers.races import in_processes, in_threads

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def made(conn, at, state="done", system="drchrono", lane=Lane.LIVE):
    conn.execute(
        insert(call).values(
            system=system, method="GET", endpoint="appointment", lane=lane, state=state, at=at
        )
    )


def permit(conn, limit, clock, lane=Lane.LIVE, *, imminent=False, system="drchrono"):
    """One permit as the gate takes it: the clock is read when it is our turn."""
    spending.my_turn(conn, system)
    now = clock()
    call_made = Call(system, "GET", "appointment", "/appointments/7/")
    ticket = Ticket(lane, imminent=imminent)
    audit.begin(conn, audit.entry(limit, 10), call_made, ticket, key_id="k", now=now)
    return now


def take(store, limit, lane=Lane.LIVE, *, now=T0, imminent=False, system="drchrono"):
    with store.write() as conn:
        return permit(conn, limit, lambda: now, lane, imminent=imminent, system=system)


def exhaust(store, limit, lane):
    """Take until the lane is shut."""
    for _ in range(100):
        try:
            take(store, limit, lane)
        except Deferred:
            return
    raise AssertionError("the lane is never shut")


def times(store):
    with store.read() as conn:
        return list(conn.execute(select(call.c.at).order_by(call.c.at)).scalars())


def most_within(found, window):
    """The most calls in any window of that length, ends included."""
    return max(
        (sum(start <= other < start + window for other in found) for start in found), default=0
    )


class Ticking:
    """A clock for many threads: waiting on it moves it, so nobody really waits."""

    def __init__(self):
        self.now, self.lock = T0, threading.Lock()

    def __call__(self):
        with self.lock:
            self.now += timedelta(milliseconds=7)
            return self.now

    def until(self, moment):
        with self.lock:
            self.now = max(self.now, moment)


def spend(store, clock, limit, tries):
    """Take as the gate does, waiting out bursts; returns how often the hour was used up."""
    deferred = 0
    for _ in range(tries):
        while True:
            try:
                with store.write() as conn:
                    permit(conn, limit, clock)
            except BurstError as full:
                clock.until(full.until)
                continue
            except Deferred:
                deferred += 1
            break
    return deferred


# --- it holds -------------------------------------------------------------------------------------


def test_threads_never_exceed_the_burst_or_the_hour(store):
    clock, limit = Ticking(), Limit(hourly=60, burst=5)
    deferred = sum(in_threads(6, lambda _: spend(store, clock, limit, 15)))
    found = times(store)
    assert (len(found), deferred) == (60, 30)
    assert most_within(found, SECOND) <= 5
    clock.until(found[0] + HOUR + timedelta(minutes=1))
    spend(store, clock, limit, 30)
    found = times(store)
    assert len(found) > 60  # the window rolls on
    assert most_within(found, HOUR) <= 60
    assert most_within(found, SECOND) <= 5


def spend_really(store, _index):
    """By this process's own, real clock."""
    done = 0
    for _ in range(6):
        try:
            take(store, Limit(hourly=10, burst=4), now=datetime.now(UTC))
        except (BurstError, Deferred):
            continue
        done += 1
    return done


def test_processes_never_exceed_the_burst(store):
    assert sum(in_processes(store.url, 3, spend_really)) == len(times(store)) >= 4
    assert most_within(times(store), SECOND) <= 4


def spend_the_hour(store, index):
    """Apart in time, so that only the hour's limit holds; each process its own minutes."""
    done = 0
    for step in range(8):
        try:
            take(store, Limit(hourly=10), now=T0 + timedelta(minutes=3 * step + index))
        except Deferred:
            continue
        done += 1
    return done


def test_processes_never_exceed_the_hour(store):
    assert sum(in_processes(store.url, 3, spend_the_hour)) == len(times(store)) == 10


def test_first_takers_at_the_same_moment_make_one_turn(store):
    assert len(in_threads(6, lambda _: take(store, Limit(hourly=10)))) == 6


def test_the_time_noted_is_that_of_the_turn_not_of_the_queue(store):
    """Whoever waited for its turn calls later than it came, and its row says so."""
    clock, came, looked_early = Ticking(), threading.Event(), threading.Event()

    def first(_index):
        with store.write() as conn:
            permit(conn, Limit(10), clock)
            came.set()
            looked_early.wait(0.3)
            clock.until(T0 + timedelta(minutes=5))

    def second(_index):
        def look():
            looked_early.set()
            return clock()

        came.wait(10)
        with store.write() as conn:
            return permit(conn, Limit(10), look)

    _, at = in_threads(2, lambda index: (first, second)[index](index))
    assert at >= T0 + timedelta(minutes=5)


# --- windows --------------------------------------------------------------------------------------


def test_a_burst_says_when_the_next_may_go(store):
    limit = Limit(burst=2)
    take(store, limit)
    take(store, limit, now=T0 + timedelta(milliseconds=500))
    with pytest.raises(BurstError) as full:
        take(store, limit, now=T0 + timedelta(milliseconds=900))
    assert full.value.until == T0 + timedelta(milliseconds=1200)
    take(store, limit, now=full.value.until)
    assert len(times(store)) == 3


def test_deferred_until_is_the_moment_when_the_lane_may_go_again(store):
    limit = Limit(hourly=4)
    for minute in range(4):
        take(store, limit, now=T0 + timedelta(minutes=minute))
    with pytest.raises(Deferred) as full:
        take(store, limit, now=T0 + timedelta(minutes=30))
    # The oldest call leaves the window an hour (and the margin of half a minute) after it was made.
    assert full.value.until == T0 + timedelta(hours=1, seconds=30)
    with pytest.raises(Deferred):
        take(store, limit, now=full.value.until - timedelta(seconds=1))
    take(store, limit, now=full.value.until)


def test_a_lane_over_its_share_waits_for_as_many_calls_as_it_is_over(store):
    limit = Limit(hourly=20)
    for minute in range(20):
        take(store, limit, now=T0 + timedelta(minutes=minute))
    # Bulk may use 85 %, 17 calls: 20 are made, so 4 must leave; the 4th was at minute 3.
    with pytest.raises(Deferred) as full:
        take(store, limit, Lane.BULK, now=T0 + timedelta(minutes=30))
    assert full.value.until == T0 + timedelta(minutes=63, seconds=30)
    take(store, limit, Lane.BULK, now=full.value.until)


def test_what_never_left_this_machine_is_not_counted_and_every_other_outcome_is(store):
    with store.write() as conn:
        for state in ("open", "done", "refused", "unresolved", "looked", "redirected"):
            made(conn, T0, state)
        made(conn, T0, "unsent")
        made(conn, T0, system="oncall")
        found = budget.left(conn, "drchrono", Limit(500), T0)
    assert (found.used, found.left) == (6, 494)


def test_a_system_without_limits_is_open(store):
    for _ in range(30):
        take(store, Limit(), system="oncall")


# --- lanes and reserve ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lane", "imminent", "allowed"),
    [
        (Lane.LIVE, True, 500),  # who starts soon may use the reserve of 10 % too
        (Lane.CATCHUP, True, 500),
        (Lane.LIVE, False, 450),
        (Lane.CATCHUP, False, 405),
        (Lane.BULK, False, 382),
    ],
)
def test_what_each_lane_may_use_of_the_hour(lane, imminent, allowed):
    assert Limit(500, 10, 0.1).allowed(lane, imminent=imminent) == allowed


def test_lanes_are_shut_one_after_the_other(store):
    limit, lanes = Limit(hourly=20, reserve=0.1), (Lane.BULK, Lane.CATCHUP, Lane.LIVE)
    used = []
    for lane in lanes:
        exhaust(store, limit, lane)
        used.append(len(times(store)))
    # 18 without the reserve: bulk 85 % of it, catch-up 90 %, live all.
    assert used == [15, 16, 18]
    for _ in range(2):
        take(store, limit, imminent=True)
    with pytest.raises(Deferred):
        take(store, limit, imminent=True)


# --- what is shown, and the settle time -----------------------------------------------------------


def test_left_tells_a_closing_time_that_is_still_to_come(store):
    with store.write() as conn:
        spending.close_until(conn, "drchrono", T0 + SECOND)
        assert budget.left(conn, "drchrono", Limit(500), T0).closed_until == T0 + SECOND
        assert budget.left(conn, "drchrono", Limit(500), T0 + SECOND).closed_until is None
        assert budget.left(conn, "oncall", Limit(), T0) == Left("oncall", None, 0, None)


@pytest.mark.parametrize(
    ("used", "settle", "longest"),
    [(0, 1, 10), (250, 1, 10), (375, 2, 10), (475, 10, 10), (480, 12.5, 12.5), (500, 30, 30)],
)
def test_the_settle_time_widens_beyond_half_of_the_budget(used, settle, longest):
    found = widened(Wait(1, 10), Left("drchrono", 500, used, None))
    assert (found.settle, found.longest) == (settle, longest)


def test_without_a_limit_the_settle_time_stays():
    assert widened(Wait(1, 10), Left("oncall", None, 9999, None)) == Wait(1, 10)
