"""Tell a browser in which somebody has signed in before from a stranger's.

Its failed tries are counted apart, so that nobody can keep an operator out by guessing at their
name: behind a proxy all callers come from one address (OWASP, Slow Down Online Guessing Attacks
with Device Cookies).
"""

import secrets
from typing import Final

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response as AnyResponse

from service.ops import hosts
from sync.config import Settings

_DAYS: Final = 90
_SALT: Final = "known browser"


def caller(settings: Settings, name: str) -> str:
    """Under what a try at a name is counted: this browser, if that person's, else its address."""
    try:
        of, mark = _signer().loads(
            request.cookies.get(_cookie(settings), ""), max_age=_DAYS * 86_400
        )
    except (BadSignature, ValueError, TypeError):
        return request.remote_addr or ""
    return f"browser {mark}" if of == name.lower() else request.remote_addr or ""


def remember(settings: Settings, answer: AnyResponse, name: str) -> None:
    """Know this browser as that person's from now on."""
    answer.set_cookie(
        _cookie(settings),
        str(_signer().dumps([name.lower(), secrets.token_urlsafe(12)])),
        max_age=_DAYS * 86_400,
        path="/",
        secure=hosts.is_https(settings, request.host),
        httponly=True,
        samesite="Strict",
    )


def _cookie(settings: Settings) -> str:
    return "__Host-known" if hosts.is_https(settings, request.host) else "known"


def _signer() -> URLSafeTimedSerializer:
    keys = [*current_app.config.get("SECRET_KEY_FALLBACKS", []), current_app.secret_key]
    return URLSafeTimedSerializer(keys, salt=_SALT)  # the last signs, all verify
