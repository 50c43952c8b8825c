"""The mapping's page by hand: a form and a text, previewed, put in place, and taken back again."""

from playwright.sync_api import expect

from sync.operations.operators import Role
from sync.setup.mapping_edit import candidate
from tests.browser.conftest import MAPPING, Service, Watched
from tests.browser.test_pages import judged, pictured


def test_a_doctor_is_added_by_a_form_and_taken_back(looked_at: Watched, service: Service) -> None:
    page = looked_at.page
    path = candidate.file_in_force(service.sync).path
    path.write_text(MAPPING)
    page.goto(service.link())
    page.get_by_role("link", name="Mapping").click()
    expect(page.get_by_role("region", name="Who is mapped")).to_contain_text("201")
    page.get_by_role("link", name="Edit in a form").click()
    expect(page.get_by_role("group", name="Another doctor").first).to_be_visible()
    assert judged(page) == []
    assert not wide(looked_at)
    pictured(looked_at, "ops-mapping-form")
    new = page.get_by_role("group", name="Another doctor")
    new.get_by_label("Doctor (DrChrono)").fill("209")
    new.get_by_label("Provider (OnCall)").fill("x")
    page.get_by_role("button", name="What would that touch?").first.click()
    expect(page.get_by_role("alert")).to_contain_text("doctors[3].oncall_provider")
    new = page.get_by_role("group", name="Another doctor").first
    expect(new.get_by_label("Doctor (DrChrono)")).to_have_value("209")
    new.get_by_label("Provider (OnCall)").fill("19")
    new.get_by_label("Division (OnCall)").fill("2")
    new.get_by_label("Division (OnCall)").press("Enter")
    expect(page.get_by_text("+drchrono = 209")).to_be_visible()
    assert judged(page) == []
    assert not wide(looked_at)
    pictured(looked_at, "ops-mapping-preview")
    # No remote is there to count by: it must be said that nobody did.
    page.get_by_role("button", name="Put it in place").click()
    assert "drchrono = 209" not in path.read_text()
    page.get_by_label("Put it in place although").check()
    page.get_by_role("button", name="Put it in place").click()
    expect(page.get_by_role("status")).to_contain_text("The file is in place.")
    assert path.read_text().startswith(MAPPING.split("[types]")[0])
    assert judged(page) == []
    assert not wide(looked_at)
    pictured(looked_at, "ops-mapping")
    page.get_by_role("button", name="Go back to it").last.click()
    page.get_by_label("Put it in place although").check()
    page.get_by_role("button", name="Put it in place").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The file is in place.")
    assert path.read_text() == MAPPING
    looked_at.is_clean()


def wide(watched: Watched) -> bool:
    return bool(
        watched.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
    )


def test_a_wrong_text_is_told_and_kept(at_a_desk: Watched, service: Service) -> None:
    page = at_a_desk.page
    page.goto(service.link(Role.OPERATOR, "olga"))
    page.goto(f"{service.address}/ops/mapping/text")
    field = page.get_by_label("The file’s text")
    written = "\n# </textarea><script>x</script>\n[[doctors]]\ndrchrono = \n"
    field.fill(written)
    page.get_by_role("button", name="What would that touch?").click()
    expect(page.get_by_role("alert")).to_contain_text("line 4")
    assert field.input_value() == written
    assert judged(page) == []
    field.fill(
        written.replace("drchrono = ", "drchrono = 1\noncall_provider = 1\noncall_division = 1")
    )
    page.get_by_role("button", name="What would that touch?").click()
    expect(page.get_by_text("An admin puts it in place.")).to_be_visible()
    page.get_by_role("button", name="Edit it further").click()
    expect(field).to_have_value(field.input_value())
    assert "oncall_division = 1" in field.input_value()
    at_a_desk.is_clean()
