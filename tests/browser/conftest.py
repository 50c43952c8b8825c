"""Debian's Chromium, and the service's own web process for it to look at."""

import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from sqlalchemy import Connection, insert

from sync import assemble
from sync.config import Settings
from sync.core.batch.model import State
from sync.operations import operators
from sync.operations.alerting import tell
from sync.operations.diff import keeping
from sync.operations.diff.model import Found, Report, Standing, What
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.store.schema import call
from sync.store.service import samples
from sync.store.service.samples import Sample
from sync.store.tables import journal, links
from tests.integration.conftest import (  # noqa: F401 - fixtures
    redis_server,
    sandbox_process,
    templates,
)
from tests.integration.doors.test_gunicorn import Web
from tests.support.ops import brought
from tests.support.ops.lived import lived
from tests.support.ops.waiting import a_visit, closed, of_the_service

CHROMIUM = shutil.which("chromium")
REQUIRED = "BROWSER_TESTS"  # set where the tests must not be left out
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOWHERE = "http://127.0.0.1:1"  # no remote is asked in these tests
MAPPING = """# Which doctor is which provider.
[[doctors]]
drchrono = 201              # the first
oncall_provider = 196157
oncall_division = 2404
timezone = "America/New_York"
offices = [301, 302]

[[doctors]]
drchrono = 202
oncall_provider = 196158
oncall_division = 2404
booking_office = 301

[types]
default = "skip"

[types.profiles]
"401" = "online"
"402" = "phone"

[policy]
on_first_difference = "ask"
"""
DIGEST_KEYS = "a-digest-key-for-tests-of-32-bytes!"
SIZES = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1280, "height": 900}}
COLOURS = ("light", "dark")


# For a file and no longer: while it is there its thread has a running event loop, and the tests
# of other files, which may come in the same process, run loops of their own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get(REQUIRED):
            pytest.fail("Chromium is not there: apt-get install chromium")
        pytest.skip("Chromium is not there: apt-get install chromium, and the pages are tested too")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class OpsWeb(Web):
    """The web process with its operations port."""

    def __init__(self, redis_url: str, settings: Settings, home: Path) -> None:
        type(self).EXTRA = {
            "OPS_PORT": str(settings.ops_port),
            "ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
            "DIGEST_KEYS": DIGEST_KEYS,
            "DRCHRONO_BASE_URL": NOWHERE,
            "ONCALL_BASE_URL": NOWHERE,
            "SYNC_MODE": "live",
            "MAPPING_FILE": str(settings.mapping_file),
            "PUBLIC_URL": "https://sync.clinic.example",
            "DRCHRONO_CLIENT_ID": "client-of-the-clinic",
            "DRCHRONO_CLIENT_SECRET": "a-client-secret-x7Qb9Zr2Lk",
            "ONCALL_KEY": "an-oncall-key-Pf6Gj3Rc5By",
        }
        super().__init__(redis_url, settings.database_url, home)


@dataclass
class Service:
    """A service that runs: where its pages are, and its engine in this process."""

    address: str
    sync: Sync
    hooks: str = ""  # where webhooks are sent

    def link(self, role: Role = Role.ADMIN, name: str = "ruth") -> str:
        """An address that signs in."""
        return f"{self.address}/ops/link?key={operators.new_link(self.sync, name, role)}"


