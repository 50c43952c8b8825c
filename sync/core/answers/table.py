"""Classify every remote answer, once, and closed by default: the one error table.

Only an answer in the API's own shape (`shapes`) refuses, denies an object or ends a credential. Any
other error comes from something in front of the API: nothing happened, and the call is tried again
for as long as it takes. A write that may have been done without a readable answer is ambiguous. No
text of the remote leaves this module: a verdict holds codes, field names and an id (docs/rules.md,
R19).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sync.core import wording
from sync.core.answers import shapes
from sync.core.answers.endpoints import (
    BULK,
    IFRAME,
    INSTANCES,
    ITEMS,
    REDIRECTS,
    REVOKE,
    TOKEN,
    is_write,
)
from sync.core.answers.verdict import EDGE, LOGIN_PAGE, Kind, Verdict
from sync.core.wording import Json

DEFAULT_THROTTLE = timedelta(seconds=60)
# Server errors that say themselves that the request was not carried out: not implemented (RFC
# 9110), sign in to the network (RFC 6585), and a CDN that did not reach the server or found no
# certificate to trust (Cloudflare: 521, 523, 525, 526).
_NOT_DONE = frozenset({501, 505, 511, 521, 523, 525, 526})
# Where people sign in, by the path of a redirect.
_LOGIN = re.compile(
    r"(?:^|[/_\-.])(?:log-?_?in|log-?_?on|sign-?_?in|sso|saml2?|oauth2?|authorize|authenticate)"
    r"(?:$|[/_\-.?;])",
    re.IGNORECASE,
)
# RFC 6749, section 5.2: the only remote words that are taken over, because the list is closed.
_OAUTH_ERRORS = frozenset(
    {
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)


@dataclass(frozen=True)
class Asked:
    """What was called: an endpoint by its name, and the id in its path where it names an object."""

    system: str
    endpoint: str
    method: str
    object_id: str | None = None


@dataclass(frozen=True)
class Received:
    """What came back, redirects that may be followed being followed.

    `json` is the parsed body, None when it was empty, not JSON by its content type, or unparsable.
    `headers` has lower-case names. `moved` says that a redirect led to another path.
    """

    status: int
    content_type: str | None
    json: Json = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    moved: bool = False


def classify(asked: Asked, received: Received, now: datetime) -> Verdict:
    """Give the meaning of one answer. `now` is aware UTC.

    Sources: docs/api-facts.md (D2, D9, D11 to D13, D18, D35, D48, D54, O6), RFC 6749 section 5.2
    for tokens, RFC 9110 for Retry-After.
    """
    system, endpoint, method = asked.system, asked.endpoint, asked.method.upper()
    status, content_type, json = received.status, received.content_type, received.json
    if 200 <= status < 300:
        json = None if shapes.is_about_another(system, asked.object_id, json) else json
        return _success(system, endpoint, method, status, content_type, json)
    words = wording.words(json)
    stated = wording.retry_at(received.headers, words, now)
    if _is_page_for_a_pair(endpoint, content_type, json):
        return Verdict(Kind.TRANSIENT, f"{EDGE}{status}", stated)
    if status == 429 or (status in {403, 503} and wording.THROTTLE.search(words)):
        return Verdict(Kind.THROTTLED, "throttled", stated or now + DEFAULT_THROTTLE)
    if 300 <= status < 400:
        return _redirected(endpoint, method, status, received.headers.get("location", ""))
    if not 400 <= status < 500 or status == 408:
        return _unknown_outcome(endpoint, method, status, stated)
    if status == 409 and json is None and "html" not in (content_type or ""):
        # Its body is documented nowhere (D12), and nothing in front of an API says 409 by itself.
        return _conflict(system, endpoint, words)
    token = endpoint in {TOKEN, REVOKE}
    # The switch of the framed pages leads to the doctor's own address (D71).
    elsewhere = received.moved and endpoint != IFRAME
    if elsewhere or not shapes.is_of_the_api(system, status, json, token=token):
        # What another path refuses or lacks says nothing of the one that was asked for.
        return Verdict(Kind.TRANSIENT, f"{EDGE}{status}", stated)
    if endpoint == TOKEN and status in {400, 401}:
        return _token_refused(status, json)
    if status == 401 or (status == 403 and wording.NO_CREDENTIALS.search(words)):
        return Verdict(Kind.AUTH, "unauthorised")
    return _refusal(system, endpoint, method, status, json, words)


def _success(
    system: str, endpoint: str, method: str, status: int, content_type: str | None, json: Json
) -> Verdict:
    if endpoint in {REVOKE, IFRAME}:
        # A revoked token's success has no body (RFC 7009, section 2.2), the switch's is documented
        # nowhere (D71); a page is somebody else's.
        page = "html" in (content_type or "")
        return Verdict(Kind.TRANSIENT, "garbled") if page else Verdict(Kind.OK, "ok")
    if _is_page_for_a_pair(endpoint, content_type, json):
        return Verdict(Kind.TRANSIENT, f"{EDGE}{status}")
    if status == 204 and method in {"PATCH", "PUT", "DELETE"}:
        return Verdict(Kind.OK, "ok")
    # Only `detail` is asked: a record of the list may quote anything.
    detail = json.get("detail") if endpoint == BULK and isinstance(json, dict) else None
    if isinstance(detail, str) and wording.BAD_UUID.search(detail):
        return Verdict(Kind.GONE, "invalid_uuid")
    known = status in {200, 201} or (endpoint == BULK and status == 202)
    if known and _is_due(system, endpoint, method, json):
        return Verdict(Kind.OK, "ok")
    return _garbled(endpoint, method)


def _is_page_for_a_pair(endpoint: str, content_type: str | None, json: Json) -> bool:
    """Whether a page stands for a token pair: it tells nothing of one, and the next try does."""
    return endpoint == TOKEN and json is None and "html" in (content_type or "")


def _garbled(endpoint: str, method: str) -> Verdict:
    kind = Kind.AMBIGUOUS if is_write(endpoint, method) else Kind.TRANSIENT
    return Verdict(kind, "garbled")


def _is_due(system: str, endpoint: str, method: str, json: Json) -> bool:
    """Whether the body is what this endpoint answers with; an object must show its identity."""
    if endpoint == INSTANCES:
        return isinstance(json, list) and all(isinstance(one, dict) for one in json)
    if not isinstance(json, dict):
        return False
    if endpoint == TOKEN:
        return all(isinstance(json.get(key), str) for key in ("access_token", "refresh_token"))
    if endpoint == BULK:
        return True
    if method == "GET" and endpoint not in ITEMS:
        return isinstance(json.get("results", json.get("data")), list)
    return bool(json.get("url" if system == "oncall" else "id"))


def _token_refused(status: int, json: Json) -> Verdict:
    word = json.get("error") if isinstance(json, dict) else None
    code = word if isinstance(word, str) and word in _OAUTH_ERRORS else "token_refused"
    # invalid_request and the like are our own mistakes, not a token that died.
    auth = status == 401 or code == "invalid_grant"
    return Verdict(Kind.AUTH if auth else Kind.PERMANENT, code)


def _refusal(
    system: str, endpoint: str, method: str, status: int, json: Json, words: str
) -> Verdict:
    """Give the meaning of a refusal that has the API's shape."""
    if endpoint == BULK and method == "GET" and (status == 404 or wording.BAD_UUID.search(words)):
        return Verdict(Kind.GONE, "invalid_uuid")
    if status in {404, 410} and endpoint in ITEMS:
        return Verdict(Kind.GONE, "not_found")
    if system == "drchrono" and endpoint == "patients" and wording.DUPLICATE.search(words):
        return Verdict(Kind.CONFLICT, "duplicate_patient")
    if status == 409:
        return _conflict(system, endpoint, words)
    codes = {400: "invalid", 403: "forbidden", 404: "no_such_endpoint", 405: "method_not_allowed"}
    return Verdict(
        Kind.PERMANENT,
        codes.get(status, "refused"),
        fields=wording.field_names(json),
        places=wording.places(json),
    )


