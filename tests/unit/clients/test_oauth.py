"""Make the calls of DrChrono's OAuth, and read a token pair (docs/api-facts.md, D16)."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from sync.core.errors import Unresolved
from sync.drchrono import oauth
from sync.drchrono.oauth import Application

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
APPLICATION = Application("client-1", "s3cret", "https://sync.example.org/oauth/callback")


def pair(number):
    return {"access_token": f"a{number}", "refresh_token": f"r{number}", "expires_in": 172800}


def test_the_address_for_a_user_names_all_that_drchrono_asks_for():
    address = oauth.authorise_url(
        "https://app.drchrono.com/", APPLICATION, ["calendar:read", "patients"], "st&1"
    )
    assert address.startswith("https://app.drchrono.com/o/authorize/?")
    assert parse_qs(urlsplit(address).query) == {
        "response_type": ["code"],
        "client_id": ["client-1"],
        "redirect_uri": ["https://sync.example.org/oauth/callback"],
        "scope": ["calendar:read patients"],
        "state": ["st&1"],
    }
    assert "scope" not in oauth.authorise_url("https://a", APPLICATION, [], "s")


COMMON = {
    "client_id": "client-1",
    "client_secret": "s3cret",
    "redirect_uri": "https://sync.example.org/oauth/callback",
}


@pytest.mark.parametrize(
    ("call", "endpoint", "path", "form"),
    [
        (
            oauth.exchange_code(APPLICATION, "c1"),
            "token",
            "/o/token/",
            COMMON | {"grant_type": "authorization_code", "code": "c1"},
        ),
        (
            oauth.refresh(APPLICATION, "r1"),
            "token",
            "/o/token/",
            COMMON | {"grant_type": "refresh_token", "refresh_token": "r1"},
        ),
        (
            oauth.revoke(APPLICATION, "a1"),
            "revoke_token",
            "/o/revoke_token/",
            {"client_id": "client-1", "client_secret": "s3cret", "token": "a1"},
        ),
    ],
)
def test_token_calls_are_forms_without_a_bearer(call, endpoint, path, form):
    assert (call.system, call.method, call.endpoint, call.path) == (
        "drchrono",
        "POST",
        endpoint,
        path,
    )
    assert call.form == form
    assert call.json is None
    assert not call.bearer
    assert "s3cret" not in repr((call, APPLICATION))


def test_a_pair_lives_as_long_as_it_says_and_48_hours_else():
    assert oauth.pair_from(pair(1) | {"expires_in": 60}, START).expires_at == START + timedelta(
        minutes=1
    )
    for unsaid in (None, "x", True, 0, -1):
        found = oauth.pair_from(pair(1) | {"expires_in": unsaid}, START)
        assert found.expires_at == START + timedelta(hours=48)
        assert found.renew_at == START + timedelta(hours=24)


@pytest.mark.parametrize(
    "json", [None, [], {}, {"access_token": "a"}, pair(1) | {"access_token": 1}]
)
def test_an_unreadable_pair_was_made_all_the_same(json):
    with pytest.raises(Unresolved):
        oauth.pair_from(json, START, 7)
