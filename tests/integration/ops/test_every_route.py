"""What holds for every route of the operators' app, as its own list has them.

A route that is added later is asked too. What is open wider than usual must stand in a table here.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from flask.testing import FlaskClient
from jinja2 import UndefinedError
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from service.app import create_app
from service.doors import Doors
from sync.operations import operators
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.store.database import Store
from sync.store.schema import metadata
from tests.support import canary
from tests.support.ops.browser import token
from workers.bell import Bell

# For everybody, signed in or not.
OPEN = {
    ("GET", "/"),
    ("GET", "/metrics"),
    ("GET", "/healthz"),
    ("GET", "/ops/sign-in"),
    ("POST", "/ops/sign-in"),
    ("POST", "/ops/sign-out"),
    ("GET", "/ops/link"),
    ("GET", "/ops/openid"),
    ("GET", "/ops/openid/back"),
}
# A form that only asks, and so is for viewers too.
RECORDS = ("deliveries", "calls", "conflicts", "audit")
ASKING = {
    *(("POST", f"/ops/{one}") for one in ("why", "day", "waiting", "timeline", *RECORDS)),
    *(("POST", f"/ops/{one}/download") for one in (*RECORDS, "diff")),
}
OTHER_METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
Route = tuple[str, str, str]  # method, pattern, an address of it


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """Nothing here depends on which database it is."""
    opened = Store(sqlite_url)
    yield opened
    opened.close()


def routes(browser: FlaskClient, *methods: str) -> list[Route]:
    adapter = browser.application.url_map.bind("localhost")
    found = []
    for rule in browser.application.url_map.iter_rules():
        if rule.endpoint != "static":
            address = adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "1"))
            found += [(one, rule.rule, address) for one in methods if one in (rule.methods or ())]
    assert len(found) > 3
    return found


def entered(sync: Sync, browser: FlaskClient, role: Role) -> None:
    browser.get(f"/ops/link?key={operators.new_link(sync, 'ruth', role)}")
    assert browser.get("/ops/now").status_code == 200


def held(sync: Sync) -> dict[str, list[Any]]:
    """All that the database holds."""
    with sync.store.read() as conn:
        return {
            table.name: sorted(map(str, conn.execute(select(table)).all()))
            for table in metadata.sorted_tables
        }


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_without_the_pages_word_does_nothing(
    sync: Sync, browser: FlaskClient, headers: dict[str, str]
) -> None:
    entered(sync, browser, Role.ADMIN)
    before = held(sync)
    for _, pattern, address in routes(browser, "POST"):
        for word in ({}, {"csrf_token": "x"}):
            answer = browser.post(address, data=word, headers=headers)
            assert answer.status_code == (403 if headers else 400), pattern
            as_part = browser.post(address, data=word, headers={**headers, "HX-Request": "true"})
            assert as_part.status_code == answer.status_code, pattern
            assert "Location" not in answer.headers
    assert held(sync) == before


@pytest.mark.parametrize("role", [None, *Role])
def test_each_route_is_for_those_it_is_for(
    sync: Sync, browser: FlaskClient, role: Role | None
) -> None:
    app = browser.application
    if role is not None:
        entered(sync, browser, role)
    word = token(browser) if role is None else token(browser, "/ops")
    narrowed = {}
    for endpoint, view in app.view_functions.items():
        if endpoint != "static":
            app.view_functions[endpoint] = standing_in(view)
            narrowed[endpoint] = getattr(view, "needed", None)
    endpoints = {
        (method, rule.rule): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for method, pattern, address in routes(browser, "GET", "POST"):
        form = {"csrf_token": word} if method == "POST" else None
        answer = browser.open(address, method=method, data=form)
        usual = usually(method, pattern)
        own = narrowed[endpoints[method, pattern]]
        needed = own if usual and own and own.covers(usual) else usual
        let_in = needed is None or (role is not None and role.covers(needed))
        assert (answer.text == "let in") is let_in, (method, pattern)
        if not let_in:
            assert answer.status_code == (303 if role is None else 403)


def usually(method: str, pattern: str) -> Role | None:
    """Whom a route is for at least, as the tables have it; a view's own word can only narrow it."""
    if (method, pattern) in OPEN:
        return None
    return Role.VIEWER if method == "GET" or (method, pattern) in ASKING else Role.OPERATOR


def standing_in(view: Any) -> Any:
    """A view of the same marks, which does nothing."""

    def instead(**_given: object) -> str:
        return "let in"

    vars(instead).update({name: mark for name, mark in vars(view).items() if name != "__wrapped__"})
    return instead


