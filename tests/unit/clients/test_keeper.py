"""DrChrono's tokens: no renewal is doubled, hurried, or lost unseen."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync.core.errors import (
    AuthFailed,
    Deferred,
    Refused,
    Throttled,
    Transient,
    Unresolved,
)
from sync.core.tokens import StoredToken
from sync.drchrono import oauth
from sync.drchrono.keeper import ConnectionState, ConnectionStatus, TokenKeeper, with_fresh_token
from sync.drchrono.oauth import Application
from sync.outbound.call import Call

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
APPLICATION = Application("client-1", "s3cret", "https://sync.example.org/oauth/callback")
GET = Call("drchrono", "GET", "appointment", "/api/appointments/1")


class Clock:
    def __init__(self):
        self.time = START

    def __call__(self):
        return self.time

    def forward(self, **delta):
        self.time += timedelta(**delta)


class MemoryStore:
    """The store's contract in memory; `log` has what was done, in order."""

    def __init__(self, clock):
        self.clock, self.lock, self.log = clock, threading.Lock(), []
        self.token = self.attempt = self.lease = None

    def load(self, _provider):
        return self.token

    def try_lease(self, _provider, owner, until):
        with self.lock:
            if self.lease and self.lease[0] != owner and self.lease[1] > self.clock():
                return False
            self.lease = (owner, until)
            return True

    def release(self, _provider, owner):
        with self.lock:
            if self.lease and self.lease[0] == owner:
                self.lease = None

    def note_attempt(self, _provider, at):
        self.attempt = at
        self.log.append("noted")

    def attempted_at(self, _provider):
        return self.attempt

    def clear_attempt(self, _provider):
        self.attempt = None
        self.log.append("cleared")

    def forget(self, _provider):
        self.token = None

    def save(self, _provider, pair, version):
        with self.lock:
            if version != (self.token.version if self.token else 0):
                return False
            self.token, self.attempt = replace(pair, version=version + 1), None
            self.log.append("saved")
            return True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return MemoryStore(clock)


def pair(number):
    return {"access_token": f"a{number}", "refresh_token": f"r{number}", "expires_in": 172800}


def connected(store):
    store.token = StoredToken("a1", "r1", START + timedelta(hours=48), START, version=1)


@pytest.fixture
def keeper(store, script, clock):
    connected(store)
    return TokenKeeper(store, script.send, APPLICATION, clock, "me")


def test_a_token_is_used_until_half_of_its_life(keeper, script, clock):
    clock.forward(hours=23, minutes=59)
    assert keeper.access_token() == "a1"
    assert script.calls == []
    assert keeper.status() == ConnectionStatus(ConnectionState.GOOD, START + timedelta(hours=48))


def test_at_half_of_its_life_it_is_renewed_noted_first_and_stored_before_use(
    keeper, store, script, clock
):
    clock.forward(hours=24)

    def send(call):
        store.log.append("sent")
        return script.send(call)

    keeper._send = send
    script.then(pair(2))
    assert keeper.access_token() == "a2"
    assert store.log == ["noted", "sent", "saved"]
    assert script.calls[0].form["refresh_token"] == "r1"
    assert store.token == StoredToken(
        "a2", "r2", START + timedelta(hours=72), START + timedelta(hours=24), version=2
    )
    assert (store.attempt, store.lease) == (None, None)


@pytest.mark.parametrize("shared", [False, True])
def test_two_at_once_renew_once(store, script, clock, shared):
    connected(store)
    clock.forward(hours=24)
    under_way, go_on = threading.Event(), threading.Event()
    note = store.note_attempt

    def slow(provider, at):
        store.note_attempt = note
        under_way.set()
        assert go_on.wait(30)
        note(provider, at)

    store.note_attempt = slow
    script.then(pair(2), pair(3))
    first = TokenKeeper(store, script.send, APPLICATION, clock, "first")
    # Two processes, or two threads of one.
    second = first if shared else TokenKeeper(store, script.send, APPLICATION, clock, "second")
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(first.access_token)
        assert under_way.wait(30)
        # The old access token lives on: nobody waits.
        assert second.access_token() == "a1"
        go_on.set()
        assert renewing.result() == "a2"
    assert second.access_token() == "a2"
    assert len(script.calls) == 1


