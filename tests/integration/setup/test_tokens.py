"""Store the tokens sealed and versioned, and renew them one at a time; on both databases."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import select

from sync.core.tokens import StoredToken
from sync.store.schema import token
from sync.store.tokens import SealedTokens
from tests.support.servers.races import in_processes, in_threads

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY, OLDER = ("A" * 43 + "=", "B" * 42 + "A=")
PAIR = StoredToken("access-canary", "refresh-canary", T0 + timedelta(hours=48), T0)
MINUTE = timedelta(minutes=1)


class Clock:
    def __init__(self):
        self.now = T0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(store, clock):
    return SealedTokens(store, (KEY,), clock)


def row(store):
    with store.read() as conn:
        return conn.execute(select(token)).one()


# --- sealed ---------------------------------------------------------------------------------------


def test_what_is_saved_is_loaded(tokens):
    assert tokens.load("drchrono") is None
    assert tokens.save("drchrono", PAIR, 0)
    assert tokens.load("drchrono") == StoredToken(
        "access-canary", "refresh-canary", T0 + timedelta(hours=48), T0, version=1
    )
    assert tokens.load("other") is None


def test_the_database_holds_no_text_of_a_token(tokens, store):
    tokens.try_lease("drchrono", "me", T0 + MINUTE)
    tokens.note_attempt("drchrono", T0)
    tokens.save("drchrono", PAIR, 0)
    found = row(store)
    assert b"canary" not in found.sealed
    assert not any("canary" in str(value) for value in found)
    opened = json.loads(Fernet(KEY).decrypt(found.sealed))
    assert opened == {"access": "access-canary", "refresh": "refresh-canary"}


def test_an_older_key_still_opens_and_the_next_pair_is_sealed_with_the_new_one(store, clock):
    SealedTokens(store, (OLDER,), clock).save("drchrono", PAIR, 0)
    rotated = SealedTokens(store, (KEY, OLDER), clock)
    assert rotated.load("drchrono").access == "access-canary"
    rotated.save("drchrono", PAIR, 1)
    assert SealedTokens(store, (KEY,), clock).load("drchrono").version == 2


def test_without_the_key_nothing_is_opened(store, tokens, clock):
    tokens.save("drchrono", PAIR, 0)
    with pytest.raises(InvalidToken):
        SealedTokens(store, (OLDER,), clock).load("drchrono")


def test_a_forgotten_pair_is_as_if_it_had_never_been(tokens):
    tokens.save("drchrono", PAIR, 0)
    tokens.save("drchrono", PAIR, 1)
    tokens.forget("drchrono")
    assert tokens.load("drchrono") is None
    assert tokens.save("drchrono", PAIR, 0)


# --- versions and attempts ------------------------------------------------------------------------


def test_a_pair_replaces_only_the_version_that_it_renewed(tokens):
    assert tokens.save("drchrono", PAIR, 0) is True
    late = StoredToken("late", "late", T0, T0)
    assert tokens.save("drchrono", late, 0) is False
    assert tokens.save("drchrono", late, 2) is False
    assert tokens.load("drchrono").access == "access-canary"
    assert tokens.save("drchrono", late, 1) is True
    assert tokens.load("drchrono").version == 2


def test_a_first_pair_is_version_0_s_successor_and_no_other_s(tokens):
    assert tokens.save("drchrono", PAIR, 1) is False
    assert tokens.load("drchrono") is None


def test_an_attempt_stays_until_it_is_cleared_or_a_pair_is_saved(tokens):
    tokens.save("drchrono", PAIR, 0)
    tokens.note_attempt("drchrono", T0)
    assert tokens.attempted_at("drchrono") == T0
    tokens.clear_attempt("drchrono")
    assert tokens.attempted_at("drchrono") is None
    tokens.note_attempt("drchrono", T0)
    tokens.save("drchrono", PAIR, 0)  # refused: another version is stored
    assert tokens.attempted_at("drchrono") == T0
    tokens.save("drchrono", PAIR, 1)
    assert tokens.attempted_at("drchrono") is None


# --- the lease ------------------------------------------------------------------------------------


def test_one_owner_holds_the_lease_until_it_ends_or_is_released(tokens, clock):
    assert tokens.try_lease("drchrono", "me", T0 + MINUTE)
    assert tokens.try_lease("drchrono", "me", T0 + MINUTE)  # its own again
    assert not tokens.try_lease("drchrono", "you", T0 + MINUTE)
    tokens.release("drchrono", "you")
    assert not tokens.try_lease("drchrono", "you", T0 + MINUTE)
    tokens.release("drchrono", "me")
    assert tokens.try_lease("drchrono", "you", T0 + MINUTE)
    clock.now = T0 + MINUTE
    assert tokens.try_lease("drchrono", "me", T0 + 2 * MINUTE)
    tokens.release("drchrono", "you")  # too late: it is mine
    assert not tokens.try_lease("drchrono", "you", T0 + 3 * MINUTE)


def test_the_lease_is_there_before_the_first_pair(tokens):
    assert tokens.try_lease("drchrono", "me", T0 + MINUTE)
    assert tokens.load("drchrono") is None
    assert tokens.save("drchrono", PAIR, 0)


def leases(store, index):
    keeper = SealedTokens(store, (KEY,), lambda: T0)
    return keeper.try_lease("drchrono", f"p{index}", T0 + MINUTE)


def test_of_threads_and_processes_one_gets_the_lease(tokens, store):
    # The row is not there yet, which is where a look before an insert would fail.
    assert sum(in_threads(6, lambda index: leases(store, index))) == 1
    tokens.release("drchrono", row(store).lease_by)
    assert sum(in_processes(store.url, 2, leases)) == 1


def saves(store, index):
    pair = StoredToken(f"a{index}", f"r{index}", T0 + timedelta(hours=48), T0)
    return SealedTokens(store, (KEY,), lambda: T0).save("drchrono", pair, 0)


def test_of_two_first_pairs_one_is_stored(tokens, store):
    outcomes = in_threads(6, lambda index: saves(store, index))
    assert sum(outcomes) == 1
    assert tokens.load("drchrono").access == f"a{outcomes.index(True)}"
