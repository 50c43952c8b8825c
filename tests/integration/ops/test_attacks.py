"""What another site, a stranger or a viewer may not: forged forms, foreign names, framing."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.ops import acting
from tests.support.ops.browser import Person, post, token


def test_a_form_without_the_pages_word_does_nothing(ruth: Person) -> None:
    ruth.sign_in()
    answer = ruth.browser.post("/ops/sign-out")
    assert answer.status_code == 400
    assert "open too long" in answer.get_data(as_text=True)
    assert ruth.browser.get("/ops").status_code == 200


def test_the_word_of_another_browser_does_nothing(ruth: Person) -> None:
    ruth.sign_in()
    foreign = token(ruth.browser.application.test_client())
    answer = ruth.browser.post("/ops/sign-out", data={"csrf_token": foreign})
    assert answer.status_code == 400
    assert ruth.browser.get("/ops").status_code == 200


@pytest.mark.parametrize("told", ["cross-site", "same-site"])
def test_a_post_from_another_site_does_nothing(ruth: Person, told: str) -> None:
    ruth.sign_in()
    form = {"csrf_token": token(ruth.browser, "/ops")}
    answer = ruth.browser.post("/ops/sign-out", data=form, headers={"Sec-Fetch-Site": told})
    assert answer.status_code == 403
    assert ruth.browser.get("/ops").status_code == 200
    ours = ruth.browser.post("/ops/sign-out", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert ours.status_code == 303


NAMES = [
    ("localhost:8001", True),
    ("127.0.0.1:8001", True),
    ("127.0.0.1", True),
    ("[::1]:8001", True),
    ("LOCALHOST.", True),
    ("ops.example.org", True),
    ("metrics", True),
    ("evil.example", False),
    ("evil.example:8001", False),
    ("localhost.evil.example", False),
    ("127.0.0.1.evil.example", False),
    ("ops.example.org.evil.example", False),
    ("10.0.0.7", False),
    ("", False),
    ("[", False),
]


@pytest.mark.parametrize(("host", "known"), NAMES)
@pytest.mark.parametrize("path", ["/ops/sign-in", "/metrics", "/healthz", "/ops/static/ops.css"])
def test_a_name_of_nobody_s_is_refused(opened: Any, host: str, known: bool, path: str) -> None:
    browser = opened(ops_url="https://ops.example.org", ops_hosts="metrics, other")
    answer = browser.get(path, environ_overrides={"HTTP_HOST": host}, buffered=True)
    assert (answer.status_code != 400) is known
    assert "evil" not in answer.get_data(as_text=True)


def test_a_viewer_can_do_nothing_but_look(victor: Person) -> None:
    victor.sign_in()
    app = victor.browser.application
    doing = [rule for rule in app.url_map.iter_rules() if "POST" in rule.methods]
    for rule in doing:
        view = app.view_functions[rule.endpoint]
        if "needed" in vars(view):
            continue  # it says for whom it is, and its own test holds it
        _, address = rule.build(dict.fromkeys(rule.arguments, 1)) or ("", "")
        assert post(victor.browser, address, page="/ops").status_code == 403, rule
    assert {"/ops/why", "/ops/sign-in", "/ops/sign-out"} <= {rule.rule for rule in doing}


def test_what_says_nothing_of_its_role_is_for_operators(victor: Person, ruth: Person) -> None:
    app = victor.browser.application
    app.view_functions["probe"] = lambda: "done"
    app._got_first_request = False
    app.add_url_rule("/ops/probe", "probe", methods=["POST"])
    victor.sign_in()
    assert post(victor.browser, "/ops/probe", page="/ops").status_code == 403
    post(victor.browser, "/ops/sign-out", page="/ops")
    ruth.sign_in()
    assert post(ruth.browser, "/ops/probe", page="/ops").status_code == 200


def test_each_page_but_the_doors_asks_who_it_is(browser: FlaskClient) -> None:
    for rule in browser.application.url_map.iter_rules():
        if rule.arguments or "GET" not in rule.methods:
            continue
        view = browser.application.view_functions[rule.endpoint]
        answer = browser.get(rule.rule)
        if getattr(view, "needed", "") is None:
            continue
        assert answer.status_code == 303, rule
        assert answer.headers["Location"].startswith("/ops/sign-in")


def test_a_part_that_keeps_itself_fresh_leads_the_whole_page_out(browser: FlaskClient) -> None:
    answer = browser.get("/ops/now", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/ops/sign-in")


@pytest.mark.parametrize("path", ["/ops/sign-in", "/ops", "/ops/nothing", "/metrics", "/healthz"])
def test_no_answer_may_be_framed_kept_or_load_from_elsewhere(ruth: Person, path: str) -> None:
    for browser in (ruth.browser.application.test_client(), ruth.browser):
        if browser is ruth.browser:
            ruth.sign_in()
        headers = browser.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["base-uri"] == "'none'"
        assert policy["style-src"] == "'self'"
        assert "unsafe" not in str(policy)
        assert "*" not in str(policy)
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_word_of_the_scripts_is_another_each_time(browser: FlaskClient) -> None:
    policies = {browser.get("/ops/sign-in").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


def test_an_error_repeats_nothing_of_the_request(ruth: Person) -> None:
    ruth.sign_in()
    for answer in (
        ruth.browser.get("/ops/<script>planted</script>?planted"),
        ruth.browser.post("/ops/why", data={"planted": "planted"}),
        ruth.browser.put("/ops", data="planted"),
    ):
        assert answer.status_code in {400, 404, 405}
        assert "planted" not in answer.get_data(as_text=True) + str(answer.headers)
        assert "<h1" in answer.get_data(as_text=True)


def test_a_program_is_told_in_json(ruth: Person) -> None:
    ruth.sign_in()
    answer = ruth.browser.get("/ops/nothing", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()["error"]) == (404, "not_found")


def test_a_cookie_that_was_changed_is_none(ruth: Person) -> None:
    ruth.sign_in()
    kept = ruth.browser.get_cookie("ops", domain="localhost")
    assert kept is not None
    for other in (kept.value[:-2] + "xx", "x" + kept.value, "e30.x.y", ""):
        ruth.browser.set_cookie("ops", other, domain="localhost")
        assert ruth.browser.get("/ops").status_code == 303


def test_the_database_away_is_told_in_plain_words(ruth: Person) -> None:
    ruth.sign_in()
    ruth.sync.store.downgrade("base")
    answer = ruth.browser.get("/ops")
    assert answer.status_code == 503
    assert "database can" in answer.get_data(as_text=True)


def test_nothing_is_open_by_mistake() -> None:
    def view() -> None:
        """Say nothing of who may."""

    assert "needed" not in vars(view)
    assert vars(acting.for_everybody(view))["needed"] is None