def test_many_threads_renew_once(store, script, clock):
    connected(store)
    clock.forward(hours=24)
    script.then(pair(2))
    start = threading.Barrier(8)

    def ask(number):
        keeper = TokenKeeper(store, script.send, APPLICATION, clock, f"process {number}")
        start.wait(30)
        return keeper.access_token()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) <= {"a1", "a2"}
    assert len(script.calls) == 1


def test_a_renewal_that_lost_its_lease_meanwhile_is_seen_under_the_lease(keeper, store, clock):
    """The pair that was due has been replaced between the look and the lease."""
    clock.forward(hours=24)
    old, newer = store.token, replace(store.token, access="a2", version=2)
    looks = iter([old, newer])
    store.load = lambda _provider: next(looks)
    assert keeper.access_token() == "a2"


@pytest.mark.parametrize(
    "failure",
    [Transient("connect"), Throttled("throttled", START), Deferred("budget", START)],
)
def test_a_renewal_that_was_not_made_is_tried_again_at_once(keeper, store, script, clock, failure):
    clock.forward(hours=24)
    script.then(failure, pair(2))
    assert keeper.access_token() == "a1"
    assert (store.attempt, store.lease) == (None, None)
    assert keeper.status().state is ConnectionState.GOOD
    assert keeper.access_token() == "a2"


def test_a_lost_rotation_is_told_while_the_old_token_lives(keeper, store, script, clock):
    """The answer was lost: DrChrono may have killed the refresh token or not."""
    clock.forward(hours=24)
    script.then(Unresolved("deadline", 7), AuthFailed("invalid_grant", 8))
    assert keeper.access_token() == "a1"
    clock.forward(minutes=2)
    assert keeper.status() == ConnectionStatus(ConnectionState.LOST, START + timedelta(hours=48))
    assert keeper.access_token() == "a1"
    assert len(script.calls) == 1

    clock.forward(minutes=15)
    assert keeper.access_token() == "a1"
    assert len(script.calls) == 2
    # Now it is known to be dead, and never sent again.
    clock.forward(hours=1)
    assert keeper.access_token() == "a1"
    assert keeper.status() == ConnectionStatus(ConnectionState.LOST, START + timedelta(hours=48))
    assert store.token.refresh == ""

    clock.forward(hours=24)
    assert keeper.status().state is ConnectionState.EXPIRED
    with pytest.raises(AuthFailed) as caught:
        keeper.access_token()
    assert caught.value.code == "token_lost"
    assert len(script.calls) == 2


def test_a_renewal_that_never_arrived_heals_itself(keeper, script, clock):
    clock.forward(hours=24)
    script.then(Unresolved("deadline", 7), pair(2))
    assert keeper.access_token() == "a1"
    clock.forward(minutes=16)
    assert keeper.access_token() == "a2"
    assert keeper.status().state is ConnectionState.GOOD


def test_a_crash_in_mid_renewal_leaves_the_attempt_open(keeper, store, script, clock):
    clock.forward(hours=24)
    script.then(KeyboardInterruptLike())
    with pytest.raises(KeyboardInterruptLike):
        keeper.access_token()
    assert store.attempt == clock()
    clock.forward(minutes=2)
    assert keeper.status().state is ConnectionState.LOST


class KeyboardInterruptLike(Exception):  # noqa: N818 - stands for a process that dies
    pass


@pytest.mark.parametrize("failure", [AuthFailed("invalid_client"), Refused("invalid_request")])
def test_a_renewal_that_is_refused_for_our_own_mistake_is_not_hurried(
    keeper, store, script, clock, failure
):
    clock.forward(hours=24)
    script.then(failure)
    assert keeper.access_token() == "a1"
    assert keeper.access_token() == "a1"
    assert len(script.calls) == 1
    assert store.token.refresh == "r1"


def test_what_failed_is_told_when_the_old_token_is_over(keeper, script, clock):
    clock.forward(hours=48)
    script.then(Transient("connect"))
    with pytest.raises(Transient):
        keeper.access_token()


def test_never_connected(store, script, clock):
    keeper = TokenKeeper(store, script.send, APPLICATION, clock, "me")
    assert keeper.status() == ConnectionStatus(ConnectionState.NONE, None)
    assert keeper.version() == 0
    assert not keeper.renew_after_refusal(0)
    with pytest.raises(AuthFailed) as caught:
        keeper.access_token()
    assert caught.value.code == "not_connected"


