"""Every page in a real browser: in both colours, at phone and desk width, without a stranger."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Service, Watched
from tests.browser.pages import PAGES

PICTURES = Path(__file__).resolve().parents[2] / "docs/images"
WANTED = "SCREENSHOTS"  # set: docs/images is made anew


def judged(page: Page) -> list[str]:
    """What axe finds wrong, with the place; of a page that is there as a whole."""
    page.wait_for_load_state()
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


def pictured(watched: Watched, name: str) -> None:
    if name and os.environ.get(WANTED):
        page = watched.page
        colour = page.evaluate("document.documentElement.dataset.bsTheme")
        size = "phone" if (page.viewport_size or {"width": 0})["width"] < 500 else "desk"
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}-{size}-{colour}.png", full_page=True)


@pytest.mark.timeout(300)  # there are some twenty pages, and axe looks at each
def test_each_page_is_for_everybody_and_loads_from_here_alone(
    looked_at: Watched, service: Service
) -> None:
    page = looked_at.page
    page.goto(f"{service.address}/ops")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert judged(page) == []
    pictured(looked_at, "ops-sign-in")
    page.goto(service.link())
    for address, picture in PAGES:
        page.goto(service.address + address)
        page.wait_for_load_state("networkidle")
        assert judged(page) == [], address
        assert not page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ), f"{address} is wider than the screen"
        looked_at.is_clean()
        pictured(looked_at, picture)


@pytest.mark.parametrize("colour", ["dark", "light"])
def test_the_colours_follow_the_system(at_a_desk: Watched, service: Service, colour: str) -> None:
    page = at_a_desk.page
    page.emulate_media(color_scheme=colour)
    page.goto(f"{service.address}/ops/sign-in")
    assert page.locator("html").get_attribute("data-bs-theme") == colour
    other = "light" if colour == "dark" else "dark"
    page.emulate_media(color_scheme=other)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", other)


def test_the_policy_stops_what_is_put_into_a_page(at_a_desk: Watched, service: Service) -> None:
    # That the tests would notice a violation is seen here.
    page = at_a_desk.page
    page.goto(f"{service.address}/ops/sign-in")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b style=\"color:red\">x</b>')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'),"
                  " {textContent: 'window.planted = 1'}))")  # fmt: skip
    assert page.evaluate("window.planted") is None
    page.wait_for_function("window.violations.length >= 2")
