"""The contract of a work item, sentence by sentence, on both databases.

C… are rows of docs/costs.md.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from sync.store.lanes import Hints, Lane
from sync.store.schema import work as table
from sync.store.tables import claims, links, work
from sync.store.tables.claims import FenceLostError
from sync.store.tables.work import Wait

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DRCHRONO, ONCALL, BOTH = Hints.of("drchrono"), Hints.of("oncall"), Hints.both()
NONE = Hints()
LEASE = 45.0


def at(seconds):
    return T0 + timedelta(seconds=seconds)


class Queue:
    """The functions under test, one transaction each, times in seconds after T0."""

    def __init__(self, store, key):
        self.store, self.key = store, key

    def ask(self, seconds, hints=DRCHRONO, **how):
        with self.store.write() as conn:
            return work.raise_(conn, self.key, now=at(seconds), hints=hints, **how)

    def claim(self, seconds, owner="w1"):
        with self.store.write() as conn:
            return claims.claim(conn, self.key, owner=owner, now=at(seconds), seconds=LEASE)

    def lock(self, seconds, owner="w2"):
        with self.store.write() as conn:
            return claims.try_lock(conn, self.key, owner=owner, now=at(seconds), seconds=LEASE)

    def complete(self, lease):
        with self.store.write() as conn:
            return claims.complete(conn, lease, ended=T0)

    def hold(self, lease, seconds):
        with self.store.write() as conn:
            claims.hold(conn, lease, now=at(seconds), seconds=LEASE)

    def defer(self, lease, due, **how):
        with self.store.write() as conn:
            claims.defer(conn, lease, due=at(due), **how)

    def give_back(self, lease):
        with self.store.write() as conn:
            claims.give_back(conn, lease)

    def sweep(self, seconds, ring_again=10):
        with self.store.write() as conn:
            found = work.due_items(conn, now=at(seconds), ring_again=ring_again)
        return [key for key, _ in found]

    def any_due(self, seconds, ring_again=10):
        with self.store.read() as conn:
            return work.any_due(conn, now=at(seconds), ring_again=ring_again)

    def row(self):
        with self.store.read() as conn:
            return conn.execute(select(table).where(table.c.aggregate == self.key)).one()


@pytest.fixture
def queue(store):
    with store.write() as conn:
        key = links.new_aggregate(conn, "visit", T0)
    return Queue(store, key)


# --- what one raise is ----------------------------------------------------------------------------


def test_an_item_carries_only_a_key_and_which_side_was_hinted():
    assert {column.name for column in table.columns} == {
        *("aggregate", "wanted", "done", "lane", "due", "first_hint", "hint_drchrono"),
        *("hint_oncall", "attempts", "lease_by", "lease_until", "fence", "rung_at", "own"),
        *("claimed", "ended_at"),
    }


def test_a_raised_item_is_claimed_once_and_done(queue):
    queue.ask(0)
    lease = queue.claim(0)
    assert (lease.aggregate, lease.owner, lease.fence, lease.hints) == (
        queue.key,
        "w1",
        1,
        DRCHRONO,
    )
    assert lease.until == at(45)
    assert queue.complete(lease) is False
    assert queue.claim(2) is None


def test_what_was_never_raised_can_t_be_claimed(queue):
    assert queue.claim(0) is None


def test_any_number_of_raises_while_it_waits_are_one_run(queue):
    for _ in range(20):
        queue.ask(0)
    assert queue.complete(queue.claim(0)) is False
    assert queue.claim(1) is None


def test_raises_during_a_run_are_exactly_one_more_run(queue):
    queue.ask(0)
    lease = queue.claim(0)
    for _ in range(5):
        queue.ask(1)
    assert queue.claim(1, "w2") is None  # not while it runs
    assert queue.complete(lease) is True
    again = queue.claim(2)
    assert queue.complete(again) is False
    assert queue.claim(3) is None


# --- when it is due -------------------------------------------------------------------------------

WAIT = Wait(settle=1, longest=10)


def test_due_is_settle_after_the_last_hint_but_longest_after_the_first_at_most(queue):
    assert queue.ask(0, wait=WAIT) == at(1)
    assert queue.ask(0.5, wait=WAIT) == at(1.5)
    assert queue.claim(1) is None
    for second in range(1, 9):
        queue.ask(second, wait=WAIT)
    assert queue.ask(9.5, wait=WAIT) == at(10)
    assert queue.claim(9.9) is None
    assert queue.claim(10) is not None


def test_due_is_never_before_the_raise(queue):
    queue.ask(0, wait=WAIT)
    assert queue.ask(60, wait=WAIT) == at(60)


def test_longest_holds_for_the_first_hint_too(queue):
    assert queue.ask(0, wait=Wait(settle=30, longest=10)) == at(10)


def test_what_is_said_during_a_run_settles_anew(queue):
    # Twenty edits within the settle time are one PATCH (C4), also when a run is under way.
    queue.ask(0, wait=WAIT)
    lease = queue.claim(1)
    assert queue.ask(12, wait=WAIT) == at(13)
    queue.complete(lease)
    assert queue.claim(12.9) is None
    assert queue.claim(13) is not None


def test_without_a_wait_it_is_due_at_once(queue):
    assert queue.ask(0) == T0


def test_a_weaker_lane_s_hint_does_not_postpone_and_does_not_demote(queue):
    queue.ask(0)
    assert queue.ask(0, lane=Lane.BULK, wait=WAIT) == at(0)
    assert queue.claim(0).lane is Lane.LIVE


def test_a_stronger_lane_s_hint_promotes(queue):
    queue.ask(0, lane=Lane.BULK)
    queue.ask(0, lane=Lane.LIVE)
    assert queue.claim(0).lane is Lane.LIVE


def test_a_new_round_has_its_own_lane(queue):
    queue.ask(0)
    queue.complete(queue.claim(0))
    queue.ask(1, lane=Lane.BULK)
    assert queue.claim(1).lane is Lane.BULK


# --- back-off -------------------------------------------------------------------------------------


def test_a_failed_run_waits_and_counts(queue):
    queue.ask(0)
    queue.defer(queue.claim(0), due=600, failed=True)
    assert queue.claim(599) is None
    again = queue.claim(600)
    assert (again.attempts, again.hints) == (1, DRCHRONO)
    queue.complete(again)
    queue.ask(602)
    assert queue.claim(602).attempts == 0


def test_a_deferred_run_burns_no_attempt(queue):
    queue.ask(0)
    queue.defer(queue.claim(0), due=600)
    assert queue.claim(600).attempts == 0


@pytest.mark.parametrize("lane", [Lane.LIVE, Lane.CATCHUP])
def test_a_new_raise_wakes_an_item_from_its_back_off(queue, lane):
    queue.ask(0)
    queue.defer(queue.claim(0), due=600, failed=True)
    assert queue.ask(20, lane=lane, wait=WAIT) == at(21)
    assert queue.claim(21) is not None


def test_edits_that_wake_it_settle_like_any_others(queue):
    queue.ask(0, wait=WAIT)
    queue.defer(queue.claim(1), due=600, failed=True)
    assert queue.ask(100, wait=WAIT) == at(101)
    assert queue.ask(100.5, wait=WAIT) == at(101.5)


def test_what_came_during_a_failed_run_does_not_wait_for_its_back_off(queue):
    queue.ask(0)
    lease = queue.claim(0)
    queue.ask(1, ONCALL, wait=WAIT)
    queue.defer(lease, due=600, failed=True)
    again = queue.claim(2)
    assert again.hints == BOTH


# --- hints ----------------------------------------------------------------------------------------


def test_a_hint_during_a_run_is_the_only_hint_of_the_next(queue):
    queue.ask(0, DRCHRONO)
    lease = queue.claim(0)
    queue.ask(1, ONCALL)
    queue.complete(lease)
    assert queue.claim(2).hints == ONCALL


def test_hints_while_it_waits_add_up(queue):
    queue.ask(0, DRCHRONO)
    queue.ask(0, ONCALL)
    lease = queue.claim(0)
    assert lease.hints == BOTH
    queue.complete(lease)
    queue.ask(2, NONE)
    assert queue.claim(2).hints == NONE


def test_a_deferred_run_may_narrow_its_hints(queue):
    queue.ask(0, BOTH)
    queue.defer(queue.claim(0), due=2, hints=ONCALL)
    assert queue.claim(2).hints == ONCALL


# --- leases and fences ----------------------------------------------------------------------------


def test_a_held_lease_is_not_taken_over_however_often_it_is_renewed(queue):
    queue.ask(0)
    lease = queue.claim(0)
    queue.hold(lease, 40)
    assert queue.claim(84, "w2") is None
    assert queue.claim(85, "w2") is not None


def test_an_abandoned_lease_is_taken_over_with_both_hints(queue):
    queue.ask(0, ONCALL)
    queue.claim(0)
    assert queue.claim(44, "w2") is None
    taken = queue.claim(45, "w2")
    assert (taken.owner, taken.hints, taken.fence) == ("w2", BOTH, 2)
    assert queue.complete(taken) is False
    assert queue.claim(47) is None


@pytest.mark.parametrize(
    ("step", "told"),
    [("hold", {"seconds": 46}), ("complete", {}), ("defer", {"due": 60}), ("give_back", {})],
)
def test_a_fenced_off_owner_is_told_at_every_step(queue, step, told):
    queue.ask(0)
    old = queue.claim(0)
    new = queue.claim(45, "w2")
    before = queue.row()
    with pytest.raises(FenceLostError):
        getattr(queue, step)(old, **told)
    assert queue.row() == before
    queue.complete(new)


def test_a_returned_lease_is_worth_nothing(queue):
    queue.ask(0)
    lease = queue.claim(0)
    queue.complete(lease)
    with pytest.raises(FenceLostError):
        queue.hold(lease, 2)


# --- taking an item that nobody asked for ---------------------------------------------------------


def test_try_lock_takes_an_idle_item_and_gives_it_back_as_it_was(queue):
    lease = queue.lock(0)
    assert queue.claim(0) is None
    assert queue.lock(0, "w3") is None
    queue.give_back(lease)
    assert queue.claim(1) is None  # nothing was wanted, nothing is
    assert queue.lock(1, "w3") is not None


def test_try_lock_leaves_what_waits_waiting(queue):
    queue.ask(0, ONCALL, wait=WAIT)
    lease = queue.lock(0)
    queue.ask(0.5, DRCHRONO, wait=WAIT)
    assert queue.claim(5) is None
    queue.give_back(lease)
    assert queue.claim(5).hints == BOTH


def test_try_lock_never_waits_for_a_run(queue):
    queue.ask(0)
    queue.claim(0)
    assert queue.lock(1) is None


def test_an_item_abandoned_in_a_try_lock_gets_a_run_of_its_own(queue):
    # Its dead worker may have had a call under way: nobody writes there before that was looked at.
    queue.lock(0)
    assert queue.sweep(44) == []
    assert queue.lock(46, "w3") is None
    assert queue.any_due(46) is True
    assert queue.sweep(46) == [queue.key]
    taken = queue.claim(46, "w3")
    assert taken.hints == BOTH
    queue.defer(taken, due=50)  # an unresolved call is left to settle first
    again = queue.claim(50, "w3")
    assert again is not None
    assert queue.complete(again) is False
    assert queue.lock(52) is not None


# --- the sweeper ----------------------------------------------------------------------------------


def test_the_sweeper_rings_once_and_again_when_nobody_came(queue):
    queue.ask(0, wait=WAIT)
    assert queue.sweep(0.5) == []  # not due
    assert queue.sweep(1) == [queue.key]
    assert queue.sweep(1.5) == []
    assert queue.sweep(11) == []
    assert queue.sweep(11.5) == [queue.key]


def test_the_sweeper_rings_nothing_that_is_at_work_or_done(queue):
    queue.ask(0)
    lease = queue.claim(0)
    assert queue.sweep(20) == []
    queue.complete(lease)
    assert queue.sweep(60) == []


def test_the_sweeper_rings_an_abandoned_item(queue):
    queue.ask(0)
    queue.claim(0)
    assert queue.sweep(45) == [queue.key]


def test_a_raise_is_rung_though_an_older_ring_was_just_given(queue):
    queue.ask(0)
    assert queue.sweep(0) == [queue.key]
    lease = queue.claim(0)
    queue.ask(0.5)
    queue.complete(lease)
    assert queue.sweep(1) == [queue.key]


def test_a_raise_is_rung_at_once_though_it_waits_rung_already(queue):
    queue.ask(0)
    assert queue.sweep(0) == [queue.key]
    queue.ask(1)
    assert queue.sweep(1) == [queue.key]


def test_any_due_says_what_the_sweep_would_find(queue):
    assert queue.any_due(0) is False
    queue.ask(0, wait=WAIT)
    assert (queue.any_due(0.9), queue.any_due(1)) == (False, True)
    queue.sweep(1)
    assert queue.any_due(1.5) is False


def test_the_sweep_is_ordered_by_lane_then_age_and_bounded(store):
    with store.write() as conn:
        keys = [links.new_aggregate(conn, "visit", T0) for _ in range(4)]
        raised = [(Lane.BULK, -9), (Lane.LIVE, -1), (Lane.CATCHUP, -5), (Lane.LIVE, -2)]
        for key, (lane, second) in zip(keys, raised, strict=True):
            work.raise_(conn, key, now=at(second), hints=BOTH, lane=lane)
        first = work.due_items(conn, now=T0, ring_again=10, most=3)
        rest = work.due_items(conn, now=T0, ring_again=10, most=3)
    assert first == [(keys[3], Lane.LIVE), (keys[1], Lane.LIVE), (keys[2], Lane.CATCHUP)]
    assert rest == [(keys[0], Lane.BULK)]


# --- what is shown --------------------------------------------------------------------------------


def test_idle_is_neither_wanted_nor_held(queue):
    def idle():
        with queue.store.write() as conn:
            return work.idle(work.locked(conn, queue.key))

    assert idle()
    queue.ask(0)
    assert not idle()
    lease = queue.claim(0)
    assert not idle()
    queue.complete(lease)
    assert idle()
    lock = queue.lock(2)
    assert not idle()
    queue.give_back(lock)
    assert idle()


def test_depths_count_what_waits_by_lane_and_its_age(queue):
    queue.ask(0, lane=Lane.CATCHUP)
    with queue.store.read() as conn:
        live, _told, catchup, bulk = work.depths(conn, now=at(30))
    assert (live.waiting, catchup.waiting, bulk.waiting) == (0, 1, 0)
    assert catchup.oldest_seconds == 30
