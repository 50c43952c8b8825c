"""Connecting by a browser: looking changes nothing, and a button does each step, once."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests
from sqlalchemy import select

from cli.world.forms import forms
from sync.drchrono.keeper import ConnectionState
from sync.setup import connect
from sync.store.schema import ticket
from tests.support.clinic import Clinic, checked
from tests.support.sandbox_client import Sandbox

PREVIEWS = [
    ("HEAD", {}),
    ("GET", {"User-Agent": "Slackbot-LinkExpanding 1.0"}),
    ("GET", {"Sec-Purpose": "prefetch"}),
    ("GET", {"Purpose": "prefetch"}),
]


@pytest.fixture
def clinic(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """An installation that was never connected, whose public address is the test's server."""
    with Clinic(sandbox, database_url, tmp_path) as made, checked(made):
        made.settings.public_url = made.url
        object.__setattr__(
            made.sync.application, "redirect_uri", f"{made.url}/oauth/drchrono/callback"
        )
        yield made


class Browser:
    """A person's browser: keeps cookies, presses buttons, follows redirects."""

    def __init__(self, clinic: Clinic) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        self.page = self.open(start_address(clinic))

    def open(self, url: str) -> requests.Response:
        self.page = self.http.get(url, timeout=30)
        return self.page

    def press(self, number: int = 0) -> requests.Response:
        """Press a button of the page."""
        form = forms(self.page.text)[number]
        target = urljoin(self.page.url, form.action or self.page.url)
        self.page = self.http.post(target, data=form.fields, timeout=30)
        return self.page

    def go_to_callback(self) -> str:
        """Our start's button, DrChrono's Allow; returns the callback's address."""
        self.press()
        self.press()
        return self.page.url


def start_address(clinic: Clinic) -> str:
    return f"{clinic.url}/oauth/drchrono/start?ticket={connect.new_ticket(clinic.sync)}"


def look(url: str) -> list[int]:
    """What machines do that look at links; none of them has the browser's cookie."""
    return [
        requests.request(
            method, url, headers=headers, timeout=30, allow_redirects=False
        ).status_code
        for method, headers in PREVIEWS
    ]


def exchanges(clinic: Clinic) -> int:
    return clinic.calls("drchrono").count("POST /o/token/")


def state(clinic: Clinic) -> ConnectionState:
    return clinic.sync.keeper.status().state


def connected(browser: Browser, clinic: Clinic) -> None:
    assert "DrChrono is connected." in browser.page.text
    assert state(clinic) is ConnectionState.GOOD


# --- looking --------------------------------------------------------------------------------------


def test_previews_of_every_address_spend_nothing_and_ask_nobody(clinic: Clinic) -> None:
    browser = Browser(clinic)
    assert look(browser.page.url) == [200] * 4
    callback = browser.go_to_callback()
    assert look(callback) == [400] * 4
    with_cookie = [browser.http.request(m, callback, headers=h, timeout=30) for m, h in PREVIEWS]
    assert [one.status_code for one in with_cookie] == [200] * 4
    assert exchanges(clinic) == 0
    browser.press()
    assert exchanges(clinic) == 1
    browser.press()
    connected(browser, clinic)


def test_pages_are_whole_and_private(clinic: Clinic) -> None:
    browser = Browser(clinic)
    pages = [browser.page]
    browser.go_to_callback()
    pages += [browser.page, browser.press(), browser.press()]
    for page in pages:
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        policy = page.headers["Content-Security-Policy"]
        style = "style-src 'nonce-" + re.findall(r'<style nonce="([^"]+)"', page.text)[0]
        assert policy.startswith(f"default-src 'none'; {style}'; form-action 'self'")
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"<script|<link|<img|<iframe|https?://", page.text)


def test_the_cookie_is_kept_to_us_and_the_start_uses_pkce(clinic: Clinic) -> None:
    for public, secure in ((clinic.url, False), ("https://sync.example.org", True)):
        clinic.settings.public_url = public
        secret = connect.new_ticket(clinic.sync)
        answer = requests.post(
            f"{clinic.url}/oauth/drchrono/start",
            data={"ticket": secret},
            timeout=30,
            allow_redirects=False,
        )
        assert answer.status_code == 303
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert ("Secure" in cookie) is secure
        asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert secret not in answer.headers["Location"]


# --- once -----------------------------------------------------------------------------------------


def test_an_address_starts_once(clinic: Clinic) -> None:
    browser = Browser(clinic)
    address = browser.page.url
    browser.press()
    assert requests.get(address, timeout=30).status_code == 400
    again = requests.post(address, data={"ticket": parse_qs(urlsplit(address).query)["ticket"][0]},
                          timeout=30, allow_redirects=False)  # fmt: skip
    assert again.status_code == 400


def test_the_end_can_be_looked_at_again_and_ends_nothing(clinic: Clinic) -> None:
    browser = Browser(clinic)
    callback = browser.go_to_callback()
    browser.press()
    browser.press()
    for url in (browser.page.url, callback, browser.page.url):
        browser.open(url)
        connected(browser, clinic)
    assert exchanges(clinic) == 1


