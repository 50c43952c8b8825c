"""Answer a refused caller with a code and plain words, and nothing of the request."""

from collections.abc import Callable
from typing import Final

from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from sync.log import cause
from sync.store.database import is_read_only

log = get_logger(__name__)

_WORDS = {
    400: ("bad_request", "the request could not be read"),
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take this method"),
    413: ("too_large", "the body is larger than 1 MiB"),
}
_SOURCES: Final = {"/webhooks/drchrono": "drchrono", "/webhooks/oncall": "oncall"}


def problem(status: int, code: str, detail: str) -> Response:
    """A refusal as JSON: `{"error": code, "detail": detail}`."""
    response = jsonify(error=code, detail=detail)
    response.status_code = status
    return response


def register(app: Flask, refuse: Callable[[str, str], None]) -> None:
    """Make every error of the app a short JSON of ours; `refuse` counts by source and reason."""

    def http(error: HTTPException) -> Response:
        # Werkzeug's own texts can quote the request.
        status = error.code or 500
        code, detail = _WORDS.get(status, ("refused", "the request was refused"))
        refuse(_source(), code)
        answer = problem(status, code, detail)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return answer

    app.register_error_handler(HTTPException, http)
    app.register_error_handler(SQLAlchemyError, _database)
    app.register_error_handler(Exception, _unexpected)


def _source() -> str:
    """Whose door was meant, as far as the address says; never more of it than that."""
    found = (name for at, name in _SOURCES.items() if request.path.startswith(at))
    return next(found, "none")


def _database(error: SQLAlchemyError) -> Response:
    if is_read_only(error):
        log.error("the database takes no writes", **cause(error))
        detail = "the database takes no writes at the moment; send it again later"
        return problem(503, "database_read_only", detail)
    log.error("the database failed a request", **cause(error))
    return problem(503, "database", "the database can't be used at the moment; send it again later")


def _unexpected(error: Exception) -> Response:
    log.error("a request failed", **cause(error))
    return problem(500, "internal", "something went wrong here; it is in the log")
