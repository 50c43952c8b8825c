"""The operations app over a database of its own, with nobody signed in yet."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from service.doors import Doors
from service.ops_app import create_ops_app
from sync import assemble
from sync.config import Settings
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.store.database import Store
from tests.support.ops.browser import Person
from workers.bell import Bell

NOWHERE = "http://127.0.0.1:1"  # no remote is asked in these tests
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Time:
    return Time()


Opened = Callable[..., FlaskClient]


@pytest.fixture
def opened(store: Store, time: Time) -> Iterator[Opened]:
    """Build an app of given settings; its client."""
    made: list[Sync] = []

    def build(*, on_web: bool = False, **settings: object) -> FlaskClient:
        found = Settings(
            database_url=store.url,
            encryption_keys=KEY,
            digest_keys="k" * 43,
            drchrono_base_url=NOWHERE,
            oncall_base_url=NOWHERE,
            **settings,
        )
        sync = assemble.build(found, owner="web@test:1", clock=time)
        made.append(sync)
        client = create_ops_app(Doors.of(sync, Bell("")), on_web=on_web).test_client()
        client.application.extensions["sync"] = sync
        return client

    yield build
    for sync in made:
        sync.close()


@pytest.fixture
def browser(opened: Opened) -> FlaskClient:
    return opened()


@pytest.fixture
def sync(browser: FlaskClient) -> Sync:
    found: Sync = browser.application.extensions["sync"]
    return found


@pytest.fixture
def ruth(sync: Sync, browser: FlaskClient) -> Person:
    """An admin, not signed in yet."""
    return Person(sync, browser, "ruth", Role.ADMIN)


@pytest.fixture
def victor(sync: Sync, browser: FlaskClient) -> Person:
    """A viewer, not signed in yet."""
    return Person(sync, browser, "victor", Role.VIEWER)
