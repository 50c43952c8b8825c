"""Timeline and records: from a number to what happened, and what would, without a page anew."""

import csv
import io
import re
from pathlib import Path

from playwright.sync_api import expect

from sync.operations.operators import Role
from tests.browser.conftest import Service, Watched


def test_a_number_leads_to_what_happened_and_what_would_change(
    at_a_desk: Watched, service: Service
) -> None:
    page = at_a_desk.page
    page.goto(service.link(Role.OPERATOR))
    page.get_by_role("link", name="Records").click()
    page.get_by_label("The number of an appointment").fill("70301")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Timeline of appointment 70301")).to_be_visible()
    there = page.url
    events = page.locator(".events > li")
    expect(events.first).to_contain_text("Asked to look again")
    whole = events.count()
    page.get_by_role("button", name="What would change").press("Enter")
    expect(page.locator("#said [role=status]")).to_be_visible(timeout=30_000)
    assert page.url == there  # nothing was loaded anew
    page.get_by_role("checkbox", name="What was written").check()
    page.get_by_role("button", name="Show only these").click()
    expect(events.first).to_contain_text("Changed in OnCall")
    assert events.count() < whole
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("button", name="Look again now").click()
    expect(page.locator("#said")).to_contain_text("are being looked at now")
    at_a_desk.is_clean()


def test_a_record_is_searched_and_taken_along(
    at_a_desk: Watched, service: Service, tmp_path: Path
) -> None:
    page = at_a_desk.page
    page.goto(service.link(Role.VIEWER))
    page.goto(f"{service.address}/ops/calls")
    page.get_by_label("Number, of either system").fill("5601")
    page.get_by_label("State").select_option("done")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/ops/calls?about=5601&state=done")
    rows = page.locator("tbody tr")
    expect(rows.first).to_be_visible()
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download as CSV").click()
    saved = tmp_path / "calls.csv"
    begun.value.save_as(saved)
    told = list(csv.reader(io.StringIO(saved.read_text(encoding="utf-8"))))
    assert len(told) == rows.count() + 1
    rows.first.get_by_role("link", name=re.compile("^visit ")).click()
    expect(page.get_by_role("heading", name=re.compile("^Timeline of visit"))).to_be_visible()
    at_a_desk.is_clean()


def test_an_admin_has_the_audit_checked(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    page.goto(f"{service.address}/ops/audit")
    page.get_by_role("button", name="Check that nothing was changed").click()
    expect(page.locator("#proven")).to_contain_text("Nothing was changed or removed")
    at_a_desk.is_clean()
