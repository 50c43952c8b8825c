"""Pause and resume, and keep an alert quiet, by the pages' own forms."""

from playwright.sync_api import expect

from sync.operations import pausing
from sync.operations.operators import Role
from tests.browser.conftest import Service, Watched
from tests.browser.test_pages import judged, pictured


def test_what_is_paused_is_seen_on_every_page_until_it_goes_on(
    looked_at: Watched, service: Service
) -> None:
    page = looked_at.page
    page.goto(service.link(Role.OPERATOR, "olga"))
    page.get_by_role("link", name="Pauses").click()
    page.get_by_label("What", exact=True).select_option("oncall")
    page.get_by_label("For how long").select_option("4")
    page.get_by_role("button", name="Pause it").click()
    page.get_by_label("What", exact=True).select_option("doctor")
    page.get_by_label("That doctor").fill("201")
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_role("button", name="Let it go on")).to_have_count(2)
    expect(page.get_by_role("status")).to_contain_text("Writes to OnCall, until")
    assert judged(page) == []
    assert not page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    pictured(looked_at, "ops-pauses")
    page.goto(f"{service.address}/ops")
    expect(page.get_by_role("status")).to_contain_text("by olga")
    page.get_by_role("link", name="Look at the pauses").press("Enter")
    for _ in range(2):
        page.get_by_role("button", name="Let it go on").first.press("Enter")
    expect(page.get_by_text("Nothing is paused.")).to_be_visible()
    assert pausing.held(service.sync) == []
    looked_at.is_clean()


def test_an_alert_is_seen_to_and_reminded_of_again(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    page.get_by_role("link", name="Alerts").click()
    alert = page.get_by_role("article").filter(has_text="No worker was heard of")
    alert.get_by_role("button", name="I see to it").click()
    expect(alert).to_contain_text("ruth sees to it")
    alert.get_by_role("button", name="Remind again").click()
    expect(alert).to_contain_text("Next reminder")
    alert.get_by_text("Keep it quiet for a while").click()
    alert.get_by_label("For how long").select_option("24")
    alert.get_by_role("button", name="No reminders before then").click()
    expect(alert).to_contain_text("quiet until then")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("There is no channel to try.")).to_be_visible()
    assert judged(page) == []
    alert.get_by_role("button", name="Remind again").click()
    expect(alert).not_to_contain_text("quiet until then")
    at_a_desk.is_clean()
