"""Read at once, not by the next catch-up, what the door could not take."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import insert, select

from service.app import create_app
from service.doors import Doors
from service.missed import Missed
from sync import assemble
from sync.config import Settings
from sync.runtime import Sync
from sync.store.database import Store
from sync.store.schema import tick
from tests.integration.doors.test_gunicorn import Web
from tests.support.servers.processes import soon
from workers.bell import Bell

TOMORROW = datetime.now(UTC) + timedelta(days=1)
# What reads what a webhook would have told, and one task that does not.
READS = {"drchrono_appointments", "drchrono_patients", "oncall_newest", "oncall_walk"}


def engine(url: str) -> Sync:
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=url,
        encryption_keys=Fernet.generate_key().decode(),
        digest_keys="k" * 43,
        oncall_webhook_tokens="token-one",
    )
    return assemble.build(settings, owner="web@test:1")


def plan_for_tomorrow(store: Store) -> None:
    with store.write() as conn:
        for task in (*READS, "oncall_contacts"):
            conn.execute(insert(tick).values(task=task, due=TOMORROW, ran_at=TOMORROW, turn=1))


def due_now(store: Store) -> set[str]:
    with store.read() as conn:
        return set(conn.execute(select(tick.c.task).where(tick.c.due < TOMORROW)).scalars())


def test_what_changed_is_read_at_once(store: Store) -> None:
    plan_for_tomorrow(store)
    sync = engine(store.url)
    missed = Missed(sync)
    missed.start()
    assert due_now(store) == set()
    missed.ask()
    soon(lambda: due_now(store) == READS)


def test_it_is_asked_again_until_the_database_is_back(empty_sqlite_url: str) -> None:
    store = Store(empty_sqlite_url)
    missed = Missed(engine(empty_sqlite_url))
    missed.start()
    missed.ask()
    soon(lambda: not missed._asked.is_set())  # it has begun to try
    store.migrate()
    plan_for_tomorrow(store)
    soon(lambda: due_now(store) == READS)
    store.close()


def test_a_webhook_that_met_no_database_asks_for_it(empty_sqlite_url: str) -> None:
    asked: list[int] = []
    web = create_app(
        Doors.of(engine(empty_sqlite_url), Bell(""), lambda: asked.append(1))
    ).test_client()
    hint = {"event": "appointment_updated", "url": "https://x/appointments/12/"}
    answer = web.post("/webhooks/oncall/token-one", data=json.dumps(hint))
    assert (answer.status_code, asked) == (503, [1])


def test_one_that_is_refused_for_what_it_is_does_not(store: Store) -> None:
    asked: list[int] = []
    sync = engine(store.url)
    web = create_app(Doors.of(sync, Bell(""), lambda: asked.append(1))).test_client()
    no_id = web.post(
        "/webhooks/oncall/token-one", data=json.dumps({"event": "appointment_updated"})
    )
    wrong = web.post("/webhooks/oncall/wrong", data="{}")
    assert (no_id.status_code, wrong.status_code, asked) == (422, 401, [])
    sync.close()


def test_a_process_that_starts_asks_for_what_came_before_it(
    redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    store = Store(sqlite_url)
    store.migrate()
    plan_for_tomorrow(store)
    web = Web(redis_url, sqlite_url, tmp_path)
    soon(lambda: due_now(store) == READS, 30)
    web.close()
    store.close()
