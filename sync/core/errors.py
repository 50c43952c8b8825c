"""The one error table: what a remote's answer means for the call that got it.

Every remote answer is classified here, once, and closed by default: what no row names is permanent
(a refusal), and what may have happened without our reading it is ambiguous. Nothing of the remote's
own words leaves this module: a verdict holds codes, field names and an id.
"""
# The exceptions are outcomes, named as the design names them.
# ruff: noqa: N818

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sync.core import wording
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

    `retry_at` is an aware UTC time, or None. `fields` names the refused fields. `detail_code` is
    one of our own words. `other_id` is the object in the way, where the remote names it.
    """

    kind: Kind
    detail_code: str
    retry_at: datetime | None = None
    fields: tuple[str, ...] = ()
    other_id: str | None = None


class RemoteError(Exception):
    """A call that did not do what it was for. `code` is one of ours; `call_id` is the audit row."""

    def __init__(self, code: str, call_id: int | None = None) -> None:
        super().__init__(code, call_id)
        self.code = code
        self.call_id = call_id


class Refused(RemoteError):
    """The remote refuses this call for good; `fields` are the names it complains about."""

    def __init__(self, code: str, call_id: int | None = None, fields: Iterable[str] = ()) -> None:
        super().__init__(code, call_id)
        self.fields = tuple(fields)


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
        "participant",
        "patient",
        "provider",
        "user",
    }
)
TOKEN = "token"  # noqa: S105 - the endpoint's name
REVOKE = "revoke_token"
BULK = "bulk"
# POSTs that may be repeated: a bulk POST only asks for a list, a revoked token stays revoked.
REPEATABLE = frozenset({BULK, REVOKE})
# DrChrono answers "Resend the original request with the right HTTP method": API v4, Requests.
REDIRECTS = frozenset({302, 307, 308})

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
) -> Verdict:
    """Give the meaning of one answer.

    `json` is the parsed body, None when it was empty, not JSON by its content type, or unparsable.
    `headers` has lower-case names. `now` is aware UTC. Redirects that may be followed are followed
    before this is asked. Sources: DrChrono API v4 (Requests, Rate Limits, Appointments), RFC 6749
    section 5.2 for tokens, RFC 9110 for Retry-After.
    """
    method = method.upper()
    if 200 <= status < 300:
        return _success(system, endpoint, method, status, json)
    words = wording.words(json)
    if status == 429 or (status in {403, 503} and wording.THROTTLE.search(words)):
        return Verdict(
            Kind.THROTTLED,
            "throttled",
            wording.retry_at(headers, words, now) or now + DEFAULT_THROTTLE,
        )
    if endpoint == TOKEN and status in {400, 401}:
        return _token_refused(status, json)
    if status == 401 or (status == 403 and wording.NO_CREDENTIALS.search(words)):
        return Verdict(Kind.AUTH, "unauthorised")
    if 400 <= status < 500 and status != 408:
        return _refusal(system, endpoint, method, status, content_type, json, words)
    return _unknown_outcome(endpoint, method, status, wording.retry_at(headers, words, now))


def error_for(verdict: Verdict, call_id: int | None = None) -> RemoteError | None:
    """Give the exception that stands for a verdict, or None when the call did what it was for."""
    code = verdict.detail_code
    match verdict.kind:
        case Kind.OK:
            return None
        case Kind.TRANSIENT:
            return Transient(code, call_id, verdict.retry_at)
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
            return Refused(code, call_id, verdict.fields)


def _success(system: str, endpoint: str, method: str, status: int, json: Json) -> Verdict:
    if endpoint == REVOKE:
        return Verdict(Kind.OK, "ok")
    if status == 204 and method in {"PATCH", "PUT", "DELETE"}:
        return Verdict(Kind.OK, "ok")
    # Only `detail` is asked: a record of the list may quote anything.
    detail = json.get("detail") if endpoint == BULK and isinstance(json, dict) else None
    if isinstance(detail, str) and wording.BAD_UUID.search(detail):
        return Verdict(Kind.GONE, "invalid_uuid")
    known = status in {200, 201} or (endpoint == BULK and status == 202)
    if known and _is_due(system, endpoint, method, json):
        return Verdict(Kind.OK, "ok")
    if is_write(endpoint, method):
        return Verdict(Kind.AMBIGUOUS, "garbled")
    return Verdict(Kind.TRANSIENT, "garbled")


def _is_due(system: str, endpoint: str, method: str, json: Json) -> bool:
    """Whether the body is what this endpoint answers with; an object must show its identity."""
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
    system: str,
    endpoint: str,
    method: str,
    status: int,
    content_type: str | None,
    json: Json,
    words: str,
) -> Verdict:
    if endpoint == BULK and method == "GET" and (status == 404 or wording.BAD_UUID.search(words)):
        return Verdict(Kind.GONE, "invalid_uuid")
    if status in {404, 410} and endpoint in ITEMS:
        # DrChrono answers in JSON only (API v4, Responses): a page says nothing of the object, and
        # a deletion wrongly believed cancels a patient's visit.
        if system == "drchrono" and "html" in (content_type or ""):
            return _unknown_outcome(endpoint, method, status, None)
        return Verdict(Kind.GONE, "not_found")
    if system == "drchrono" and endpoint == "patients" and wording.DUPLICATE.search(words):
        return Verdict(Kind.CONFLICT, "duplicate_patient")
    if status == 409:
        if system == "drchrono" and endpoint in {"appointments", "appointment"}:
            return Verdict(Kind.CONFLICT, "overlap", other_id=wording.overlapping_id(words))
        return Verdict(Kind.CONFLICT, "conflict")
    codes = {400: "invalid", 403: "forbidden", 404: "no_such_endpoint", 405: "method_not_allowed"}
    return Verdict(Kind.PERMANENT, codes.get(status, "refused"), fields=wording.field_names(json))


def _unknown_outcome(endpoint: str, method: str, status: int, retry_at: datetime | None) -> Verdict:
    code = "redirect_refused" if 300 <= status < 400 else "server_error"
    if is_write(endpoint, method) and status not in REDIRECTS:
        return Verdict(Kind.AMBIGUOUS, code, retry_at)
    return Verdict(Kind.TRANSIENT, code, retry_at)