@pytest.fixture(scope="session")
def service(
    redis_server: str,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("browser")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (home / "mapping.toml").write_text(MAPPING)
    settings = Settings(
        ops_port=port,
        mapping_file=home / "mapping.toml",
        database_url=f"sqlite:///{home / 'sync.db'}",
        encryption_keys=Fernet.generate_key().decode(),
        digest_keys=DIGEST_KEYS,
        drchrono_base_url=NOWHERE,
        oncall_base_url=NOWHERE,
    )
    sync = assemble.build(settings, owner="browser@test:1")
    sync.store.migrate()
    _waiting(sync)  # the first: pages.py names them by number
    _sampled(sync)
    _lived(sync)
    lived(sync, "70301", "5601")
    _compared(sync)
    _brought(sync)
    tell.run(sync)  # no worker is there, and OnCall is silent
    web = OpsWeb(redis_server, settings, home)
    yield Service(f"http://127.0.0.1:{port}", sync, web.url)
    web.close()
    sync.close()


def _sampled(sync: Sync) -> None:
    """Some hours of samples, so that the chart has a line."""
    now = sync.clock().replace(second=0, microsecond=0)
    with sync.store.write() as conn:
        for minute in range(180):
            waiting = abs(60 - minute) // 4 if minute < 120 else 0
            at = now - timedelta(minutes=180 - minute)
            samples.put(conn, Sample(at, waiting, waiting * 20.0, 2, 3, 500 - minute))


def _compared(sync: Sync) -> None:
    """What a comparison found: more than a page of one cause, and one of each other sort."""
    now = sync.clock()
    found = [Found(What.VISIT, "missing_in_oncall", str(70400 + n)) for n in range(60)]
    found.append(Found(What.VISIT, "fields_differ", "70301", "5601", ("starts", "minutes")))
    person = Found(What.PERSON, "contact_differs", "88123", "313001", ("email",))
    found.append(person.explained(Standing.EXPLAINED, "asked:patient_unsure", item=1))
    keeping.kept(sync, Report(now, now, tuple(found), compared={"visits": 140, "people": 90}))


def _lived(sync: Sync) -> None:
    """What a service has in its journal that was at work a moment ago; OnCall is silent."""
    now = sync.clock()
    with sync.store.write() as conn:
        for system, minutes, hours in (("drchrono", 2, 0.1), ("oncall", 4, 7)):
            at = now - timedelta(minutes=minutes)
            for method, effect in (("GET", ""), ("PATCH", "visit")):
                made = {"system": system, "method": method, "effect": effect, "state": "done"}
                conn.execute(insert(call).values(**made, endpoint="x", lane=0, at=at))
            journal.note_delivery(
                conn,
                source=system,
                event="x",
                now=now - timedelta(hours=hours),
                object=_object(conn, system, now),
                outcome="unchanged",
            )


def _object(conn: Connection, system: str, now: datetime) -> int:
    key = links.new_aggregate(conn, "visit", now)
    return links.add(conn, key, system, "appointment", "1", now=now).id


def _waiting(sync: Sync) -> None:
    """Four items that wait for a person: with candidates, with two sides, of the service, over."""
    a_visit(sync, "patient_unsure", "70211", candidates=["88123", "88456"])
    a_visit(sync, "starts_differs", "70212")
    of_the_service(sync, "doctor_unseen", ["201"])
    closed(sync, a_visit(sync, "overlap", "70213"))


def _brought(sync: Sync) -> None:
    """Files and a record in each state that looks otherwise: pages.py names them by number."""
    brought.sent(sync)
    for state in (State.PLANNING, State.PLANNED, State.RUNNING, State.DONE):
        brought.of_file(sync, state)
    brought.of_record(sync, State.PLANNED)


@dataclass
class Watched:
    """One page, and what a browser had to say of it."""

    page: Page
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def is_clean(self) -> None:
        """Nothing left for another host, and no policy was broken."""
        self.page.wait_for_load_state("networkidle")
        reported = self.page.evaluate("window.violations || []")
        assert (self.strangers, self.complaints, reported) == ([], [], [])


NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


def watched(context: BrowserContext, service: Service) -> Watched:
    """A new page whose every request is counted, and every complaint noted."""
    found = Watched(context.new_page())
    ours = urlsplit(service.address).netloc

    def look(route: Route) -> None:
        if urlsplit(route.request.url).netloc != ours:
            found.strangers.append(route.request.url)
            route.abort()
            return
        route.continue_()

    found.page.route("**/*", look)
    found.page.add_init_script(NOTE_VIOLATIONS)
    found.page.on(
        "console",
        lambda said: (
            found.complaints.append(said.text)
            if said.type in {"error", "warning"} and "status of 40" not in said.text
            else None
        ),
    )
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    return found


@pytest.fixture(params=[(colour, size) for colour in COLOURS for size in SIZES], ids="-".join)
def looked_at(
    request: pytest.FixtureRequest, chromium: Browser, service: Service
) -> Iterator[Watched]:
    """A page in each colour and width, nobody signed in."""
    yield from opened(chromium, service, *request.param)


@pytest.fixture
def at_a_desk(chromium: Browser, service: Service) -> Iterator[Watched]:
    """A page by day at a desk, nobody signed in."""
    yield from opened(chromium, service, "light", "desk")


def opened(chromium: Browser, service: Service, colour: Any, size: str) -> Iterator[Watched]:
    context = chromium.new_context(color_scheme=colour, viewport=SIZES[size], locale="en-GB")
    context.set_default_timeout(30_000)
    yield watched(context, service)
    context.close()