def test_a_button_that_is_pressed_twice_exchanges_once(clinic: Clinic) -> None:
    browser = Browser(clinic)
    browser.go_to_callback()
    form = browser.page
    browser.press()
    browser.page = form
    browser.press()
    assert exchanges(clinic) == 1
    confirming = browser.page
    browser.press()
    browser.page = confirming
    browser.press()
    connected(browser, clinic)


@pytest.mark.parametrize("path", ["callback", "confirm", "refuse", "again"])
def test_another_browser_can_t_go_on(clinic: Clinic, path: str) -> None:
    browser = Browser(clinic)
    callback = parse_qs(urlsplit(browser.go_to_callback()).query)
    if path != "callback":
        browser.press()
    fields = {"state": callback["state"][0], "code": callback["code"][0]}
    stranger = requests.post(f"{clinic.url}/oauth/drchrono/{path}", data=fields, timeout=30)
    assert stranger.status_code == 400
    assert state(clinic) is ConnectionState.NONE
    if path == "callback":
        browser.press()
    browser.press()
    connected(browser, clinic)


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=Planted<b>"])
def test_without_a_good_ticket_nobody_can_attach_an_account(clinic: Clinic, query: str) -> None:
    for method in ("GET", "POST"):
        answer = requests.request(
            method, f"{clinic.url}/oauth/drchrono/start{query}", timeout=30, allow_redirects=False
        )
        assert answer.status_code == 400
        assert "Location" not in answer.headers
        assert "Planted" not in answer.text


# --- the practice's name --------------------------------------------------------------------------


def test_the_first_practice_is_pinned_when_its_name_was_confirmed(clinic: Clinic) -> None:
    browser = Browser(clinic)
    browser.go_to_callback()
    browser.press()
    assert "Riverside Family Practice" in browser.page.text
    assert (clinic.sync.installation(), state(clinic)) == (None, ConnectionState.NONE)
    with clinic.sync.store.read() as conn:
        row = conn.execute(select(ticket)).one()
    access = clinic.sandbox.state("drchrono")["credentials"]["tokens"][-1]["access"]
    assert row.kind == "held"
    assert access.encode() not in row.sealed
    browser.press()
    connected(browser, clinic)
    assert clinic.sync.installation() is not None


def test_the_wrong_practice_is_refused_by_its_name_and_its_access_ended(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("drchrono", login="stranger")
    browser = Browser(clinic)
    browser.go_to_callback()
    browser.press()
    assert "Hilltop Dental" in browser.page.text
    browser.press(1)
    assert (clinic.sync.installation(), state(clinic)) == (None, ConnectionState.NONE)
    tokens = clinic.sandbox.state("drchrono")["credentials"]["tokens"]
    assert [one["revoked"] for one in tokens if one["actor"] == "app"] == [True]
    # In the same browser, as the right user.
    clinic.sandbox.behaviours("drchrono", login="owner")
    for _ in range(4):
        browser.press()
    connected(browser, clinic)


def test_a_pair_that_nobody_confirmed_is_ended(clinic: Clinic) -> None:
    browser = Browser(clinic)
    browser.go_to_callback()
    browser.press()
    clinic.advance(connect.STATE_LIFE.total_seconds() + 1)
    clinic.beat("prune")
    assert clinic.calls("drchrono").count("POST /o/revoke_token/") == 1
    clinic.beat("prune")
    assert clinic.calls("drchrono").count("POST /o/revoke_token/") == 1
    assert browser.press().status_code == 400


# --- PKCE and refusals ----------------------------------------------------------------------------


def test_drchrono_may_ignore_pkce(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("drchrono", pkce="ignored")
    browser = Browser(clinic)
    browser.go_to_callback()
    browser.press()
    browser.press()
    connected(browser, clinic)


@pytest.mark.parametrize("where", ["refused_at_start", "refused_at_token"])
def test_drchrono_may_refuse_pkce_and_the_next_try_goes_without(clinic: Clinic, where: str) -> None:
    clinic.sandbox.behaviours("drchrono", pkce=where)
    browser = Browser(clinic)
    browser.press()
    if where == "refused_at_token":
        browser.press()
        assert browser.press().status_code == 400
    assert "Try again" in browser.page.text
    browser.press()
    browser.press()
    browser.press()
    browser.press()
    connected(browser, clinic)


def test_who_says_no_is_told_so_and_can_try_again(clinic: Clinic) -> None:
    browser = Browser(clinic)
    browser.press()
    callback = f"{clinic.url}/oauth/drchrono/callback"
    asked = parse_qs(urlsplit(browser.page.url).query)
    browser.open(f"{callback}?error=access_denied%3Cb%3E&state={asked['state'][0]}")
    assert "DrChrono gave no permission" in browser.page.text
    assert "<b>" not in browser.page.text
    for _ in range(4):
        browser.press()
    connected(browser, clinic)
