"""A worker commits between two statements of somebody else's transaction: that is no contradiction.

PostgreSQL only: who writes to SQLite has it alone.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from sync.core.records import Marker, Visit
from sync.digests import Digests
from sync.run.evidence import behind, sealing
from sync.store.database import Store
from sync.store.tables import links
from sync.store.visits import moves
from tests.integration.store.test_links import T0

DIGESTS = Digests([b"a-digest-key-for-tests-of-32-bytes!"])


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    opened = Store(postgres_url)
    yield opened
    opened.close()


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every marker's seal holds."""
    monkeypatch.setattr(sealing, "judge", lambda *_args: sealing.Origin.OURS)


@pytest.mark.usefixtures("ours")
def test_a_create_that_ends_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list shows the visit, its row is looked for, and only then the create's answer is noted."""
    with store.write() as conn:
        key = links.new_aggregate(conn, "visit", T0)
        row = links.add(conn, key, "oncall", "appointment", None, now=T0, state="creating")
    ask = behind._is_making

    def answered_first(conn: Connection, system: str, of: int) -> bool:
        with store.write() as worker:
            moves.created(worker, row, "5", now=T0)
        return ask(conn, system, of)

    monkeypatch.setattr(behind, "_is_making", answered_first)
    shown = Visit("oncall", "5", marker=Marker("clinic", key, 1, 1, other="7"))
    with store.write() as conn:
        assert not behind.is_lost(conn, DIGESTS, frozenset({"clinic"}), shown)


def test_a_merge_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.write() as conn:
        old, new = (links.new_aggregate(conn, "visit", T0) for _ in range(2))
        links.add(conn, old, "drchrono", "appointment", "7", now=T0)
    survivor = links.survivor
    merged: list[int] = []

    def merged_after(conn: Connection, key: int) -> int:
        found = survivor(conn, key)
        if not merged:
            merged.append(key)
            with store.write() as worker:
                moves.absorb(worker, old, new, now=T0, hints=None)
        return found

    monkeypatch.setattr(links, "survivor", merged_after)
    marker = Marker("clinic", old, 1, 1, other="7")
    with store.write() as conn:
        assert behind.agrees(conn, "oncall", "5", marker)


@pytest.mark.usefixtures("ours")
def test_what_no_row_explains_is_lost_all_the_same(store: Store) -> None:
    shown = Visit("oncall", "5", marker=Marker("clinic", 99, 1, 1, other="7"))
    with store.write() as conn:
        assert behind.is_lost(conn, DIGESTS, frozenset({"clinic"}), shown)
        assert not behind.agrees(conn, "oncall", "5", Marker("clinic", 99, 1, 1, other="7"))
