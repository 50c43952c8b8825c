"""Signing in by a provider of OpenID Connect: a real one, in a process of its own."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.servers.processes import soon

HERE = "http://127.0.0.1:8001"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock"]
    process = subprocess.Popen(
        [*program, "--port", str(port), "--require-nonce", "true"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{address}/.well-known/openid-configuration", timeout=2).ok
        except requests.RequestException:
            return False

    soon(answers, 60)
    yield address
    process.kill()
    process.wait(10)


@pytest.fixture
def browser(opened: Any, issuer: str) -> FlaskClient:
    return opened(
        oidc_issuer=issuer,
        oidc_client_id="ops-of-the-tests",
        oidc_client_secret="Vq3-secret-of-the-client",
        oidc_admin="clinic-admins",
    )


def person(issuer: str, name: str, **claims: Any) -> None:
    answer = requests.put(f"{issuer}/users/{name}", json={"sub": name, **claims}, timeout=10)
    assert answer.ok, answer.text


def leave(browser: FlaskClient, address: str = "/ops/openid") -> str:
    answer = browser.get(address, base_url=HERE)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def agree(address: str, name: str) -> str:
    """The person's way through the provider; where it sends the browser back to."""
    answer = requests.post(address, data={"sub": name}, allow_redirects=False, timeout=10)
    assert answer.status_code in {302, 303}, answer.text
    return answer.headers["Location"]


def come_back(browser: FlaskClient, address: str) -> TestResponse:
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}", base_url=HERE)


@pytest.mark.parametrize(
    ("claim", "role"),
    [
        (["clinic-admins", "viewer"], "admin"),
        (["operator"], "operator"),
        ("viewer other", "viewer"),
    ],
)
def test_the_provider_says_who_it_is_and_in_what_role(
    browser: FlaskClient, issuer: str, claim: Any, role: str
) -> None:
    person(issuer, "ruth", roles=claim)
    asked = parse_qs(urlsplit(leave(browser)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    answer = come_back(browser, agree(leave(browser, "/ops/openid?next=/ops?span=hour"), "ruth"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ops?span=hour")
    page = browser.get("/ops", base_url=HERE).get_data(as_text=True)
    assert "ruth" in page
    assert role in page


@pytest.mark.parametrize("claim", [None, [], "admin", ["root"], {"admin": True}, 7])
def test_who_has_no_role_is_told_so(browser: FlaskClient, issuer: str, claim: Any) -> None:
    # `admin` too: this clinic's word for it is another.
    person(issuer, "mallory", **({} if claim is None else {"roles": claim}))
    answer = come_back(browser, agree(leave(browser), "mallory"))
    assert answer.status_code == 403
    assert "no role" in answer.get_data(as_text=True)
    assert browser.get("/ops", base_url=HERE).status_code == 303


def test_an_answer_that_was_begun_elsewhere_lets_nobody_in(
    browser: FlaskClient, issuer: str
) -> None:
    # The attacker's own code, put into the victim's browser.
    person(issuer, "mallory", roles=["operator"])
    back = agree(leave(browser.application.test_client()), "mallory")
    leave(browser)
    assert come_back(browser, back).status_code == 502
    assert browser.get("/ops", base_url=HERE).status_code == 303


def test_an_answer_counts_once(browser: FlaskClient, issuer: str) -> None:
    person(issuer, "ruth", roles=["operator"])
    back = agree(leave(browser), "ruth")
    assert come_back(browser, back).status_code == 303
    browser.delete_cookie("ops", domain="127.0.0.1")
    assert come_back(browser, back).status_code == 502


def test_another_answer_s_token_lets_nobody_in(browser: FlaskClient, issuer: str) -> None:
    # Its nonce is that of another exchange, although the state is right.
    person(issuer, "ruth", roles=["operator"])
    first, second = leave(browser.application.test_client()), leave(browser)
    state = parse_qs(urlsplit(second).query)["state"][0]
    code = parse_qs(urlsplit(agree(first, "ruth")).query)["code"][0]
    forged = f"/ops/openid/back?{urlencode({'code': code, 'state': state})}"
    assert come_back(browser, forged).status_code == 502


def test_a_provider_that_is_away_is_told_and_nobody_is_in(opened: Any) -> None:
    browser = opened(oidc_issuer="http://127.0.0.1:1", oidc_client_id="a")
    assert browser.get("/ops/openid", base_url=HERE).status_code == 502
    assert browser.get("/ops/openid/back?code=a&state=b", base_url=HERE).status_code == 502


def test_without_a_provider_there_is_no_such_way(opened: Any) -> None:
    browser = opened()
    assert browser.get("/ops/openid").status_code == 502
    assert "organisation" not in browser.get("/ops/sign-in").get_data(as_text=True)
