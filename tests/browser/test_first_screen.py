"""The first screen: it signs in, keeps itself fresh, draws its chart, and is used by keys alone."""

import pyotp
from playwright.sync_api import expect

from sync.operations import operators
from sync.operations.operators import Role
from sync.store import attention
from tests.browser.conftest import Service, Watched


def test_a_person_signs_in_by_keys_alone_and_out_again(
    at_a_desk: Watched, service: Service
) -> None:
    made = operators.add(service.sync, "keys", Role.VIEWER)
    page = at_a_desk.page
    page.goto(f"{service.address}/ops?span=week")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    for text in ("keys", made.password, pyotp.parse_uri(made.address).now()):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/ops?span=week")
    expect(page.get_by_role("heading", name="Both systems")).to_be_visible()
    page.get_by_role("button", name="Sign out").press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    at_a_desk.is_clean()


def test_it_keeps_itself_fresh(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    with service.sync.store.read() as conn:
        before = attention.count_open(conn)
    expect(page.locator("#attention")).to_have_text(str(before))
    with service.sync.store.write() as conn:
        attention.open_item(conn, 0, "token_lost", now=service.sync.clock())
    expect(page.locator("#attention")).to_have_text(str(before + 1), timeout=30_000)
    with service.sync.store.write() as conn:
        attention.close_cause(conn, 0, "token_lost", service.sync.clock())
    at_a_desk.is_clean()


def test_who_was_signed_out_meanwhile_is_led_out(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link(name="gone"))
    expect(page.get_by_role("heading", name="Both systems")).to_be_visible()
    page.context.clear_cookies()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=30_000)


def test_the_chart_is_drawn_and_its_table_says_the_same(
    at_a_desk: Watched, service: Service
) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    expect(page.locator("#plot canvas")).to_be_visible()
    # A few samples are not stretched over years: the axis is the span that was asked for.
    table = page.locator("#samples table")
    begins, ends = (int(table.get_attribute(f"data-{one}") or 0) for one in ("from", "to"))
    assert ends - begins == 86_400
    page.get_by_text("The same as a table").click()
    assert page.locator("#samples tbody tr").count() >= 10
    at_a_desk.is_clean()


def test_a_question_is_answered_in_its_place(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link(Role.VIEWER))
    page.get_by_label("The number of an appointment").fill("appointment 70211")
    page.get_by_role("button", name="Why?").click()
    expect(page.locator("#answer .card")).to_be_visible()
    page.get_by_text("Or a doctor’s whole day").click()
    page.get_by_label("Doctor, DrChrono’s number").fill("201")
    page.get_by_label("Day", exact=True).fill("2026-11-30")
    page.get_by_role("button", name="List it").click()
    expect(page.locator("#listed")).to_contain_text("Doctor 201 on 2026-11-30")
    assert page.url == f"{service.address}/ops"  # nothing was loaded anew
    at_a_desk.is_clean()
