"""Sign people in by a provider of OpenID Connect: code, PKCE and nonce; the role is a claim.

OpenID Connect Core 1.0 (3.1), Discovery 1.0 (4), RFC 7636 (PKCE), RFC 9207 (iss).
"""

import re
import secrets
import time
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from flask import Blueprint, redirect, request, session, url_for
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from structlog import get_logger
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting, problems, sign_in
from sync.config import Settings
from sync.log import cause
from sync.operations import operators
from sync.operations.operators import NAME, Role
from sync.settings_rules import is_loopback

log = get_logger(__name__)

_SECONDS: Final = 10  # of one request to the provider
_BEGUN: Final = "openid"  # what the cookie holds between going and coming back
_LATEST: Final = 600  # seconds to come back in
_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_NAMES: Final = ("preferred_username", "email", "sub")


class ProviderError(Exception):
    """The provider could not be asked, or its answer is not what it should be."""


_FAILURES: Final = (
    *(ProviderError, requests.RequestException, JoseError, AuthlibBaseError, ValueError),
)


def blueprint(doors: Doors) -> Blueprint:
    """/ops/openid leads to the provider, /ops/openid/back takes its answer."""
    routes = Blueprint("openid", __name__)

    @routes.get("/ops/openid")
    @acting.for_everybody
    def go() -> AnyResponse:
        try:
            return _go(doors.sync.settings)
        except _FAILURES as error:
            return _failed(error)

    @routes.get("/ops/openid/back")
    @acting.for_everybody
    def back() -> AnyResponse:
        try:
            claims = _back(doors.sync.settings)
        except _FAILURES as error:
            # No audit: nobody has shown who they are, and anybody could fill it so.
            return _failed(error)
        return _admitted(doors, claims)

    return routes


def _go(settings: Settings) -> AnyResponse:
    if not settings.oidc_issuer:
        raise ProviderError("no provider is set")
    found = _discovered(settings)
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with _client(settings) as client:
        address, state = client.create_authorization_url(
            found["authorization_endpoint"], code_verifier=verifier, nonce=nonce
        )
    session[_BEGUN] = {
        "state": state,
        "nonce": nonce,
        "verifier": verifier,
        "at": int(time.time()),
        "next": sign_in.local(request.args.get("next", "")),
    }
    return redirect(address, 303)


def _back(settings: Settings) -> dict[str, Any]:
    begun = session.get(_BEGUN)
    state = request.args.get("state", "")
    if not begun or not secrets.compare_digest(begun["state"].encode(), state.encode()):
        raise ProviderError("it was not begun in this browser")
    del session[_BEGUN]
    if time.time() - begun["at"] > _LATEST:
        raise ProviderError("it took too long")
    issuer = settings.oidc_issuer.rstrip("/")
    if request.args.get("iss", issuer).rstrip("/") != issuer:
        raise ProviderError("another provider answers")
    code = request.args.get("code", "")
    if not code:
        raise ProviderError("the provider gave no code")
    found = _discovered(settings)
    with _client(settings) as client:
        token = client.fetch_token(
            found["token_endpoint"],
            code=code,
            code_verifier=begun["verifier"],
            timeout=_SECONDS,
            allow_redirects=False,
        )
    claims = _verified(settings, found, str(token.get("id_token", "")), begun["nonce"])
    return {**claims, "next": begun["next"]}


def _client(settings: Settings) -> Any:
    return OAuth2Session(
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        scope="openid profile email",
        redirect_uri=settings.ops_address + url_for("openid.back"),
        code_challenge_method="S256",
    )


def _discovered(settings: Settings) -> dict[str, Any]:
    issuer = settings.oidc_issuer.rstrip("/")
    found = _get(f"{issuer}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != issuer:
        raise ProviderError("the provider calls itself otherwise than OIDC_ISSUER")
    for name in _ENDPOINTS:
        parts = urlsplit(str(found.get(name, "")))
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise ProviderError("an address of the provider is not https")
    return found


def _get(address: str) -> dict[str, Any]:
    answer = requests.get(address, timeout=_SECONDS, allow_redirects=False)
    if answer.status_code != 200:
        raise ProviderError("the provider does not answer")
    found: dict[str, Any] = answer.json()
    return found


def _verified(settings: Settings, found: dict[str, Any], token: str, nonce: str) -> dict[str, Any]:
    """The claims of an ID token that is this provider's, for us, of now and of this exchange."""
    keys = KeySet.import_key_set(_get(found["jwks_uri"]))  # type: ignore[arg-type]
    told = jwt.decode(token, keys, algorithms=_ALGORITHMS)
    claims = CodeIDToken(
        told.claims,
        told.header,
        options={
            "iss": {"essential": True, "value": found["issuer"]},
            "aud": {"essential": True, "value": settings.oidc_client_id},
        },
        params={"nonce": nonce, "client_id": settings.oidc_client_id},
    )
    claims.validate(leeway=60)
    return dict(claims)


def _admitted(doors: Doors, claims: dict[str, Any]) -> AnyResponse:
    settings = doors.sync.settings
    name = next((str(claims[one]) for one in _NAMES if claims.get(one)), "")
    role = _role(settings, claims.get(settings.oidc_role_claim))
    if role is None or not re.fullmatch(NAME, name):
        operators.refused(doors.sync, "openid")
        doors.refuse("ops", "role")
        return problems.said(
            *(403, "no_role", "You have no role here"),
            "Ask the people who keep your accounts for one: viewer, operator or admin.",
        )
    secret, _who = operators.admit(doors.sync, name, role)
    return sign_in.begin(secret, claims["next"])


def _role(settings: Settings, claimed: Any) -> Role | None:
    """The highest of the roles that a claim names, as one word, words or a list."""
    words = claimed.split() if isinstance(claimed, str) else claimed
    told = {str(word) for word in words} if isinstance(words, list) else set()
    named = {
        settings.oidc_admin: Role.ADMIN,
        settings.oidc_operator: Role.OPERATOR,
        settings.oidc_viewer: Role.VIEWER,
    }
    return next((role for word, role in named.items() if word in told), None)


def _failed(error: Exception) -> AnyResponse:
    log.warning("signing in by the provider failed", **cause(error))
    return problems.said(
        *(502, "openid", "Signing in did not work"),
        "Go back to the sign-in page and begin again. What happened is in the log of web.",
    )
