"""Tell the API from something in front of it: only the API refuses, denies or ends."""

from datetime import UTC, datetime

import pytest

from sync.core.answers.table import Asked, Received, classify
from sync.core.answers.verdict import Kind, error_for
from sync.core.errors import NotTheApi

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HTML, JSON = "text/html; charset=UTF-8", "application/json"
D, C = "drchrono", "oncall"
STATUSES = (400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 421, 422)
STATUSES += (423, 431, 444, 451, 494, 499)
# What stands in front of an API says, each in its own words; none of it is the API's.
OF_THE_EDGE = {
    "aws gateway": {"message": "Forbidden"},
    "aws, missing token": {"message": "Missing Authentication Token"},
    "nestjs": {"statusCode": 403, "message": "Forbidden resource", "error": "Forbidden"},
    "rfc 9457": {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "policy"},
    "spring": {"timestamp": 1, "status": 404, "error": "Not Found", "path": "/api/x"},
    "kong": {"message": "no Route matched with those values", "request_id": "a"},
    "cloudflare": {"success": False, "errors": [{"code": 10000, "message": "no"}]},
    "azure": {"error": {"code": "AuthorizationFailed", "message": "no"}},
    "a number": 403,
    "a text": "Forbidden",
    "an empty object": {},
    "an empty list": [],
    "a list of numbers": [1],
}
EVERY = [
    (D, "GET", "appointment"),
    (D, "PATCH", "appointment"),
    (D, "POST", "appointments"),
    (D, "GET", "appointments"),
    (D, "GET", "patient"),
    (D, "POST", "bulk"),
    (D, "GET", "bulk"),
    (D, "POST", "token"),
    (C, "GET", "appointment"),
    (C, "PATCH", "participant"),
    (C, "POST", "contacts"),
    (C, "GET", "contacts"),
]


def verdict(system, method, endpoint, status, json=None, kind=JSON, headers=None):
    received = Received(status, kind, json, headers or {})
    return classify(Asked(system, endpoint, method), received, NOW)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("system", "method", "endpoint"), EVERY)
def test_a_page_refuses_nothing(system, method, endpoint, status):
    """An edge answers before the API is asked, so a write was not carried out either."""
    found = verdict(system, method, endpoint, status, None, HTML)
    assert (found.kind, found.detail_code) == (Kind.TRANSIENT, f"edge_{status}")
    assert isinstance(error_for(found), NotTheApi)


@pytest.mark.parametrize("status", [one for one in STATUSES if one != 409])
@pytest.mark.parametrize("kind", [None, "", JSON, "text/plain"])
@pytest.mark.parametrize(("system", "method", "endpoint"), EVERY)
def test_an_empty_or_unreadable_body_refuses_nothing(system, method, endpoint, status, kind):
    assert verdict(system, method, endpoint, status, None, kind).kind is Kind.TRANSIENT


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 451])
@pytest.mark.parametrize("body", OF_THE_EDGE.values(), ids=OF_THE_EDGE)
@pytest.mark.parametrize(("system", "method", "endpoint"), [EVERY[0], EVERY[2], EVERY[8], EVERY[9]])
def test_a_gateway_s_json_refuses_nothing(system, method, endpoint, body, status):
    if system == D or not (isinstance(body, dict) and set(body) == {"error"}):
        assert verdict(system, method, endpoint, status, body).kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("system", "status", "body", "kind"),
    [
        (D, 403, {"detail": "You do not have permission to perform this action."}, Kind.PERMANENT),
        (D, 403, {"detail": ["No."]}, Kind.PERMANENT),
        (D, 401, {"detail": "Invalid token header.", "code": "x"}, Kind.AUTH),
        (D, 404, {"detail": "Not found."}, Kind.GONE),
        (D, 400, {"reason": ["Too long."]}, Kind.PERMANENT),
        (D, 400, {"reason": "Too long."}, Kind.PERMANENT),
        (D, 400, {"custom_fields": [{}, {"field_value": ["Too long."]}]}, Kind.PERMANENT),
        (D, 400, ["No."], Kind.PERMANENT),
        (D, 401, {"error": "no"}, Kind.TRANSIENT),  # not one of DrChrono's shapes outside /o/
        (D, 403, {"reason": "policy"}, Kind.TRANSIENT),
        (C, 401, {"error": "Invalid key."}, Kind.AUTH),
        (C, 403, {"error": "No.", "code": "E1"}, Kind.PERMANENT),
        (C, 400, {"participants": [{"email": ["Enter a valid address."]}]}, Kind.PERMANENT),
        (C, 400, {"status": ["No."], "title": ["No."]}, Kind.PERMANENT),
        (C, 400, {"status": "error", "title": "Blocked"}, Kind.TRANSIENT),
        (C, 404, {"error": "Not found"}, Kind.GONE),
    ],
)
def test_the_api_s_shapes_are_believed(system, status, body, kind):
    assert verdict(system, "GET", "appointment", status, body).kind is kind


