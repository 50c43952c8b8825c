"""What another site can do through a real browser in which an operator is signed in: nothing."""

from playwright.sync_api import expect

from tests.browser.conftest import Service, Watched


def test_a_form_of_another_site_does_nothing(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    other = page.context.new_page()
    other.set_content(
        f'<form method="post" action="{service.address}/ops/sign-out"><button>Win</button></form>'
    )
    with other.expect_response("**/ops/sign-out") as answered:
        other.get_by_role("button").click()
    assert answered.value.status == 403
    assert answered.value.request.all_headers()["sec-fetch-site"] == "cross-site"
    page.reload()
    expect(page.get_by_role("heading", name="Both systems")).to_be_visible()


def test_no_page_is_shown_in_a_frame_of_another_site(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link())
    other = page.context.new_page()
    other.set_content(f'<iframe src="{service.address}/ops"></iframe>')
    other.wait_for_load_state("networkidle")
    framed = other.frames[1]
    assert framed.get_by_role("heading").count() == 0
    assert "Both systems" not in framed.content()
