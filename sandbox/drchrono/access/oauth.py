"""Authorise a user, issue and end token pairs, and know the scopes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from werkzeug.wrappers import Response

from sandbox.answers import Call, Json, Refusal, json_answer

if TYPE_CHECKING:
    from sandbox.clock import Clock
    from sandbox.trouble.behaviours import Behaviours

CLIENT_ID = "sandbox-client-id"
CLIENT_SECRET = "sandbox-client-secret-that-is-as-long-as-one-of-drchrono-s-own-is"  # noqa: S105 - of no use outside this process
# The code expires after 1 minute (docs/api-facts.md, D16).
CODE_SECONDS = 60
# DrChrono's schema, securitySchemes (D20).
SCOPES = frozenset(
    f"{name}:{right}"
    for name in (
        *("billing", "billing:patient-payment", "calendar", "clinical", "labs", "messages"),
        *("patients", "patients:summary", "settings", "tasks", "user"),
    )
    for right in ("read", "write")
)


@dataclass
class Token:
    """One access token and the refresh token that came with it."""

    access: str
    refresh: str
    actor: str
    scopes: list[str]
    expires: float
    refresh_alive: bool = True
    revoked: bool = False
    account: str = "owner"


@dataclass
class Code:
    """An authorisation code, good once."""

    redirect_uri: str
    scopes: list[str]
    expires: float
    account: str = "owner"
    challenge: str | None = None


class Grants:
    """All codes and tokens of the one API application."""

    def __init__(self, clock: Clock, behaviours: Behaviours) -> None:
        self._clock = clock
        self._behaviours = behaviours
        self.clear()

    def clear(self) -> None:
        """Nobody is connected."""
        self._codes: dict[str, Code] = {}
        self.tokens: list[Token] = []

    def restore(self, tokens: list[Json]) -> None:
        """The tokens of an earlier run; an authorisation code is not kept, it lives a minute."""
        self.clear()
        self.tokens = [Token(**token) for token in tokens]

    def issue(self, actor: str, scopes: list[str], account: str = "owner") -> Json:
        """A new pair, as /o/token/ answers it."""
        life = self._behaviours.count("access_seconds")
        expires = self._clock.seconds() + life
        token = Token(secrets.token_urlsafe(24), secrets.token_urlsafe(24), actor, scopes, expires)
        token.account = account
        self.tokens.append(token)
        return {
            "access_token": token.access,
            "token_type": "Bearer",
            "expires_in": life,
            "refresh_token": token.refresh,
            "scope": " ".join(scopes),
        }

    def holder(self, header: str | None) -> Token | None:
        """The living token of an Authorization header, expired and revoked ones are none."""
        scheme, _, value = (header or "").partition(" ")
        for token in self.tokens:
            if scheme == "Bearer" and token.access == value:
                alive = not token.revoked and token.expires > self._clock.seconds()
                return token if alive else None
        return None

    def actor(self, header: str | None) -> str:
        """Whose token it is or was; app when nobody's."""
        value = (header or "").removeprefix("Bearer ")
        return next((token.actor for token in self.tokens if token.access == value), "app")

    def expire(self, what: str) -> int:
        """Let the app's access or refresh tokens (or "all") die now; says how many lived."""
        died = 0
        for token in self.tokens:
            if token.actor != "app":
                continue
            if what in ("access", "all") and token.expires > self._clock.seconds():
                token.expires = self._clock.seconds()
                died += 1
            if what in ("refresh", "all") and token.refresh_alive:
                token.refresh_alive = False
                died += 1
        return died

    def move(self, account: str) -> int:
        """The user of the app's tokens is of another account from now on; says how many."""
        moved = [token for token in self.tokens if token.actor == "app"]
        for token in moved:
            token.account = account
        return len(moved)

    def described(self) -> Json:
        """For `/_sandbox/state`."""
        tokens = [asdict(token) for token in self.tokens]
        return {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "tokens": tokens}

    def authorize(self, call: Call) -> Response:
        """A page with a button; pressing it sends the user back (D16)."""
        redirect_uri = call.arg("redirect_uri") or ""
        if call.arg("client_id") != CLIENT_ID:
            return _page("This application is unknown.", 400)
        if not _registered(redirect_uri):
            return _page("This redirect URI is not registered with the application.", 400)
        state = {"state": call.arg("state")} if call.arg("state") is not None else {}
        scopes = (call.arg("scope") or "").split()
        if call.arg("response_type") != "code":
            return _send_back(redirect_uri, {"error": "unsupported_response_type", **state})
        challenge = call.arg("code_challenge")
        if challenge and self._behaviours.word("pkce") == "refused_at_start":
            return _send_back(redirect_uri, {"error": "invalid_request", **state})
        if not all(_known(scope) for scope in scopes):
            # One unknown scope fails the whole authorisation (D20).
            return _send_back(redirect_uri, {"error": "invalid_scope", **state})
        if call.request.method == "GET":
            asked = html.escape(" ".join(scopes) or "everything")
            return _page(
                f"<p>Sandbox clinic asks for: {asked}</p>"
                '<form method="post"><button type="submit">Allow</button></form>'
            )
        code = secrets.token_urlsafe(16)
        expires = self._clock.seconds() + CODE_SECONDS
        account = self._behaviours.word("login")
        self._codes[code] = Code(
            redirect_uri, scopes or sorted(SCOPES), expires, account, challenge
        )
        return _send_back(redirect_uri, {"code": code, **state})

    def token(self, call: Call) -> Response:
        """POST /o/token/: exchange a code, or renew a pair (D16, D18)."""
        form = self._client_form(call)
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return json_answer(self._redeem(form))
        if kind == "refresh_token":
            return json_answer(self._refresh(form))
        raise Refusal(400, {"error": "unsupported_grant_type"})

    def revoke(self, call: Call) -> Response:
        """POST /o/revoke_token/: end a pair (D16)."""
        form = self._client_form(call)
        for token in self.tokens:
            if form.get("token") in (token.access, token.refresh):
                token.revoked = True
                token.refresh_alive = False
        return Response(status=200)

    def _client_form(self, call: Call) -> dict[str, str]:
        # x-www-form-urlencoded, not application/json (D16).
        if call.request.mimetype != "application/x-www-form-urlencoded":
            raise Refusal(400, {"error": "invalid_request"})
        form = call.request.form.to_dict()
        right = hmac.compare_digest(form.get("client_secret", "").encode(), CLIENT_SECRET.encode())
        if form.get("client_id") != CLIENT_ID or not right:
            raise Refusal(401, {"error": "invalid_client"})
        return form

    def _redeem(self, form: dict[str, str]) -> Json:
        if "code_verifier" in form and self._behaviours.word("pkce") == "refused_at_token":
            raise Refusal(400, {"error": "invalid_request"})
        code = self._codes.pop(form.get("code", ""), None)
        good = (
            code is not None
            and code.expires > self._clock.seconds()
            and code.redirect_uri == form.get("redirect_uri")
            and self._proves(code, form.get("code_verifier", ""))
        )
        if code is None or not good:
            raise Refusal(401, {"error": "invalid_grant"})
        if self._behaviours.on("renewal_ends_access"):
            for token in self.tokens:
                token.revoked |= token.actor == "app" and token.account == code.account
        return self.issue("app", code.scopes, code.account)

    def _proves(self, code: Code, verifier: str) -> bool:
        """RFC 7636, 4.6: the verifier's hash is the challenge that came with the start."""
        if code.challenge is None or self._behaviours.word("pkce") == "ignored":
            return True
        digest = hashlib.sha256(verifier.encode()).digest()
        return code.challenge == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _refresh(self, form: dict[str, str]) -> Json:
        # The reference lists redirect_uri as required here too; the tutorial's own refresh does
        # without, so it is not asked for.
        for token in self.tokens:
            if token.refresh_alive and token.refresh == form.get("refresh_token"):
                # Rotation kills the old one at once (D18).
                token.refresh_alive = False
                token.revoked |= self._behaviours.on("renewal_ends_access")
                return self.issue(token.actor, token.scopes, token.account)
        raise Refusal(401, {"error": "invalid_grant"})


def allows(token: Token, names: tuple[str, ...], right: str) -> bool:
    """Whether the token holds `right` (read or write) of every scope in `names`."""
    return all(name in token.scopes or f"{name}:{right}" in token.scopes for name in names)


def _known(scope: str) -> bool:
    return scope in SCOPES or f"{scope}:read" in SCOPES


def _registered(uri: str) -> bool:
    # The sandbox's application has every address of this machine registered.
    parts = urlsplit(uri)
    return parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1", "::1")


def _send_back(uri: str, query: dict[str, str | None]) -> Response:
    joint = "&" if urlsplit(uri).query else "?"
    return Response(status=302, headers={"Location": f"{uri}{joint}{urlencode(query)}"})


def _page(inner: str, status: int = 200) -> Response:
    page = f"<!DOCTYPE html><html><head><title>Authorize</title></head><body>{inner}</body></html>"
    return Response(page, status=status, content_type="text/html; charset=utf-8")