def test_no_answer_is_kept_framed_or_loads_from_elsewhere(sync: Sync, browser: FlaskClient) -> None:
    entered(sync, browser, Role.ADMIN)
    for client in (browser.application.test_client(), browser):
        asked = routes(browser, "GET", "POST")
        for method, pattern, address in [*asked, ("GET", "none", "/ops/nothing")]:
            if pattern not in {"/ops/sign-out", "/ops/link"}:
                for more in ({}, {"HX-Request": "true"}, {"Accept": "application/json"}):
                    is_sealed(client.open(address, method=method, headers=more), pattern)


def is_sealed(answer: TestResponse, pattern: str) -> None:
    headers = answer.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    expected = {"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'"}
    assert expected.items() <= policy.items(), pattern
    assert not any(word in str(policy) for word in ("unsafe", "*", "http")), pattern
    told = {name: headers.get(name) for name in SEALS}
    assert told == SEALS, pattern
    assert headers["X-Request-Id"]
    assert "Access-Control-Allow-Origin" not in headers
    assert "Server" not in headers


SEALS = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def test_what_is_kept_is_the_same_for_everybody(browser: FlaskClient) -> None:
    for name in ("ops.css", "theme.js", "vendor/htmx.min.js"):
        answer = browser.get(f"/ops/static/{name}", buffered=True)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, False)
    for name in ("../templates/ops/base.html", "%2e%2e/ops_app.py", "/etc/passwd", "vendor/"):
        assert browser.get(f"/ops/static/{name}", buffered=True).status_code in {400, 404}


def test_only_the_methods_of_a_route_are_taken(sync: Sync, browser: FlaskClient) -> None:
    entered(sync, browser, Role.ADMIN)
    before = held(sync)
    taken = {(one, address) for one, _, address in routes(browser, "GET", "POST")}
    for address in {address for _, address in taken}:
        for method in ("GET", "POST", *OTHER_METHODS):
            if (method, address) not in taken:
                answer = browser.open(address, method=method)
                assert answer.status_code in {400, 405}, (method, address)
                is_sealed(answer, address)
    assert held(sync) == before


OVERRIDES: tuple[dict[str, Any], ...] = (
    {"headers": {"X-HTTP-Method-Override": "POST"}},
    {"headers": {"X-Method-Override": "POST"}},
    {"query_string": {"_method": "POST"}},
    {"query_string": {"__method__": "POST", "_method": "DELETE"}},
)


@pytest.mark.parametrize("override", OVERRIDES, ids=str)
def test_a_get_is_never_a_post(sync: Sync, browser: FlaskClient, override: dict[str, Any]) -> None:
    entered(sync, browser, Role.ADMIN)
    before = held(sync)
    gets = {address for _, _, address in routes(browser, "GET")}
    for _, pattern, address in routes(browser, "POST"):
        if address not in gets:
            assert browser.get(address, **override).status_code == 405, pattern
    assert held(sync) == before


def test_a_look_ahead_does_nothing(sync: Sync, browser: FlaskClient) -> None:
    """HEAD is GET without the body, and no GET of a page is a deed."""
    entered(sync, browser, Role.ADMIN)
    browser.head("/healthz")  # it writes its probe, and the digest key's name at the first time
    before = held(sync)
    for _, pattern, address in routes(browser, "GET"):
        answer = browser.head(address)
        assert (answer.data, answer.status_code != 500) == (b"", True), pattern
    after = held(sync)
    changed = {name for name, rows in after.items() if rows != before[name]}
    assert changed <= {"operator_session", "probe"}


NAMES = (
    {"Host": "evil.example"},
    {"Host": "evil.example:8001"},
    {"Host": "localhost@evil.example"},
)
FORWARDED = (
    {"X-Forwarded-Host": "evil.example"},
    {"Forwarded": "host=evil.example"},
    {"X-Host": "evil.example", "X-Original-URL": "/evil.example", "X-Rewrite-URL": "/evil.example"},
    {"X-Forwarded-Prefix": "/evil.example", "X-Script-Name": "/evil.example"},
    {"Referer": "https://evil.example/", "Origin": "https://evil.example"},
)


