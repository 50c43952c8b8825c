"""Permit a run's first read in the transaction that takes its lease, and prove no lease in vain."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from sync.outbound import budget
from sync.outbound.ticket import Ticket
from sync.store.database import Store
from sync.store.schema import call, work
from tests.support.servers.gate_world import OK, World
from tests.support.servers.peer import Peer, Say, serving
from tests.support.sql import counted


@pytest.fixture
def peer() -> Iterator[Peer]:
    with serving() as peer:
        yield peer


@pytest.fixture
def world(store: Store, peer: Peer) -> World:
    return World(store, peer)


def rows(world: World) -> list[tuple[str, str]]:
    """Each call's system and state; what is owed is stored before."""
    with world.store.write():
        pass
    with world.store.read() as conn:
        return [tuple(row) for row in conn.execute(select(call.c.system, call.c.state))]


def ahead(world: World, system: str = "oncall") -> Ticket:
    ticket = world.ticket
    with world.store.write() as conn:
        world.gate.permit_ahead(conn, system, ticket)
    return ticket


def test_it_is_spent_by_the_first_read_of_that_system(world: World, peer: Peer) -> None:
    peer.says(Say(200, OK), Say(200, OK))
    ticket = ahead(world)
    with counted(world.store) as cost:
        world.gate.send(world.get, ticket)
    assert cost.transactions == 0
    assert ticket.ahead == []
    assert rows(world) == [("oncall", "done")]
    world.gate.send(world.get, ticket)
    assert rows(world) == [("oncall", "done")] * 2


def test_what_is_not_used_was_not_sent_and_counts_for_nothing(world: World, peer: Peer) -> None:
    gate = world.gate_with(limits={"drchrono": budget.Limit(2), "oncall": budget.Limit()})
    ticket = world.ticket
    with world.store.write() as conn:
        gate.permit_ahead(conn, "drchrono", ticket)
    gate.give_back(ticket)
    gate.give_back(ticket)
    assert rows(world) == [("drchrono", "unsent")]
    gate.begin(ticket)  # the hour has room for two still
    assert peer.seen == []


def test_another_call_or_a_late_one_asks_for_itself(world: World, peer: Peer) -> None:
    """The windows of the budget are only a little longer than the remote's."""
    peer.says(Say(200, OK), Say(200, OK))
    world.gate.send(world.get, ahead(world, "drchrono"))
    assert rows(world) == [("drchrono", "unsent"), ("oncall", "done")]
    ticket = ahead(world)
    world.clock.forward(0.2)
    world.gate.send(world.get, ticket)
    assert rows(world)[2:] == [("oncall", "unsent"), ("oncall", "done")]


def test_where_there_is_no_room_the_read_asks_when_it_is_its_turn(world: World) -> None:
    gate = world.gate_with(limits={"drchrono": budget.Limit(1), "oncall": budget.Limit()})
    first, second = world.ticket, world.ticket
    with world.store.write() as conn:
        gate.permit_ahead(conn, "drchrono", first)
        gate.permit_ahead(conn, "drchrono", second)
    assert (len(first.ahead), len(second.ahead)) == (1, 0)


def until(world: World) -> object:
    with world.store.read() as conn:
        return conn.execute(select(work.c.lease_until)).scalar_one()


def test_a_lease_is_renewed_for_a_read_only_where_it_may_run_out_meanwhile(
    world: World, peer: Peer
) -> None:
    """It lasts 45 seconds, and a call 20 at the most."""
    peer.says(*[Say(200, OK)] * 3)
    begun = until(world)
    world.clock.forward(24)
    world.gate.send(world.get, world.ticket)
    assert until(world) == begun
    world.clock.forward(2)
    world.gate.send(world.get, world.ticket)
    assert until(world) != begun
