"""Define what clients, gate and transport hand each other: calls, requests, answers.

A `Call` is what a client wants; an `Outgoing` is one HTTP request of it (a redirected call has
several); an `Incoming` is what came back; an `Answer` is what the client is given. Bodies, queries
and paths are kept out of `repr`: they can hold a patient's e-mail address.
"""

import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict
from urllib.parse import unquote, urlencode

from sync.core.answers.endpoints import ITEMS, REVOKE, TOKEN, is_write
from sync.core.answers.verdict import Verdict
from sync.core.wording import Json as Json


@dataclass(frozen=True)
class Call:
    """One call of a remote API.

    `endpoint` is the error table's name for it. `path` starts with a slash and is relative to the
    system's base URL; it may carry a query string of the remote's own making (a `next` link).
    `json` or `form` is the body, at most one of them. `object_id` is our row of the object written
    to, `fields` the names written, `effect` what the brake counts ("cancel", …), `pending` the
    digest of each (object row, field) being written, `before` the digests of the object's fields as
    they were just read, where they were, `settled` key and digest of what they were settled at
    (None: it is asked for), `doctor` the DrChrono doctor concerned.
    """

    system: str
    method: str
    endpoint: str
    path: str = field(repr=False)
    query: Mapping[str, str] | None = field(default=None, repr=False)
    json: Json = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    object_id: int | None = None
    fields: tuple[str, ...] = ()
    effect: str = ""
    pending: Mapping[tuple[int, str], str] = field(default_factory=dict, repr=False)
    before: Mapping[str, str] = field(default_factory=dict, repr=False)
    settled: Mapping[str, tuple[str, str]] | None = field(default=None, repr=False)
    doctor: str | None = None

    @property
    def bearer(self) -> bool:
        """Whether the system's authorisation belongs on it: token calls carry their own secret."""
        return self.endpoint not in {TOKEN, REVOKE}

    @property
    def writes(self) -> bool:
        """Whether doing it twice could do something twice."""
        return is_write(self.endpoint, self.method)

    @property
    def names(self) -> str | None:
        """The id of the object that the path names, where it names one."""
        if self.endpoint not in ITEMS:
            return None
        return unquote(self.path.partition("?")[0].rstrip("/").rpartition("/")[2])


class Audit(TypedDict, total=False):
    """The keywords of a client's method that go into the `Call` unchanged."""

    object_id: int | None
    fields: tuple[str, ...]
    effect: str
    pending: Mapping[tuple[int, str], str]
    before: Mapping[str, str]
    settled: Mapping[str, tuple[str, str]] | None
    doctor: str | None


@dataclass(frozen=True)
class Outgoing:
    """One HTTP request. `url` is absolute; `query` is appended to it."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Incoming:
    """One HTTP answer, read whole. Header names are lower case; `seconds` is how long it took."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    seconds: float

    @property
    def content_type(self) -> str:
        """The media type, lower case, without parameters; "" when none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Answer:
    """What a call brought. `json` is None when the answer had none (a 204)."""

    status: int
    json: Json = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content_type: str
    call_id: int | None
    verdict: Verdict


class Sender(Protocol):
    """What a client sends its calls by. The ticket is the sender's own affair."""

    def send(self, call: Call, ticket: Any) -> Answer:
        """Make the call. Raises a `RemoteError` for every verdict but ok."""


def outgoing(call: Call, base_url: str, authorization: Mapping[str, str]) -> Outgoing:
    """Give the HTTP request of a call.

    `authorization` is left out where the call carries its own secret. JSON bodies are UTF-8; token
    endpoints take forms only (docs/api-facts.md, D16).
    """
    headers = {"accept": "application/json"}
    if call.bearer:
        headers.update(authorization)
    body = None
    if call.form is not None:
        body = urlencode(call.form).encode()
        headers["content-type"] = "application/x-www-form-urlencoded"
    elif call.json is not None:
        body = jsonlib.dumps(call.json, allow_nan=False, separators=(",", ":")).encode()
        headers["content-type"] = "application/json"
    return Outgoing(call.method, base_url.rstrip("/") + call.path, headers, call.query, body)


def read_json(incoming: Incoming) -> Json:
    """Give the parsed body, None when it is empty or not JSON.

    The content type is asked first: DrChrono's edge sometimes answers 200 with a page of HTML.
    """
    if "json" not in incoming.content_type:
        return None
    try:
        parsed: Json = jsonlib.loads(incoming.content)
    except (ValueError, RecursionError):
        return None
    return parsed
