"""Carry what a live database held over to the column of shared visits."""

import pytest
from sqlalchemy import text

from sync.store.database import Store

KEYS = [
    (1, "201:20300107T1500:7", "open"),
    (2, "group:201:301:20300107T150000:60", "open"),
    (3, "group:201:301:20300107T150000:60:812", "closed"),
    (4, None, "open"),
]


@pytest.fixture
def empty(empty_database_url):
    opened = Store(empty_database_url)
    yield opened
    opened.close()


def shared(store):
    with store.read() as conn:
        rows = conn.execute(text("SELECT aggregate, shared FROM visit ORDER BY aggregate"))
        return {row.aggregate: bool(row.shared) for row in rows}


def test_the_visits_of_the_version_before_are_shared_by_their_slot_keys(empty):
    empty.migrate("0007")
    with empty.write() as conn:
        for key, slot, state in KEYS:
            made = "INSERT INTO aggregate (id, kind, created_at) VALUES (:key, 'visit', :at)"
            conn.execute(text(made), {"key": key, "at": "2030-01-07 15:00:00"})
            stands = "INSERT INTO visit (aggregate, slot_key, state) VALUES (:key, :slot, :state)"
            conn.execute(text(stands), {"key": key, "slot": slot, "state": state})
    empty.migrate()
    assert shared(empty) == {1: False, 2: True, 3: True, 4: False}
    empty.downgrade("0007")
    with empty.read() as conn:
        kept = conn.execute(text("SELECT aggregate, slot_key, state FROM visit ORDER BY aggregate"))
        assert [tuple(row) for row in kept] == KEYS
    empty.migrate()
    assert shared(empty) == {1: False, 2: True, 3: True, 4: False}
