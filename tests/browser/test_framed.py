"""Our pages inside DrChrono's, in a real browser, as a doctor has them: 300 px wide, no cookie.

DrChrono's page is at `localhost` and ours at 127.0.0.1: two sites for a browser, as in life.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Frame, Page, Response, expect
from werkzeug.serving import make_server

from tests.browser.conftest import COLOURS, NOTE_VIOLATIONS
from tests.browser.test_pages import PICTURES, WANTED
from tests.integration.doors.test_framed import address
from tests.support.clinic import Clinic, wall
from tests.support.sandbox_client import Sandbox
from tests.support.templates import Templates

WIDTH = 300
NOTE, CHART = "clinical_note/edit", "patients"


@dataclass
class Practice:
    """A practice whose application has its pages framed: a visit that is there, one that isn't."""

    clinic: Clinic
    there: str
    missing: str
    nomail: int

    @property
    def drchrono(self) -> str:
        """DrChrono under another name than ours has."""
        return of_drchrono(self.clinic.sandbox)


def of_drchrono(sandbox: Sandbox) -> str:
    return f"http://localhost:{urlsplit(sandbox.drchrono_url).port}"


@pytest.fixture(scope="module")
def practice(
    sandbox_process: Sandbox, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Practice]:
    home = tmp_path_factory.mktemp("framed")
    origin = of_drchrono(sandbox_process)
    with templates.copied("framed", home, drchrono_origins=origin) as clinic:
        pages = {"patient": f"{clinic.url}/iframe/patient"}
        pages["clinical_note"] = f"{clinic.url}/iframe/clinical-note"
        clinic.sandbox.control("drchrono", "frames", pages)
        clinic.sync.drchrono.frame(clinic.sync.task_ticket(), shown=True)
        there, _visit = clinic.linked()
        vera = clinic.patient
        nomail = clinic.new_patient(first_name="Nora", last_name="Nomail", email="")
        missing = clinic.book(patient=nomail, scheduled_time=wall(days=5))
        clinic.settle()
        clinic.patient = vera
        yield Practice(clinic, there, missing, nomail)


@dataclass
class Doctor:
    """Somebody who looks at DrChrono's pages; each request, cookie and complaint is noted."""

    practice: Practice
    page: Page
    asked: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def opens(self, page: str, remote_id: Any) -> Frame:
        """Load a page of DrChrono's; returns the frame of ours in it."""
        self.practice.clinic.advance_all(1)  # docs/api-facts.md D73: the same second, the same JWT
        self.page.goto(f"{self.practice.drchrono}/{page}/{remote_id}")
        self.page.wait_for_load_state("networkidle")
        return self.frame

    @property
    def frame(self) -> Frame:
        return self.page.frames[1]

    def pictured(self, name: str, colour: str) -> None:
        """Keep what the frame shows, without the empty part below."""
        if os.environ.get(WANTED):
            height = int(self.frame.evaluate("document.body.getBoundingClientRect().height")) + 1
            box = self.page.locator("iframe").bounding_box()
            assert box is not None
            clip = {"x": box["x"] + 2, "y": box["y"] + 2, "width": WIDTH, "height": height}
            self.page.screenshot(path=PICTURES / f"{name}-{colour}.png", clip=clip)  # type: ignore[arg-type]

    def is_clean(self) -> None:
        """Nobody else was asked, no cookie was set, no policy was broken."""
        self.page.wait_for_load_state("networkidle")
        ours, theirs = self.practice.clinic.url, self.practice.drchrono
        assert {one for one in self.asked if not one.startswith((ours, theirs))} == set()
        assert (self.cookies, self.page.context.cookies(), self.complaints) == ([], [], [])
        assert self.frame.evaluate("window.violations") == []


def watched(practice: Practice, context: BrowserContext) -> Doctor:
    doctor = Doctor(practice, context.new_page())
    page = doctor.page

    def answered(answer: Response) -> None:
        doctor.cookies += answer.header_values("set-cookie")

    # DrChrono has a picture of its own, which the sandbox has not.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.on("request", lambda sent: doctor.asked.append(sent.url))
    page.on("response", answered)
    page.on(
        "console",
        lambda said: (
            doctor.complaints.append(said.text) if said.type in {"error", "warning"} else None
        ),
    )
    page.on("pageerror", lambda error: doctor.complaints.append(str(error)))
    page.add_init_script(NOTE_VIOLATIONS)
    return doctor


@contextmanager
def another_site(body: str = "", asked: list[str] | None = None) -> Iterator[str]:
    """A site of a stranger's: it sets a cookie that may be framed, and notes which it is sent.

    On this machine, because browsers keep sites of the world away from its addresses altogether.
    """

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        if asked is not None:
            asked.append(environ.get("HTTP_COOKIE", ""))
        cookie = ("Set-Cookie", "probe=1; SameSite=None; Secure")
        start_response("200 OK", [("Content-Type", "text/html"), cookie])
        return [f'<link rel="icon" href="data:,">{body}'.encode()]

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


