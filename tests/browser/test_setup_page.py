"""The set-up in a browser: ticks come by themselves, buttons answer in their place, focus stays."""

import requests
from playwright.sync_api import expect

from sync.operations.operators import Role
from sync.store.tables import journal
from tests.browser.conftest import Service, Watched


def test_a_tick_comes_by_itself_and_leaves_the_focus_where_it_is(
    at_a_desk: Watched, service: Service
) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    page.goto(f"{service.address}/ops/setup")
    worker = page.locator("#step-processes")
    expect(worker).to_contain_text("nothing was heard of worker")
    button = page.get_by_role("button", name="Try everything")
    button.focus()
    with service.sync.store.write() as conn:
        for role in ("worker", "beat"):
            journal.beat(conn, f"{role}@browser:1", role, service.sync.clock())
    expect(worker).to_contain_text("heard of within the last minute", timeout=30_000)
    handshake = page.locator("#tick-drchrono_webhook-1")
    expect(handshake).to_contain_text("not yet")
    assert requests.get(f"{service.hooks}/webhooks/drchrono?msg=abc", timeout=10).ok
    expect(handshake).to_contain_text("UTC", timeout=30_000)
    expect(button).to_be_focused()
    at_a_desk.is_clean()


def test_a_button_answers_at_the_top_and_is_read_out(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link(Role.OPERATOR, "oscar"))
    page.goto(f"{service.address}/ops/setup")
    page.get_by_role("button", name="Try everything").press("Enter")
    expect(page.locator("#said table")).to_contain_text("handshake", timeout=30_000)
    assert page.url == f"{service.address}/ops/setup"
    at_a_desk.is_clean()


def test_a_secret_is_shown_only_when_it_is_asked_for(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    page.goto(f"{service.address}/ops/setup")
    assert "first-secret-of-tests" not in page.content()
    page.get_by_role("button", name="Show the secret").click()
    expect(page.locator("#said .copied")).to_have_text("first-secret-of-tests")
    page.reload()
    expect(page.locator("#said .copied")).to_have_count(0)
    at_a_desk.is_clean()


def test_the_first_screen_leads_there(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    page.get_by_role("link", name="Go to the set-up").click()
    expect(page.get_by_role("heading", name="Set-up", exact=True)).to_be_visible()
    at_a_desk.is_clean()
