"""A run reads the token pair once, and takes a newer one where that is refused."""

from dataclasses import replace

import pytest

from sync.drchrono.keeper import TokenKeeper
from tests.unit.clients.test_keeper import APPLICATION, Clock, MemoryStore, connected, pair


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    made = MemoryStore(clock)
    connected(made)
    return made


@pytest.fixture
def keeper(store, script, clock):
    return TokenKeeper(store, script.send, APPLICATION, clock, "me")


def reads(store, monkeypatch):
    """Each time that the stored pair is asked for."""
    asked, load = [], store.load
    monkeypatch.setattr(store, "load", lambda provider: asked.append(provider) or load(provider))
    return asked


def test_a_run_reads_the_pair_once(keeper, store, monkeypatch):
    asked = reads(store, monkeypatch)
    with keeper.kept(None):
        assert [keeper.access_token() for _ in range(3)] == ["a1"] * 3
    assert len(asked) == 1
    with keeper.kept(store.token):
        assert (keeper.access_token(), keeper.version_used()) == ("a1", 1)
    assert len(asked) == 1
    keeper.access_token()
    keeper.access_token()
    assert len(asked) == 3


def test_a_long_run_reads_it_anew(keeper, store, clock):
    with keeper.kept(store.token):
        store.token = replace(store.token, access="a2", version=2)
        assert keeper.access_token() == "a1"
        clock.forward(seconds=15)
        assert (keeper.access_token(), keeper.version_used()) == ("a2", 2)


def test_a_run_whose_pair_is_refused_takes_the_newer_one(keeper, store, script):
    with keeper.kept(store.token):
        assert keeper.access_token() == "a1"
        store.token = replace(store.token, access="a2", version=2)
        assert keeper.renew_after_refusal(keeper.version_used())
        assert (keeper.access_token(), keeper.version_used()) == ("a2", 2)
    assert script.calls == []


def test_a_run_keeps_what_it_renewed(keeper, script, clock, store, monkeypatch):
    clock.forward(hours=24)
    script.then(pair(2))
    with keeper.kept(store.token):
        assert keeper.access_token() == "a2"
        asked = reads(store, monkeypatch)
        assert keeper.access_token() == "a2"
    assert asked == []