in_both_colours = pytest.mark.parametrize("colour", COLOURS)


@pytest.fixture
def colour() -> str:
    return "light"


@pytest.fixture
def doctor(chromium: Browser, practice: Practice, colour: Any) -> Iterator[Doctor]:
    context = chromium.new_context(color_scheme=colour, viewport={"width": 900, "height": 760})
    context.set_default_timeout(30_000)
    yield watched(practice, context)
    context.close()
    practice.clinic.pump()  # what one test had looked at is no other's to find


def judged(frame: Frame) -> list[str]:
    """What axe finds wrong in the frame, with the place."""
    frame.evaluate(Axe().axe_script)
    found = frame.evaluate("axe.run().then(results => results.violations)")
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


def fits(frame: Frame) -> bool:
    return bool(frame.evaluate("innerWidth === 300 && document.documentElement.scrollWidth <= 300"))


@in_both_colours
def test_a_visit_and_a_patient_are_shown_where_the_doctor_looks(
    doctor: Doctor, practice: Practice, colour: str
) -> None:
    for page, remote_id, words, picture in (
        (NOTE, practice.there, "This visit is in OnCall.", "iframe-visit"),
        (NOTE, practice.missing, "This visit is not in OnCall.", "iframe-visit-missing"),
        (CHART, practice.clinic.patient, "This patient is in OnCall.", "iframe-patient"),
    ):
        frame = doctor.opens(page, remote_id)
        expect(frame.get_by_text(words)).to_be_visible()
        assert fits(frame), picture
        assert judged(frame) == [], picture
        doctor.pictured(picture, colour)
        doctor.is_clean()


@in_both_colours
def test_look_again_needs_no_cookie(doctor: Doctor, practice: Practice, colour: str) -> None:
    frame = doctor.opens(NOTE, practice.there)
    button = frame.get_by_role("button", name="Look again now")
    assert (button.bounding_box() or {})["height"] >= 44  # a finger's
    button.press("Enter")
    expect(doctor.frame.get_by_role("status")).to_have_text("It is being looked at now.")
    assert practice.clinic.due() != []
    practice.clinic.pump()
    assert (fits(doctor.frame), judged(doctor.frame)) == (True, [])
    doctor.pictured("iframe-looked-again", colour)
    # The page that answered has a token of its own.
    with doctor.page.expect_event("framenavigated"):
        doctor.frame.get_by_role("button", name="Look again now").click()
    expect(doctor.frame.get_by_role("status")).to_be_visible()
    practice.clinic.pump()
    doctor.is_clean()


def test_this_browser_keeps_cookies_of_framed_sites_away(
    doctor: Doctor, practice: Practice
) -> None:
    # Else the test above would prove nothing. It takes the cookie, and sends it in no frame.
    asked: list[str] = []
    with another_site(asked=asked) as probe:
        doctor.page.goto(probe)
        doctor.page.goto(probe)
        assert [one["name"] for one in doctor.page.context.cookies()] == ["probe"]
        doctor.opens(NOTE, practice.there).goto(probe)
    assert asked == ["", "probe=1", ""]


@in_both_colours
def test_a_form_that_was_changed_or_an_address_shown_twice_is_refused_in_words(
    doctor: Doctor, practice: Practice, colour: str
) -> None:
    frame = doctor.opens(NOTE, practice.there)
    spent = frame.url
    frame.evaluate("document.querySelector('[name=token]').value += 'x'")
    for again in (
        lambda: frame.get_by_role("button", name="Look again now").click(),
        lambda: doctor.frame.goto(spent),
    ):
        with doctor.page.expect_response(f"{practice.clinic.url}/iframe/**") as answered:
            again()
        assert answered.value.status == 403
        expect(doctor.frame.get_by_text("Load the page in DrChrono again.")).to_be_visible()
        assert (fits(doctor.frame), judged(doctor.frame)) == (True, [])
        assert practice.clinic.due() == []
    doctor.pictured("iframe-refused", colour)


@pytest.mark.parametrize("around", ["our page", "DrChrono's page"])
def test_no_other_site_shows_it(doctor: Doctor, practice: Practice, around: str) -> None:
    """Neither by itself nor by framing DrChrono's page, which the sandbox lets it."""
    if around == "our page":
        inner = address(practice.clinic, "clinical-note", practice.there)
    else:
        practice.clinic.advance_all(1)
        inner = f"{practice.drchrono}/{NOTE}/{practice.there}"
    page = doctor.page
    with another_site(f'<iframe src="{escape(inner)}"></iframe>') as stranger:
        page.goto(stranger)
        page.wait_for_load_state("networkidle")
    assert any(one.startswith(practice.clinic.url) for one in doctor.asked)
    assert "OnCall" not in page.frames[-1].content()
    assert any("frame-ancestors" in one for one in doctor.complaints), doctor.complaints
