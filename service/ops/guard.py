"""Refuse what another site asks through somebody's browser, and say what a page may load."""

import secrets
from typing import Final

from flask import Flask, Response, abort, g, request
from flask_wtf.csrf import CSRFProtect

from service.doors import Doors
from service.ops import hosts
from service.ops.bringing import uploads

_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_OURS: Final = ("", "same-origin", "none")  # none: typed by the person, or a bookmark


def register(app: Flask, doors: Doors) -> None:
    """Guard every request of the app. Call it before what signs people in."""
    app.before_request(lambda: _refuse_strangers(doors))
    uploads.register(app, doors)
    # For as long as the cookie lives: the session ends before that.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    CSRFProtect(app)
    app.after_request(lambda answer: _headers(doors, answer))
    app.context_processor(lambda: {"nonce": nonce})


def nonce() -> str:
    """The word that makes a script of this answer one of ours."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    word: str = g.nonce
    return word


def _refuse_strangers(doors: Doors) -> None:
    if not hosts.is_ours(doors.sync.settings, request.host):
        doors.refuse("ops", "host")
        abort(400)
    told = request.headers.get("Sec-Fetch-Site", "")
    if request.method not in _SAFE and told not in _OURS:
        doors.refuse("ops", "cross_site")
        abort(403)


def _headers(doors: Doors, answer: Response) -> Response:
    # An error while a request was begun can come before anything else was told.
    named = f"script-src 'nonce-{g.nonce}'; " if "nonce" in g else ""
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; {named}style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    if request.endpoint != "static":
        answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Frame-Options"] = "DENY"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if hosts.is_https(doors.sync.settings, request.host):
        answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    return answer