def test_an_exchange_stores_nothing_and_says_what_was_granted(keeper, store, script):
    before = store.token
    script.then(pair(5), {**pair(6), "scope": "user:read calendar:read"})
    found, granted = keeper.exchange("code-1")
    assert (found.access, granted, store.token) == ("a5", None, before)
    assert script.calls[0].form["code"] == "code-1"
    assert "code_verifier" not in script.calls[0].form
    _, granted = keeper.exchange("code-2", "proof")
    assert granted == {"user:read", "calendar:read"}
    assert script.calls[1].form["code_verifier"] == "proof"


def test_nobody_renews_while_another_authorisation_is_judged(keeper, script, clock):
    clock.forward(hours=1)
    with keeper.held() as alone:
        assert alone
        script.then(AuthFailed("unauthorised"))
        with pytest.raises(Deferred):
            sender(script, keeper).send(GET, "t")
    script.then(AuthFailed("unauthorised"), pair(2), {"id": "1"})
    assert sender(script, keeper).send(GET, "t").json == {"id": "1"}


def test_a_renewal_without_an_answer_is_lost_at_once(keeper, store, script, clock):
    clock.forward(hours=25)
    script.then(Unresolved("closed"))
    assert keeper.access_token() == store.token.access
    assert keeper.status().state is ConnectionState.LOST


# A 401 in mid-life


def sender(script, keeper):
    """As the gate does, each call with the token asks for it first."""

    class Asking:
        def send(self, call, ticket):
            if call.system == "drchrono" and call.bearer:
                keeper.access_token()
            return script.send(call, ticket)

    return with_fresh_token(Asking(), keeper)


def test_a_401_renews_once_and_sends_again(keeper, store, script, clock):
    clock.forward(hours=1)
    script.then(AuthFailed("unauthorised"), pair(2), {"id": "1"})
    assert sender(script, keeper).send(GET, "ticket").json == {"id": "1"}
    assert [call.endpoint for call in script.calls] == ["appointment", "token", "appointment"]
    assert script.tickets == ["ticket", None, "ticket"]
    assert store.token.access == "a2"


def test_a_401_looks_first_whether_another_has_renewed(keeper, store, script, clock):
    clock.forward(hours=1)
    script.then({"id": "1"})
    real = script.send

    def refused_once(_call, _ticket):
        script.send = real
        store.token = replace(store.token, access="a2", version=2, obtained_at=clock())
        raise AuthFailed("unauthorised")

    script.send = refused_once
    assert sender(script, keeper).send(GET, "t").json == {"id": "1"}
    assert [call.endpoint for call in script.calls] == ["appointment"]


def test_a_new_token_that_is_not_taken_either_is_the_end(keeper, script, clock):
    clock.forward(hours=1)
    script.then(AuthFailed("unauthorised"), pair(2), AuthFailed("unauthorised"))
    with pytest.raises(AuthFailed):
        sender(script, keeper).send(GET, "t")
    assert len(script.calls) == 3
    # Its youth is no reason for the next 401, so it is not spent on it.
    script.then(AuthFailed("unauthorised"))
    with pytest.raises(AuthFailed):
        sender(script, keeper).send(GET, "t")
    assert len(script.calls) == 4


def test_a_401_while_another_renews_waits(keeper, store, script, clock):
    clock.forward(hours=1)
    store.lease = ("another", clock() + timedelta(seconds=60))
    script.then(AuthFailed("unauthorised"))
    with pytest.raises(Deferred) as caught:
        sender(script, keeper).send(GET, "t")
    assert caught.value.until == clock() + timedelta(seconds=5)


def test_a_dead_refresh_token_ends_a_401_as_it_is(keeper, script, clock):
    clock.forward(hours=1)
    script.then(AuthFailed("unauthorised", 1), AuthFailed("invalid_grant", 2))
    with pytest.raises(AuthFailed) as caught:
        sender(script, keeper).send(GET, "t")
    assert (caught.value.code, caught.value.call_id) == ("unauthorised", 1)


@pytest.mark.parametrize("call", [replace(GET, system="oncall"), oauth.refresh(APPLICATION, "r1")])
def test_other_calls_pass_as_they_are(keeper, script, clock, call):
    clock.forward(hours=1)
    script.then(AuthFailed("unauthorised"))
    with pytest.raises(AuthFailed):
        sender(script, keeper).send(call, "t")
    assert len(script.calls) == 1
