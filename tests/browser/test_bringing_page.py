"""A file of 5,000 lines from its upload to its result, in a browser, by the web process itself.

The engine and the sandbox are the real ones; the worker is a thread of this test.
"""

import csv
import io
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from playwright.sync_api import Browser, Download, expect

from sync.operations.operators import Role
from sync.runtime import Sync
from sync.tasks import worker
from tests.browser.conftest import Service, opened
from tests.browser.test_pages import judged
from tests.integration.doors.test_gunicorn import Web
from tests.support.batches.imports import HEADERS, letters, line
from tests.support.clinic import Clinic, due
from tests.support.templates import Templates

LINES = 5_000
MADE = 24  # the others have something wrong: what each of these costs is the engine's own test
NOTE = ("a note that no column of ours takes, " * 6).strip()  # longer than a form may be, then


class ClinicWeb(Web):
    """The web process of a test's clinic."""

    def __init__(self, clinic: Clinic, redis_url: str, port: int) -> None:
        told = {name.upper(): str(value) for name, value in clinic.values.items()}
        type(self).EXTRA = {**told, "OPS_PORT": str(port), "SYNC_MODE": "live"}
        super().__init__(redis_url, clinic.values["database_url"], clinic.home)

    EXTRA: ClassVar[dict[str, str]] = {}


class Worker:
    """Works off what is due, as a worker does, whenever it is let."""

    def __init__(self, sync: Sync) -> None:
        self._sync = sync
        self._may = threading.Event()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def let(self) -> None:
        self._may.set()

    def end(self) -> None:
        self._ends.set()
        self._may.set()
        self._thread.join(30)

    def _run(self) -> None:
        self._may.wait()
        while not self._ends.is_set():
            for aggregate in due(self._sync):
                worker.run(self._sync, aggregate)
            self._ends.wait(0.05)


@pytest.fixture(scope="module")
def clinic(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    home = tmp_path_factory.mktemp("bringing")
    with templates.copied("bringing", home) as clinic:
        clinic.sync.pause = time.sleep
        yield clinic


@pytest.fixture
def service(clinic: Clinic, redis_server: str) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    web = ClinicWeb(clinic, redis_server, port)
    yield Service(f"http://127.0.0.1:{port}", clinic.sync)
    web.close()


def file() -> bytes:
    """Lines of patients; all but the first few have a name where their e-mail should be."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow([*HEADERS, "Notes"])
    for at in range(LINES):
        wrong = {} if at < MADE else {"email": f"Nora {letters(at)}"}
        rows.writerow([*line(at, date_of_birth="03/04/1980", **wrong), NOTE])
    return text.getvalue().encode()


@pytest.mark.timeout(240)
def test_a_file_is_brought_in(chromium: Browser, service: Service, clinic: Clinic) -> None:
    working = Worker(clinic.sync)
    made = opened(chromium, service, "light", "desk")
    watched = next(made)
    page = watched.page
    page.goto(service.link(Role.OPERATOR, "olga"))
    page.goto(f"{service.address}/ops/import")
    page.get_by_label("A patient").check()
    sent = file()
    assert len(sent) > 1024 * 1024
    page.get_by_label("The file").set_input_files(
        {"name": "Nora Quill.csv", "mimeType": "text/csv", "buffer": sent}
    )
    page.get_by_role("button", name="Read it").click()
    # Its first lines come by themselves, for whoever brought it; into the page, not its history.
    expect(page.get_by_role("heading", name="Name the columns")).to_be_visible()
    expect(page.locator("td.live").first).to_have_text("Noraa")
    assert judged(page) == []
    expect(page.get_by_label("Email")).to_have_value("email")
    page.get_by_label("How are dates written").select_option("mdy")
    page.get_by_label("Lines without a provider").select_option(index=1)
    page.get_by_role("button", name="Compare each line").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    working.let()
    expect(page.get_by_role("link", name="Start it")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("link", name="will be created 24")).to_be_visible()
    page.get_by_role("link", name=f"problem {LINES - MADE}").click()
    expect(page.locator("#lines tbody tr").first).to_contain_text("E-mail (column 3):")
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"[?&]after="))
    assert judged(page) == []
    page.get_by_role("link", name="will be created 24").click()
    page.get_by_role("button", name="Leave out line 2", exact=True).click()
    expect(page.get_by_role("link", name="left out 1")).to_be_visible()
    assert "Noraa" not in page.content()
    page.get_by_label("Why do you look").select_option("to_check")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("div.live").first).to_contain_text("nora1@mail.example")
    page.get_by_role("link", name="Start it").click()
    page.get_by_role("button", name="Start now").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Download the result")).to_be_visible(timeout=120_000)
    with page.expect_download() as told:
        page.get_by_role("button", name="Download the result").click()
    outcomes = result(told.value)
    assert outcomes == ["left_out", *["created"] * (MADE - 1), *["problem"] * (LINES - MADE)]
    assert len(clinic.of("oncall", "contacts")) == MADE - 1
    page.get_by_role("button", name="Delete the file and the result now").click()
    expect(page.get_by_role("button", name="Download the result")).to_be_hidden()
    watched.is_clean()
    working.end()
    next(made, None)


def result(taken: Download) -> list[str]:
    """The outcome of each line, of a file that has the columns of the one that was sent."""
    text = Path(taken.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == [*HEADERS, "Notes", "oncall_url", "outcome", "problem"]
    assert rows[1]["oncall_url"].endswith("/")
    assert rows[-1]["problem"].startswith("Email: ")
    assert rows[1]["Notes"] == NOTE
    return [one["outcome"] for one in rows]