@pytest.mark.parametrize("headers", [*NAMES, *FORWARDED], ids=str)
def test_the_name_that_a_caller_says_leads_nowhere(
    sync: Sync, browser: FlaskClient, headers: dict[str, str]
) -> None:
    entered(sync, browser, Role.VIEWER)
    for client in (browser, browser.application.test_client()):
        for _, pattern, address in routes(browser, "GET"):
            answer = client.get(address, headers=headers)
            assert "evil" not in f"{answer.headers}{answer.text}", pattern
            if "Host" in headers:
                assert answer.status_code == 400, pattern


ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "%2f%2fevil.example",
    "/ops/%2f%2fevil.example",
    "/ops/%2e%2e//evil.example",
    "/ops/..//evil.example",
    "/ops/./../..//evil.example",
    "/ops@evil.example",
    "/ops.evil.example",
    "https:evil.example",
    "https:/ops",
    "http://localhost/ops",
    "//localhost/ops",
    "javascript:alert(1)",
    "data:text/html,evil",
    "/ops\r\nLocation: https://evil.example",
    "/ops%0d%0aLocation:%20https://evil.example",
    "/ops\u2028//evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ops?next=//evil.example",
    "?//evil.example",
    "#@evil.example",
    "ops",
)


@pytest.mark.parametrize("role", [None, Role.VIEWER])
def test_every_way_on_leads_to_these_pages_alone(
    sync: Sync, browser: FlaskClient, role: Role | None
) -> None:
    if role is not None:
        entered(sync, browser, role)
    asked = [address for _, pattern, address in routes(browser, "GET") if pattern != "/ops/link"]
    leading = [one for one in asked if browser.get(one).status_code in range(300, 400)]
    assert leading
    for address in leading:
        for there in ELSEWHERE:
            answer = browser.get(address, query_string={"next": there})
            led = answer.headers.get("Location", "/ops")
            assert stays(led), (address, there, led)
            assert "evil" not in str(answer.headers).replace(led, "")


def stays(led: str) -> bool:
    """Whether a browser that follows stays in the pages, however it reads the address."""
    parts = urlsplit(led)
    path = unquote(unquote(parts.path))
    inside = path == "/ops" or path.startswith("/ops/")
    plain = not set(path) & set("\\\r\n\t") and "//" not in path and ".." not in path
    return inside and plain and not parts.scheme and not parts.netloc


def test_a_table_is_given_as_a_file_that_a_browser_does_not_open(
    sync: Sync, browser: FlaskClient
) -> None:
    entered(sync, browser, Role.ADMIN)
    for _, pattern, address in routes(browser, "GET"):
        answer = browser.get(address)
        if answer.mimetype == "text/csv":
            assert answer.headers["Content-Disposition"].startswith("attachment"), pattern
            is_sealed(answer, pattern)


ERRORS = (
    ValueError("Núñez"),
    OperationalError("SELECT 'Núñez'", {"name": "Núñez"}, Exception("Núñez")),
    UndefinedError("Núñez is undefined"),
    LookupError("Núñez"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_page_that_fails_tells_nothing(
    sync: Sync, browser: FlaskClient, capfd: pytest.CaptureFixture[str], error: Exception
) -> None:
    """Neither to who asked nor to the log, whatever an exception's text holds."""
    entered(sync, browser, Role.ADMIN)
    app = browser.application
    word = token(browser, "/ops")
    for endpoint, view in app.view_functions.items():
        if endpoint != "static":
            app.view_functions[endpoint] = failing(view, error)
    for method, pattern, address in routes(browser, "GET", "POST"):
        answer = browser.open(f"{address}?q=Núñez", method=method, data={"csrf_token": word})
        assert answer.status_code in {500, 503}, pattern
        assert not tells(answer.text), pattern
    told = capfd.readouterr()
    assert "a page failed" in told.out or "the database failed a page" in told.out
    assert not tells(told.out + told.err)


def tells(text: str) -> bool:
    return canary.hits({"Núñez"}, text.encode()) != set()


def failing(view: Any, error: Exception) -> Any:
    """A view of the same marks, which fails."""

    def instead(**_given: object) -> str:
        raise error

    vars(instead).update({name: mark for name, mark in vars(view).items() if name != "__wrapped__"})
    return instead


def test_the_webhooks_port_has_nothing_kept_either(sync: Sync) -> None:
    client = create_app(Doors.of(sync, Bell(""))).test_client()
    for rule in client.application.url_map.iter_rules():
        for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS"):
            address = rule.rule.replace("<token>", "x")
            answer = client.open(address, method=method)
            assert answer.headers["Cache-Control"] == "no-store", (method, rule)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/nothing").headers["Cache-Control"] == "no-store"
