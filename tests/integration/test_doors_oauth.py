"""The OAuth door: what it passes on, what it answers; the exchange itself is tested elsewhere."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from sync.config import Settings
from sync.engine import connect, context
from workers.bell import Bell

START = "/oauth/drchrono/start"
CALLBACK = "/oauth/drchrono/callback"


@pytest.fixture
def web(sqlite_url: str) -> Iterator[FlaskClient]:
    settings = Settings(
        _env_file=None,
        database_url=sqlite_url,
        encryption_keys="MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        digest_keys="k" * 43,
    )
    sync = context.build(settings, owner="web@test:1")
    sync.store.migrate()
    yield create_app(sync, Bell("")).test_client()
    sync.close()


def test_a_good_ticket_leads_to_drchrono(web: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "https://app.drchrono.com/o/authorize/?state=s"
    monkeypatch.setattr(connect, "redeem", lambda _sync, secret: f"{address}{secret}")
    answer = web.get(f"{START}?ticket=abc")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{address}abc")


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=unknown"])
def test_without_a_good_ticket_nobody_can_attach_an_account(web: FlaskClient, query: str) -> None:
    answer = web.get(START + query)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_the_code_is_exchanged(web: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(connect, "finish", lambda _sync, state, code: told.append((state, code)))
    answer = web.get(f"{CALLBACK}?state=s&code=c")
    assert (answer.status_code, told) == (200, [("s", "c")])
    assert answer.get_data(as_text=True).startswith("DrChrono is connected.")


@pytest.mark.parametrize("query", ["", "?error=access_denied&state=s", "?state=s", "?code=c"])
def test_without_a_code_nothing_is_exchanged(
    web: FlaskClient, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(connect, "finish", lambda *_: pytest.fail("nothing to exchange"))
    answer = web.get(CALLBACK + query)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "not_authorized")


def test_an_unknown_state_is_refused(web: FlaskClient) -> None:
    answer = web.get(f"{CALLBACK}?state=Planted&code=Planted")
    assert answer.status_code == 400
    assert "Planted" not in answer.get_data(as_text=True)


def test_no_cache_and_no_next_site_learns_the_secrets(web: FlaskClient) -> None:
    for path in (f"{START}?ticket=a", CALLBACK):
        headers = web.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