@pytest.mark.parametrize(
    ("method", "status", "location", "kind", "code"),
    [
        ("POST", 302, "/accounts/login/?next=/api/x", Kind.TRANSIENT, "login_page"),
        ("GET", 302, "https://app.drchrono.com/accounts/login/", Kind.TRANSIENT, "login_page"),
        ("POST", 303, "https://sso.example/signin", Kind.TRANSIENT, "login_page"),
        ("PATCH", 307, "/login", Kind.TRANSIENT, "login_page"),
        ("POST", 301, "https://www.example/", Kind.TRANSIENT, "redirect_refused"),
        ("POST", 302, "", Kind.TRANSIENT, "redirect_refused"),
        ("POST", 303, "/api/appointments/7", Kind.AMBIGUOUS, "redirect_refused"),
        ("GET", 303, "/api/appointments/7", Kind.TRANSIENT, "redirect_refused"),
        ("GET", 302, "https://[bad", Kind.TRANSIENT, "redirect_refused"),
        ("POST", 302, "/api/blogins/7", Kind.TRANSIENT, "redirect_refused"),
    ],
)
def test_a_redirect_that_is_not_followed_did_nothing(method, status, location, kind, code):
    for system in (D, C):
        endpoint = "appointment" if method != "POST" else "appointments"
        found = verdict(system, method, endpoint, status, None, HTML, {"location": location})
        assert (found.kind, found.detail_code) == (kind, code)


@pytest.mark.parametrize("status", [501, 505, 511, 521, 523, 525, 526])
def test_some_server_errors_say_that_nothing_was_done(status):
    assert verdict(C, "POST", "appointments", status, None, HTML).kind is Kind.TRANSIENT


@pytest.mark.parametrize("status", [200, 201, 500, 502, 503, 504, 520, 522, 524])
def test_a_write_that_may_have_been_done_stays_ambiguous(status):
    assert verdict(C, "POST", "appointments", status, None, HTML).kind is Kind.AMBIGUOUS


def test_a_page_for_a_revocation_revoked_nothing():
    assert verdict(D, "POST", "revoke_token", 200, None, HTML).kind is Kind.TRANSIENT
    assert verdict(D, "POST", "revoke_token", 200, None, "").kind is Kind.OK


def test_a_renewal_answered_by_a_page_spent_nothing():
    for status in (200, 201, 400, 401, 403, 404, 500, 502, 503, 504, 520):
        assert verdict(D, "POST", "token", status, None, HTML).kind is Kind.TRANSIENT
    assert verdict(D, "POST", "token", 401, {"error": "invalid_grant"}).kind is Kind.AUTH


def test_a_renewal_whose_answer_is_no_pair_may_have_been_made():
    for status, body in ((200, {}), (200, None), (500, {"detail": "no"}), (502, None)):
        assert verdict(D, "POST", "token", status, body).kind is Kind.AMBIGUOUS


SAME = [
    (D, "7", {"id": 7}),
    (D, "7", {"id": "7"}),
    (D, "2027-01-19_90010", {"id": "90010"}),  # it became an appointment of its own
    (D, "90010", {"id": "2027-01-19_90010"}),
    (C, "7", {"url": "https://api.oncallhealth.com/contacts/7/", "id": 900}),
    (C, "7", {"url": "/contacts/007"}),
    (C, "7", {"url": "https://api.oncallhealth.com/contacts/"}),
]
ANOTHER = [
    (D, "7", {"id": 8}),
    (D, "7", {"id": "70"}),
    (C, "7", {"url": "https://api.oncallhealth.ca/appointments/8/"}),
    (C, "7", {"url": "https://api.oncallhealth.ca/appointments/8", "id": 7}),
]


@pytest.mark.parametrize(("system", "asked", "body"), SAME + ANOTHER)
def test_an_answer_about_another_object_is_none(system, asked, body):
    for method, kind in (("GET", Kind.TRANSIENT), ("PATCH", Kind.AMBIGUOUS)):
        received = Received(200, JSON, body, {})
        found = classify(Asked(system, "patient", method, asked), received, NOW)
        assert found.kind is (kind if (system, asked, body) in ANOTHER else Kind.OK)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_what_another_path_says_after_a_redirect_refuses_nothing(status):
    body = {"detail": "Not found."}
    received = Received(status, JSON, body, {}, moved=True)
    found = classify(Asked(D, "appointment", "GET"), received, NOW)
    assert (found.kind, found.detail_code) == (Kind.TRANSIENT, f"edge_{status}")
