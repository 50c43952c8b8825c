"""What a refused caller is told: a code and plain words, nothing of the request."""

from flask import Flask, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger
from werkzeug.exceptions import HTTPException

from sync.log import cause

log = get_logger(__name__)

_WORDS = {
    400: ("bad_request", "the request could not be read"),
    404: ("not_found", "there is nothing at this address"),
    405: ("method_not_allowed", "this address does not take this method"),
    413: ("too_large", "the body is larger than 1 MiB"),
}


def problem(status: int, code: str, detail: str) -> Response:
    """A refusal as JSON: `{"error": code, "detail": detail}`."""
    response = jsonify(error=code, detail=detail)
    response.status_code = status
    return response


def register(app: Flask) -> None:
    """Make every error of the app a short JSON of ours."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(SQLAlchemyError, _database)
    app.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> Response:
    # Werkzeug's own texts can quote the request.
    status = error.code or 500
    code, detail = _WORDS.get(status, ("refused", "the request was refused"))
    return problem(status, code, detail)


def _database(error: SQLAlchemyError) -> Response:
    log.error("the database failed a request", **cause(error))
    return problem(503, "database", "the database can't be used at the moment; send it again later")


def _unexpected(error: Exception) -> Response:
    log.error("a request failed", **cause(error))
    return problem(500, "internal", "something went wrong here; it is in the log")
