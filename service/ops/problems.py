"""Say what went wrong in plain words: a page for people, JSON for programs, never the request."""

from typing import Final

from flask import Flask, Response, make_response, render_template, request
from flask.globals import request_ctx
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from service import errors
from service.doors import Doors
from sync.log import cause

log = get_logger(__name__)

_TOO_LARGE: Final = 413
_MACHINES: Final = ("/metrics", "/healthz")
_WORDS: Final = {
    400: ("bad_request", "That could not be read", "Go back and try again."),
    403: ("forbidden", "You may not do that", "Ask somebody with the role for it."),
    404: ("not_found", "There is nothing here", "It may have moved, or never been."),
    405: ("method_not_allowed", "That is not possible here", "Go back and use the page's buttons."),
    413: ("too_large", "That is too large", "Send less of it."),
    429: ("too_many", "Too many tries", "Wait a little."),
}
_FORM: Final = (
    *("form", "This page was open too long"),
    "Nothing was done. Load it again and press the button once more.",
)
_FILE: Final = "At most {} MB of a file are taken. Split it, and bring its parts in one by one."
_DATABASE: Final = (
    *("database", "The database can't be used at the moment"),
    "Nothing was done. Webhooks are asked to come again. Try it in a minute.",
)
_INTERNAL: Final = ("internal", "Something went wrong here", "It is in the log of web.")


def register(app: Flask, doors: Doors) -> None:
    """Make every error of the app one of ours, and count those that a caller made."""

    def http(error: HTTPException) -> Response:
        status = error.code or 500
        words = _WORDS.get(status, ("refused", "That was refused", "Go back and try again."))
        if isinstance(error, CSRFError):
            words = _FORM
        takes = getattr(app.view_functions.get(request.endpoint or ""), "takes", 0)
        if status == _TOO_LARGE and takes:
            words = (*words[:2], _FILE.format(takes // (1024 * 1024)))
        doors.refuse("ops", words[0])
        answer = said(status, *words)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return answer

    def database(error: SQLAlchemyError) -> Response:
        log.error("the database failed a page", **cause(error))
        return said(503, *_DATABASE)

    def unexpected(error: Exception) -> Response:
        log.error("a page failed", **cause(error))
        return said(500, *_INTERNAL)

    app.register_error_handler(HTTPException, http)
    app.register_error_handler(SQLAlchemyError, database)
    app.register_error_handler(Exception, unexpected)


def said(status: int, code: str, title: str, words: str) -> Response:
    """The answer to a request that is refused or failed."""
    accepts = request.accept_mimetypes
    wants_json = accepts.best_match(("text/html", "application/json")) == "application/json"
    # Flask makes no address for a Host that can't be one, and every page holds some.
    draws = request_ctx.url_adapter is not None
    if not draws or request.path in _MACHINES or (wants_json and accepts):
        return errors.problem(status, code, f"{title}. {words}")
    page = render_template("ops/problem.html", title=title, words=words)
    return make_response(page, status)
