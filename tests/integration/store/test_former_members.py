"""Hand a former member out of its group only while nobody works on the group; on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert, select

from sync.run.hinted import turns
from sync.store import attention as items
from sync.store.database import Store
from sync.store.lanes import Hints
from sync.store.schema import attention, call
from sync.store.tables import attendances, claims, links, told, work
from sync.store.tables.claims import Lease
from sync.store.tables.told import Told
from sync.store.tables.work import Wait

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOW = T0 + timedelta(hours=1)
SAID = Told("drchrono", "appointment", "2", "drchrono:0", "X", None, None, NOW, NOW)


@pytest.fixture
def sync(store: Store) -> Any:
    """As much of a process as the door asks for."""
    limits = {name: SimpleNamespace(hourly=500) for name in ("drchrono", "oncall")}
    settings = SimpleNamespace(unknown_ids_share=0.15, apart_seconds=60.0, lease_seconds=45)
    return SimpleNamespace(store=store, limits=limits, settings=settings, clock=lambda: NOW)


@pytest.fixture
def group(store: Store) -> Iterator[tuple[int, int]]:
    """A group that one appointment is in, and one was and is gone; returns it and the latter."""
    with store.write() as conn:
        key = links.new_aggregate(conn, "visit", T0)
        stays = links.add(conn, key, "drchrono", "appointment", "1", now=T0)
        left = links.add(conn, key, "drchrono", "appointment", "2", now=T0, state="gone")
        attendances.attend(conn, key, appointment=stays.id)
        ended = attendances.attend(conn, key, appointment=left.id)
        attendances.change_attendance(conn, ended, current=False)
        items.open_item(conn, key, "field_refused", now=T0, object_id=left.id)
        conn.execute(
            insert(call).values(
                aggregate=key, object=left.id, system="drchrono", method="PATCH", state="open",
                endpoint="appointment", effect="move", lane=0, at=T0,
            )
        )  # fmt: skip
    return key, left.id


def leased(store: Store, key: int) -> Lease:
    with store.write() as conn:
        work.raise_(conn, key, now=T0, hints=Hints.both())
        lease = claims.claim(conn, key, owner="w", now=NOW, seconds=45)
    assert lease is not None
    return lease


def hear(sync: Any, object_id: int) -> tuple[Any, ...]:
    with sync.store.write() as conn:
        obj = links.get(conn, object_id)
        hearing = turns.Hearing(conn, sync, [(SAID.system, SAID.remote_id)])
        rings = hearing.hear(SAID, obj, Wait(0, 0))
        hearing.end()
        return rings


def stands(store: Store, object_id: int) -> tuple[int, int]:
    """The aggregate that a member is in, and how many ids wait for their turn."""
    with store.read() as conn:
        return links.get(conn, object_id).aggregate, told.count(conn, "drchrono", "asks")


def test_it_leaves_at_once_with_all_that_hangs_on_it(sync: Any, group: tuple[int, int]) -> None:
    key, left = group
    (ring,) = hear(sync, left)
    own, waiting = stands(sync.store, left)
    assert (ring.aggregate, waiting) == (own, 0)
    assert own != key
    with sync.store.read() as conn:
        calls = conn.execute(select(call.c.aggregate)).scalars().all()
        asked = conn.execute(select(attention.c.aggregate)).scalars().all()
    assert (calls, asked) == ([own], [own])


def test_it_waits_while_the_group_is_worked_on(sync: Any, group: tuple[int, int]) -> None:
    """Both ways in: the door, and the turn of an id that waits. No token is spent for it."""
    key, left = group
    lease = leased(sync.store, key)
    assert hear(sync, left) == ()
    assert stands(sync.store, left) == (key, 1)
    turns.admit(sync)
    assert stands(sync.store, left) == (key, 1)
    with sync.store.write() as conn:
        claims.give_back(conn, lease)
    turns.admit(sync)
    own, waiting = stands(sync.store, left)
    assert waiting == 0
    assert own != key
