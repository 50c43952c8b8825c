"""Build the Flask app: all doors of one process, one log line for each request."""

import time
from collections.abc import Callable
from secrets import token_hex

from flask import Flask, Response, g, request
from structlog import get_logger
from structlog.contextvars import bind_contextvars, clear_contextvars

from service import addresses, errors, health, metrics, oauth, webhooks
from service.doors import Doors
from sync.runtime import Sync
from workers.bell import Bell

log = get_logger(__name__)

_QUIET = ("/livez", "/readyz", "/metrics")  # asked all day long by machines


def create_app(sync: Sync, bell: Bell, missed: Callable[[], None] = lambda: None) -> Flask:
    """The app around one Sync and one bell; closes neither.

    `missed` is called, and must return at once, when a webhook could not be taken.
    """
    app = Flask("service", static_folder=None)
    addresses.strict(app)
    doors = Doors.of(sync, bell, missed)
    for part in (webhooks, oauth, health, metrics):
        app.register_blueprint(part.blueprint(doors))
    errors.register(app, doors.refuse)
    # What never becomes a request of the app is counted here too (`server.gunicorn_worker`).
    app.extensions["refused"] = lambda reason: doors.refuse("none", reason)
    app.before_request(_begin)
    app.after_request(_end)
    return app


def _begin() -> None:
    clear_contextvars()
    g.begun = time.monotonic()
    g.request_id = token_hex(8)
    bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    """Log the route's pattern, never the path: a webhook's token is part of it."""
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    route = request.url_rule.rule if request.url_rule is not None else "none"
    tell = log.debug if route in _QUIET else log.info
    tell(
        "request",
        method=request.method,
        route=route,
        status=response.status_code,
        seconds=round(time.monotonic() - g.begun, 4),
    )
    return response
