"""The one error table: what a remote's answer means for the call that got it.

Every remote answer is classified here, once, and closed by default: only an answer that has the
API's own shape (`shapes`) refuses, denies an object or ends a credential. Any other error is the
word of something in front of the API: nothing happened, and it is tried again for as long as it
takes. What may have happened without our reading it is ambiguous. Nothing of the remote's own words
leaves this module: a verdict holds codes, field names and an id.
"""
# The exceptions are outcomes, named as the design names them.
# ruff: noqa: N818

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from sync.core import shapes, wording
from sync.core.wording import Json as Json

DEFAULT_THROTTLE = timedelta(seconds=60)


class Kind(StrEnum):
    """What to do about an answer."""

    OK = "ok"
    PERMANENT = "permanent"  # refused; the same call would be refused again
    TRANSIENT = "transient"  # nothing happened; try again later
    THROTTLED = "throttled"  # nothing happened; not before `retry_at`
    AUTH = "auth"  # nothing happened; our credentials are not taken
    GONE = "gone"  # the object asked for by id does not exist (any more)
    CONFLICT = "conflict"  # another object is in the way
    AMBIGUOUS = "ambiguous"  # it may have happened: look before doing anything


@dataclass(frozen=True)
class Verdict:
    """The meaning of one answer.

    `retry_at` is an aware UTC time, or None. `fields` names the refused fields, `places` which
    objects of a list they are in (field, place from 0). `detail_code` is
    one of our own words. `other_id` is the object in the way, where the remote names it.
    """

    kind: Kind
    detail_code: str
    retry_at: datetime | None = None
    fields: tuple[str, ...] = ()
    other_id: str | None = None
    places: tuple[tuple[str, int], ...] = ()


class RemoteError(Exception):
    """A call that did not do what it was for. `code` is one of ours; `call_id` is the audit row."""

    def __init__(self, code: str, call_id: int | None = None) -> None:
        super().__init__(code, call_id)
        self.code = code
        self.call_id = call_id


class Refused(RemoteError):
    """The remote refuses this call for good; `fields` are the names it complains about.

    `places` are the objects of a list that it complains about: the field, and the place from 0.
    """

    def __init__(
        self,
        code: str,
        call_id: int | None = None,
        fields: Iterable[str] = (),
        places: Iterable[tuple[str, int]] = (),
    ) -> None:
        super().__init__(code, call_id)
        self.fields = tuple(fields)
        self.places = tuple(places)


class Gone(RemoteError):
    """The object asked for by id does not exist."""


class Conflict(RemoteError):
    """Another object is in the way; `other_id` is its remote id, when the remote said it."""

    def __init__(self, code: str, call_id: int | None = None, other_id: str | None = None) -> None:
        super().__init__(code, call_id)
        self.other_id = other_id


class AuthFailed(RemoteError):
    """Our credentials are missing or not taken; the call was not executed."""


class Transient(RemoteError):
    """Nothing happened; `until` (aware UTC) is when the remote wants the next try, if it said."""

    def __init__(
        self, code: str, call_id: int | None = None, until: datetime | None = None
    ) -> None:
        super().__init__(code, call_id)
        self.until = until


class NotTheApi(Transient):
    """Something in front of the API answered, not the API; nothing happened.

    `code` is `edge_<status>`, or `login_page` for a redirect to where people sign in.
    """


class Unresolved(RemoteError):
    """No outcome was read: the write may have happened."""


class FencedOff(RemoteError):
    """Our lease was taken over by another process; nothing was sent."""


class NotBefore(RemoteError):
    """Not executed, and of no use before `until` (aware UTC). Burns no attempt."""

    def __init__(self, code: str, until: datetime, call_id: int | None = None) -> None:
        super().__init__(code, call_id)
        self.until = until


class Throttled(NotBefore):
    """The remote's rate limit."""


class Deferred(NotBefore):
    """Our own budget, a credential another process is renewing, our own end: nothing was sent."""


class WrongAccount(NotBefore):
    """The account is not shown to be the pinned one: nothing that it denies is believed."""


class TransportError(Exception):
    """No answer was read. `code` says where it ended: dns, connect, tls, deadline, closed…"""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotSent(TransportError):
    """Nothing can have reached the server."""


class NoAnswer(TransportError):
    """The request may have been carried out."""


