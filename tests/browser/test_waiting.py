"""What waits for a person, in a real browser: shown, chosen, answered; all of a filter at once."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server

from service.doors import Doors
from service.ops_app import create_ops_app
from sync.operations.inbox import bulk
from sync.operations.operators import Role
from sync.store import attention
from tests.browser.conftest import Service, Watched, opened
from tests.browser.test_pages import judged, pictured
from tests.support.clinic import Clinic, SilentBell
from tests.support.ops.waiting import a_visit, closed, many
from tests.support.templates import Templates

OLGA = {"first_name": "Olga", "last_name": "Lindqvist", "email": "vera@mail.example"}


@dataclass
class Asked:
    """A clinic with its sandbox whose pages are open, and in which something is asked."""

    clinic: Clinic
    service: Service


@pytest.fixture
def asked(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    home = tmp_path_factory.mktemp("waiting")
    with templates.copied("waiting", home) as clinic:
        clinic.new_patient(first_name="Victor", date_of_birth="1979-11-30")
        clinic.sandbox.behaviours("oncall", returns_provider=True)
        clinic.invite(participants=[OLGA])
        clinic.settle()
        app = create_ops_app(Doors.of(clinic.sync, SilentBell()))  # type: ignore[arg-type]
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
        thread.start()
        yield Asked(clinic, Service(f"http://127.0.0.1:{server.server_port}", clinic.sync))
        server.shutdown()
        thread.join()
        server.server_close()


def item(clinic: Clinic) -> int:
    with clinic.sync.store.read() as conn:
        return attention.every_open(conn)[0].id


@pytest.fixture(params=[("light", "desk"), ("dark", "phone")], ids="-".join)
def at_it(request: pytest.FixtureRequest, chromium: Browser, asked: Asked) -> Iterator[Watched]:
    yield from opened(chromium, asked.service, *request.param)


def test_candidates_are_shown_and_one_is_chosen(at_it: Watched, asked: Asked) -> None:
    clinic, page = asked.clinic, at_it.page
    page.goto(asked.service.link(Role.OPERATOR))
    page.get_by_role("link", name="Waiting for you", exact=True).click()
    page.get_by_role("link", name="Which patient is it?", exact=True).click()
    sides = page.locator("#sides")
    expect(sides.get_by_text("•••••").first).to_be_visible()
    expect(sides.get_by_role("button", name="It is this one")).to_have_count(2)
    # Without a reason the browser itself does not send it.
    page.get_by_role("button", name="Show").click()
    expect(sides.get_by_text("•••••").first).to_be_visible()
    page.get_by_label("Why do you look?").select_option("to_answer")
    page.get_by_label("Ticket, if there is one").fill("INC-2041")
    page.get_by_role("button", name="Show").press("Enter")
    expect(sides).to_contain_text("Olga Lindqvist")
    expect(sides).to_contain_text("Victor Lindqvist")
    expect(sides).to_contain_text("1979-11-30")
    assert judged(page) == []
    assert not page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    pictured(at_it, "ops-waiting-shown")
    at_it.is_clean()
    # Gone from the page, it is in no history of the browser's.
    page.get_by_role("link", name="To the list").click()
    expect(page.get_by_role("heading", name="Waiting for you")).to_be_visible()
    page.evaluate("history.back()")
    page.wait_for_timeout(500)  # of what is not to come no event tells
    assert "Victor" not in page.content()
    page.goto(f"{asked.service.address}/ops/waiting/{item(clinic)}")
    page.get_by_role("button", name=f"It is this one DrChrono chart {clinic.patient}").click()
    expect(page.get_by_text("Your answer is taken.")).to_be_visible()
    clinic.settle()
    assert [one["patient"] for one in clinic.appointments()] == [clinic.patient]
    page.reload()
    page.get_by_role("link", name="To the list").click()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    at_it.is_clean()


def test_all_of_a_filter_are_tried_again_by_one_button(
    at_a_desk: Watched, service: Service
) -> None:
    page, count = at_a_desk.page, bulk.STEP + 30
    many(service.sync, count, "keeps_failing")
    page.goto(service.link(Role.OPERATOR))
    page.goto(f"{service.address}/ops/waiting")
    page.get_by_role("link", name="Tried many times in vain").first.click()
    page.get_by_role("link", name=f"Try {count} again…").click()
    expect(page.get_by_role("heading", name="What it takes at most")).to_be_visible()
    assert judged(page) == []
    # What is opened from here on is not in it.
    later = a_visit(service.sync, "keeps_failing", "79999")
    page.get_by_role("button", name=f"Try these {count}").click()
    expect(page.get_by_role("status")).to_have_text(f"{count} of {count} are being tried again.")
    with service.sync.store.read() as conn:
        assert [one.id for one in attention.every_open(conn, "keeps_failing")] == [later]
    page.get_by_role("link", name="To the list").click()
    expect(page.get_by_text("1–1 of 1")).to_be_visible()
    closed(service.sync, later)
    at_a_desk.is_clean()


def test_an_item_is_tried_again_and_the_next_one_is_a_press_away(
    at_a_desk: Watched, service: Service
) -> None:
    first, second = (
        a_visit(service.sync, "too_many_writes", number) for number in ("78001", "78002")
    )
    page = at_a_desk.page
    page.goto(service.link(Role.OPERATOR))
    page.goto(f"{service.address}/ops/waiting/{first}?cause=too_many_writes")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("It is being tried again.")).to_be_visible()
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.get_by_text("1 of 1 that you filtered")).to_be_visible()
    assert page.url.endswith(f"/ops/waiting/{second}?cause=too_many_writes")
    closed(service.sync, second)
    at_a_desk.is_clean()
