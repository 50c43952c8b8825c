"""Keep a session's id and the forms' token in one signed cookie, named for how it travels."""

import hashlib
import hmac
from typing import Final

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface

from service.ops import hosts
from sync.config import Settings

ID: Final = "id"  # of the session in SQL
_PURPOSE: Final = b"drchrono-oncall: cookies of the operations pages"


class OneCookie(SecureCookieSessionInterface):
    """`__Host-ops` where the pages have an https address, `ops` on this machine itself.

    A browser takes `__Host-` only with Secure, for this host alone and for all of its paths.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002 - Flask's signature
        """The name for the host that was asked."""
        return "__Host-ops" if self._is_secure() else "ops"

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Whether the browser may send it over https only."""
        return self._is_secure()

    def _is_secure(self) -> bool:
        return hosts.is_https(self._settings, request.host)


def configure(app: Flask, settings: Settings) -> None:
    """Have the app keep its cookie so. It is signed with a key made of ENCRYPTION_KEYS."""
    keys = [_derived(key) for key in settings.fernet_keys]
    app.secret_key = keys[0]
    app.config["SECRET_KEY_FALLBACKS"] = keys[1:]
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"  # an OpenID provider's way back is a link
    app.config["SESSION_COOKIE_PATH"] = "/"
    app.session_interface = OneCookie(settings)


def _derived(key: str) -> str:
    return hmac.new(key.encode(), _PURPOSE, hashlib.sha256).hexdigest()
