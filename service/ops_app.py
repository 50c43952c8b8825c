"""Build the app of OPS_PORT: what machines watch, and the pages of the people who operate it."""

import hmac

from flask import Flask, request

from service import addresses, errors, health, metrics
from service.app import log_each_request
from service.doors import Doors


def create_ops_app(doors: Doors, *, on_web: bool = False) -> Flask:
    """The operations app; `on_web`: it is asked at PORT, where the world can.

    There /metrics, and the parts of /healthz, are for those who show OPS_TOKEN.
    """
    app = Flask("service.ops", static_folder=None)
    addresses.strict(app)

    def may_see() -> bool:
        return not on_web or _shows_token(doors)

    app.register_blueprint(metrics.blueprint(doors, may_see))
    app.register_blueprint(health.of_the_whole(doors, may_see))
    errors.register(app, doors.refuse)
    log_each_request(app)
    return app


def _shows_token(doors: Doors) -> bool:
    wanted = doors.sync.settings.ops_token.get_secret_value()
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    told = hmac.compare_digest(given.strip().encode(), wanted.encode())
    return bool(wanted) and kind.lower() == "bearer" and told
