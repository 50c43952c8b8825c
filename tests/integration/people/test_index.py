"""The keyed index of known people, when a webhook and a run meet the same patient at once."""

import threading
from datetime import UTC, datetime

from sqlalchemy import select, text

from sync.digests import Digests
from sync.store.database import Store
from sync.store.schema import person_key
from sync.store.tables import links, person_index

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DIGESTS = Digests([b"a-digest-key-for-tests-of-32-bytes!"])
KEYS = (("email", ("vera@mail.example",)),)


def test_a_person_indexed_twice_at_once_is_indexed_once(postgres_url: str) -> None:
    store = Store(postgres_url)
    store.migrate()
    with store.write() as conn:
        person = links.new_aggregate(conn, "person", NOW)
    failures: list[Exception] = []

    def other() -> None:
        try:
            with store.write() as conn:
                person_index.remember(conn, DIGESTS, person, KEYS)
        except Exception as failure:  # noqa: BLE001 - told to the test
            failures.append(failure)

    thread = threading.Thread(target=other)
    with store.write() as conn:
        person_index.remember(conn, DIGESTS, person, KEYS)
        thread.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while thread.is_alive() and conn.execute(text(waits)).scalar_one() == 0:
            pass  # until the other one has begun to wait for this transaction
    thread.join(10)
    with store.read() as conn:
        assert conn.execute(select(person_key.c.person)).scalars().all() == [person]
    assert failures == []
    store.close()