def _conflict(system: str, endpoint: str, words: str) -> Verdict:
    if system == "drchrono" and endpoint in {"appointments", "appointment"}:
        return Verdict(Kind.CONFLICT, "overlap", other_id=wording.overlapping_id(words))
    return Verdict(Kind.CONFLICT, "conflict")


def _redirected(endpoint: str, method: str, status: int, location: str) -> Verdict:
    """Give the meaning of a redirect that was not followed: the API asked for nothing there."""
    if _leads_to_login(location):
        return Verdict(Kind.TRANSIENT, LOGIN_PAGE)
    if is_write(endpoint, method) and status not in REDIRECTS:
        return Verdict(Kind.AMBIGUOUS, "redirect_refused")
    return Verdict(Kind.TRANSIENT, "redirect_refused")


def _leads_to_login(location: str) -> bool:
    try:
        path = urlsplit(location).path
    except ValueError:
        return False
    return _LOGIN.search(path) is not None


def _unknown_outcome(endpoint: str, method: str, status: int, retry_at: datetime | None) -> Verdict:
    if is_write(endpoint, method) and status not in _NOT_DONE:
        return Verdict(Kind.AMBIGUOUS, "server_error", retry_at)
    return Verdict(Kind.TRANSIENT, "server_error", retry_at)