# Endpoints whose path names one object: a 404 there says that the object is gone.
ITEMS = frozenset(
    {
        "appointment",
        "contact",
        "contact_appointments",
        "doctor",
        "participant",
        "patient",
        "provider",
        "user",
    }
)
TOKEN = "token"  # noqa: S105 - the endpoint's name
REVOKE = "revoke_token"
BULK = "bulk"
# Its answer is a bare array of appointments (newest schema, recurring_appointment_instances).
INSTANCES = "recurring_instances"
# POSTs that may be repeated: a bulk POST only asks for a list, a revoked token stays revoked.
REPEATABLE = frozenset({BULK, REVOKE})
# DrChrono answers "Resend the original request with the right HTTP method": API v4, Requests.
# With these nothing was done yet; a 303 says the opposite of a write (RFC 9110, 15.4.4).
REDIRECTS = frozenset({301, 302, 307, 308})
READ_ON = REDIRECTS | {303}
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
EDGE = "edge_"
LOGIN_PAGE = "login_page"

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


def is_write(endpoint: str, method: str) -> bool:
    """Whether doing this call twice could do something twice."""
    return method.upper() not in {"GET", "HEAD"} and endpoint not in REPEATABLE


def classify(
    system: str,
    endpoint: str,
    method: str,
    status: int,
    content_type: str | None,
    json: Json,
    headers: Mapping[str, str],
    now: datetime,
    *,
    asked: str | None = None,
    moved: bool = False,
) -> Verdict:
    """Give the meaning of one answer.

    `json` is the parsed body, None when it was empty, not JSON by its content type, or unparsable.
    `headers` has lower-case names. `now` is aware UTC. Redirects that may be followed are followed
    before this is asked: `moved` says that one led to another path. `asked` is the id of the object
    whose path was called. Sources: DrChrono API v4 (Requests, Rate Limits, Appointments), RFC 6749
    section 5.2 for tokens, RFC 9110 for Retry-After.
    """
    method = method.upper()
    if 200 <= status < 300:
        json = None if shapes.is_about_another(system, asked, json) else json
        return _success(system, endpoint, method, status, content_type, json)
    words = wording.words(json)
    stated = wording.retry_at(headers, words, now)
    if _is_page_for_a_pair(endpoint, content_type, json):
        return Verdict(Kind.TRANSIENT, f"{EDGE}{status}", stated)
    if status == 429 or (status in {403, 503} and wording.THROTTLE.search(words)):
        return Verdict(Kind.THROTTLED, "throttled", stated or now + DEFAULT_THROTTLE)
    if 300 <= status < 400:
        return _redirected(endpoint, method, status, headers.get("location", ""))
    if not 400 <= status < 500 or status == 408:
        return _unknown_outcome(endpoint, method, status, stated)
    if status == 409 and json is None and "html" not in (content_type or ""):
        # Its body is documented nowhere, and nothing in front of an API says 409 by itself.
        return _conflict(system, endpoint, words)
    if moved or not shapes.is_of_the_api(system, status, json, token=endpoint in {TOKEN, REVOKE}):
        # What another path refuses or lacks says nothing of the one that was asked for.
        return Verdict(Kind.TRANSIENT, f"{EDGE}{status}", stated)
    if endpoint == TOKEN and status in {400, 401}:
        return _token_refused(status, json)
    if status == 401 or (status == 403 and wording.NO_CREDENTIALS.search(words)):
        return Verdict(Kind.AUTH, "unauthorised")
    return _refusal(system, endpoint, method, status, json, words)


def error_for(verdict: Verdict, call_id: int | None = None) -> RemoteError | None:
    """Give the exception that stands for a verdict, or None when the call did what it was for."""
    code = verdict.detail_code
    match verdict.kind:
        case Kind.OK:
            return None
        case Kind.TRANSIENT:
            edge = code.startswith(EDGE) or code == LOGIN_PAGE
            return (NotTheApi if edge else Transient)(code, call_id, verdict.retry_at)
        case Kind.THROTTLED if verdict.retry_at is not None:
            return Throttled(code, verdict.retry_at, call_id)
        case Kind.THROTTLED:
            return Transient(code, call_id)
        case Kind.AUTH:
            return AuthFailed(code, call_id)
        case Kind.GONE:
            return Gone(code, call_id)
        case Kind.CONFLICT:
            return Conflict(code, call_id, verdict.other_id)
        case Kind.AMBIGUOUS:
            return Unresolved(code, call_id)
        case Kind.PERMANENT:
            return Refused(code, call_id, verdict.fields, verdict.places)


def _success(
    system: str, endpoint: str, method: str, status: int, content_type: str | None, json: Json
) -> Verdict:
    if endpoint == REVOKE:
        # Its success has no body (RFC 7009, section 2.2); a page is somebody else's.
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
    if method == "GET" and (endpoint not in ITEMS or endpoint == "contact_appointments"):
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
