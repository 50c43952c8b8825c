"""Build the requests of DrChrono's OAuth, and read the token endpoint's answer.

Source: DrChrono API v4, OAuth. The endpoints take forms, not JSON, and need the trailing slash
(docs/api-facts.md, D16).
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sync.core.answers.endpoints import REVOKE, TOKEN
from sync.core.errors import Unresolved
from sync.core.tokens import StoredToken
from sync.core.wording import Json
from sync.outbound.call import Call

SYSTEM = "drchrono"
LIFETIME = timedelta(hours=48)


@dataclass(frozen=True)
class Application:
    """The API application as registered with DrChrono; `redirect_uri` must be one of its own."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


def authorise_url(
    base_url: str,
    application: Application,
    scopes: Sequence[str],
    state: str,
    verifier: str | None = None,
) -> str:
    """Give the address at which a user grants us access.

    `state` comes back with the code; compare it with the one given to that browser. No scopes mean
    all; one that DrChrono does not know fails the whole authorisation (D20). `verifier` is PKCE's
    secret, without which the code can't be exchanged (RFC 7636, method S256; D22).
    """
    query = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": application.redirect_uri,
        "state": state,
    }
    if scopes:
        query["scope"] = " ".join(scopes)
    if verifier:
        query |= {"code_challenge": _challenge(verifier), "code_challenge_method": "S256"}
    return f"{base_url.rstrip('/')}/o/authorize/?{urlencode(query)}"


def exchange_code(application: Application, code: str, verifier: str | None = None) -> Call:
    """Give the call that turns a code into the first token pair; a code lives one minute."""
    proof = {"code_verifier": verifier} if verifier else {}
    return _token_call(application, {"grant_type": "authorization_code", "code": code, **proof})


def refresh(application: Application, refresh_token: str) -> Call:
    """Give the call that renews the pair. It kills `refresh_token` at once."""
    return _token_call(application, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def revoke(application: Application, token: str) -> Call:
    """Give the call that ends a token before its time."""
    form = {
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "token": token,
    }
    return Call(SYSTEM, "POST", REVOKE, "/o/revoke_token/", form=form)


def scopes_in(json: Json) -> frozenset[str] | None:
    """The scopes that the token endpoint says it granted; None where it says nothing."""
    named = json.get("scope") if isinstance(json, dict) else None
    return frozenset(named.split()) if isinstance(named, str) and named.strip() else None


def pair_from(json: Json, now: datetime, call_id: int | None = None) -> StoredToken:
    """Read the token endpoint's answer; `now` is aware UTC.

    Raises `Unresolved` when no pair can be read out of it: one was made all the same.
    """
    body = json if isinstance(json, dict) else {}
    access, renewal = body.get("access_token"), body.get("refresh_token")
    if not (isinstance(access, str) and access and isinstance(renewal, str) and renewal):
        raise Unresolved("garbled", call_id)
    seconds = body.get("expires_in")
    lives = LIFETIME
    if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
        lives = timedelta(seconds=seconds)
    return StoredToken(access, renewal, expires_at=now + lives, obtained_at=now)


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _token_call(application: Application, grant: dict[str, str]) -> Call:
    form = {
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "redirect_uri": application.redirect_uri,
    }
    return Call(SYSTEM, "POST", TOKEN, "/o/token/", form=grant | form)
