"""Build the app that others call: webhooks and OAuth, one log line for each request."""

import time
from secrets import token_hex

from flask import Flask, Response, g, request
from structlog import get_logger
from structlog.contextvars import bind_contextvars, clear_contextvars

from service import addresses, errors, health, oauth, plain, webhooks
from service.doors import Doors
from service.framed import pages as framed

log = get_logger(__name__)

# Asked all day long by machines, and by pages that keep themselves fresh.
_QUIET = ("/livez", "/readyz", "/metrics", "/healthz", "/ops/static/<path:filename>")


def create_app(doors: Doors) -> Flask:
    """The app of PORT: webhooks, OAuth and whether this process can take them."""
    app = Flask("service", static_folder=None)
    addresses.strict(app)
    plain.register(app)
    for part in (webhooks, oauth, framed):
        app.register_blueprint(part.blueprint(doors))
    app.register_blueprint(health.of_the_door(doors))
    errors.register(app, doors.refuse)
    # What never becomes a request of the app is counted here too (`server.gunicorn_worker`).
    app.extensions["refused"] = lambda reason: doors.refuse("none", reason)
    log_each_request(app)
    return app


def log_each_request(app: Flask) -> None:
    """Give each request an id, and write one line when it is answered."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    clear_contextvars()
    g.begun = time.monotonic()
    g.request_id = token_hex(8)
    bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    """Log the route's pattern, never the path: a webhook's token is part of it."""
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
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
