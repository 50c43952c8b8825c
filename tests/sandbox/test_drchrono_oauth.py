"""DrChrono's tokens, scopes and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.sandbox.conftest import caller

if TYPE_CHECKING:
    import requests

    from tests.sandbox.conftest import Caller
    from tests.support.sandbox_client import Sandbox

BACK = "http://localhost:9999/oauth/callback"
CLIENT = {
    "client_id": "sandbox-client-id",
    "client_secret": "sandbox-client-secret-that-is-as-long-as-one-of-drchrono-s-own-is",
}


def page(sandbox: Sandbox, **changes: Any) -> str:
    query = {
        "client_id": CLIENT["client_id"],
        "redirect_uri": BACK,
        "response_type": "code",
        "state": "s1",
        **changes,
    }
    return f"{sandbox.drchrono_url}/o/authorize/?{urlencode(query)}"


def token(sandbox: Sandbox, path: str = "/o/token/", **form: str) -> requests.Response:
    return sandbox.session.post(
        sandbox.drchrono_url + path, data={**CLIENT, **form}, timeout=10, allow_redirects=False
    )


def redeem(sandbox: Sandbox, code: str, uri: str = BACK) -> requests.Response:
    return token(sandbox, grant_type="authorization_code", code=code, redirect_uri=uri)


def refresh(sandbox: Sandbox, old: str) -> requests.Response:
    return token(sandbox, grant_type="refresh_token", refresh_token=old)


def works(sandbox: Sandbox, access: str) -> bool:
    call = caller(sandbox.session, sandbox.drchrono_url, f"Bearer {access}")
    answer = call("GET", "/api/doctors")
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_from_the_button_to_a_working_token(sandbox: Sandbox) -> None:
    answer = redeem(sandbox, sandbox.oauth_code(page(sandbox, scope="user:read calendar:read")))
    assert answer.status_code == 200
    body = answer.json()
    assert body["expires_in"] == 172800
    assert body["scope"] == "user:read calendar:read"
    assert works(sandbox, body["access_token"])
    assert not works(sandbox, "not-a-token")


def test_the_state_comes_back(sandbox: Sandbox) -> None:
    answer = sandbox.session.post(page(sandbox), timeout=10, allow_redirects=False)
    assert answer.headers["Location"].startswith(BACK + "?")
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["state"] == ["s1"]


def test_an_unregistered_redirect_uri_gets_a_page_and_nothing_is_sent_there(
    sandbox: Sandbox,
) -> None:
    address = page(sandbox, redirect_uri="https://elsewhere.example/cb")
    for method in ("GET", "POST"):
        answer = sandbox.session.request(method, address, timeout=10, allow_redirects=False)
        assert answer.status_code == 400
        assert "Location" not in answer.headers


def test_one_unknown_scope_refuses_the_whole(sandbox: Sandbox) -> None:
    address = page(sandbox, scope="user:read everything:read")
    answer = sandbox.session.get(address, timeout=10, allow_redirects=False)
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query == {"error": ["invalid_scope"], "state": ["s1"]}


def test_a_code_is_good_once(sandbox: Sandbox) -> None:
    code = sandbox.oauth_code(page(sandbox))
    assert redeem(sandbox, code).status_code == 200
    again = redeem(sandbox, code)
    assert (again.status_code, again.json()) == (401, {"error": "invalid_grant"})


@pytest.mark.parametrize(("seconds", "status"), [(55, 200), (61, 401)])
def test_a_code_lives_one_minute(sandbox: Sandbox, seconds: int, status: int) -> None:
    code = sandbox.oauth_code(page(sandbox))
    sandbox.control("drchrono", "time", {"offset_seconds": seconds})
    assert redeem(sandbox, code).status_code == status


def test_a_code_is_bound_to_its_redirect_uri(sandbox: Sandbox) -> None:
    code = sandbox.oauth_code(page(sandbox))
    assert redeem(sandbox, code, "http://localhost:9999/other").status_code == 401


def test_refreshing_rotates_and_kills_the_old_one_at_once(sandbox: Sandbox) -> None:
    first = sandbox.app_token()
    second = refresh(sandbox, first["refresh_token"])
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    again = refresh(sandbox, first["refresh_token"])
    assert (again.status_code, again.json()) == (401, {"error": "invalid_grant"})
    assert refresh(sandbox, second.json()["refresh_token"]).status_code == 200


@pytest.mark.parametrize(("seconds", "good"), [(172700, True), (172801, False)])
def test_an_access_token_lives_48_hours(sandbox: Sandbox, seconds: int, *, good: bool) -> None:
    access = sandbox.app_token()["access_token"]
    sandbox.control("drchrono", "time", {"offset_seconds": seconds})
    assert works(sandbox, access) is good


@pytest.mark.parametrize(
    ("what", "access_works", "refresh_status"),
    [("access", False, 200), ("refresh", True, 401), ("all", False, 401)],
)
def test_control_expires_tokens(
    sandbox: Sandbox, what: str, *, access_works: bool, refresh_status: int
) -> None:
    pair = sandbox.app_token()
    sandbox.control("drchrono", "expire", {"what": what})
    assert works(sandbox, pair["access_token"]) is access_works
    assert refresh(sandbox, pair["refresh_token"]).status_code == refresh_status


def test_the_life_of_a_token_can_be_shortened_and_the_answer_says_so(sandbox: Sandbox) -> None:
    sandbox.behaviours("drchrono", access_seconds=120)
    pair = sandbox.app_token()
    assert pair["expires_in"] == 120
    sandbox.control("drchrono", "time", {"offset_seconds": 119})
    assert works(sandbox, pair["access_token"])
    sandbox.control("drchrono", "time", {"offset_seconds": 121})
    assert not works(sandbox, pair["access_token"])


def test_revoking_ends_a_token(sandbox: Sandbox) -> None:
    access = sandbox.app_token()["access_token"]
    assert token(sandbox, "/o/revoke_token/", token=access).status_code == 200
    assert not works(sandbox, access)


def test_the_token_endpoint_wants_a_form_a_slash_and_the_secret(sandbox: Sandbox) -> None:
    pair = sandbox.app_token()
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    as_json = sandbox.session.post(
        sandbox.drchrono_url + "/o/token/", json={**CLIENT, **form}, timeout=10
    )
    assert as_json.status_code == 400
    assert token(sandbox, "/o/token", **form).status_code == 404
    wrong = token(sandbox, **{**form, "client_secret": "guess"})
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    assert token(sandbox, **form).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        (["user:read"], "GET", "/api/doctors", 200),
        (["user:read"], "GET", "/api/patients", 403),
        (["patients:read"], "GET", "/api/patients", 200),
        (["patients:read"], "POST", "/api/patients", 403),
        (["patients"], "POST", "/api/patients", 400),
        (["calendar:read"], "GET", "/api/appointments?date=2031-01-01", 403),
        (["calendar:read", "clinical:read"], "GET", "/api/appointments?date=2031-01-01", 200),
        (["patients:read"], "POST", "/api/patients_list", 201),
        ([], "GET", "/api/users", 200),
    ],
)
def test_scopes(sandbox: Sandbox, scopes: list[str], method: str, path: str, status: int) -> None:
    access = sandbox.app_token(scopes)["access_token"]
    call = caller(sandbox.session, sandbox.drchrono_url, f"Bearer {access}")
    assert call(method, path, {} if method == "POST" else None).status_code == status


def test_a_missing_scope_may_show_as_an_empty_list(sandbox: Sandbox) -> None:
    sandbox.behaviours("drchrono", missing_scope="empty")
    access = sandbox.app_token(["user:read"])["access_token"]
    call = caller(sandbox.session, sandbox.drchrono_url, f"Bearer {access}")
    answer = call("GET", "/api/patients")
    assert (answer.status_code, answer.json()["results"]) == (200, [])
    assert call("GET", "/api/patients/7001").status_code == 403


class TestLimits:
    def test_the_hourly_limit_and_its_reset_at_the_top_of_the_hour(
        self, sandbox: Sandbox, dc: Caller
    ) -> None:
        sandbox.behaviours("drchrono", hourly_limit=3)
        answers = [dc("GET", "/api/doctors") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        detail = answers[3].json()["detail"]
        assert detail.startswith("Request was throttled. Expected available in ")
        assert detail.endswith(".0 seconds.")
        assert "Retry-After" not in answers[3].headers
        seconds = float(detail.split()[-2])
        sandbox.control("drchrono", "time", {"offset_seconds": seconds + 1})
        assert dc("GET", "/api/doctors").status_code == 200

    def test_a_retry_after_header_by_switch(self, sandbox: Sandbox, dc: Caller) -> None:
        sandbox.behaviours("drchrono", hourly_limit=0, retry_after_header=True)
        assert int(dc("GET", "/api/doctors").headers["Retry-After"]) > 0

    def test_more_than_ten_within_a_second(self, sandbox: Sandbox, dc: Caller) -> None:
        sandbox.behaviours("drchrono", burst_limit=10)
        # Far more than ten can be sent in a second here; a few may fall into the next.
        codes = [dc("GET", "/api/doctors").status_code for _ in range(15)]
        assert codes[:10] == [200] * 10
        assert 429 in codes[10:]

    def test_staff_never_count(self, sandbox: Sandbox, dc: Caller) -> None:
        sandbox.behaviours("drchrono", hourly_limit=1)
        for _ in range(3):
            assert sandbox.staff_drchrono("GET", "/api/doctors").status_code == 200
        assert dc("GET", "/api/doctors").status_code == 200
        assert dc("GET", "/api/doctors").status_code == 429
