"""Build the app of OPS_PORT: what machines watch, and the pages of the people who operate it."""

import hmac
from pathlib import Path

from flask import Flask, Response, redirect, request

from service import addresses, health, metrics
from service.app import log_each_request
from service.doors import Doors
from service.ops import acting, banner, cookie, guard, openid, press, problems, sign_in, words
from service.ops.pages import every
from sync.operations.operators import Role

_HERE = Path(__file__).parent


def create_ops_app(doors: Doors, *, on_web: bool = False) -> Flask:
    """The operations app; `on_web`: it is asked at PORT, where the world can.

    There /metrics, and the parts of /healthz, are for those who show OPS_TOKEN or are signed in.
    """
    app = Flask("service", static_folder=None, template_folder=str(_HERE / "templates"))
    addresses.strict(app)
    cookie.configure(app, doors.sync.settings)
    log_each_request(app)
    guard.register(app, doors)
    acting.register(app, doors)
    problems.register(app, doors)
    words.register(app)
    banner.register(app, doors)

    def may_see() -> bool:
        return not on_web or acting.signed_in() is not None or _shows_token(doors)

    for part in (metrics.blueprint(doors, may_see), health.of_the_whole(doors, may_see)):
        app.register_blueprint(part)
    for endpoint in ("metrics.metrics", "health.healthz"):
        acting.for_everybody(app.view_functions[endpoint])
    for module in (sign_in, openid, press, *every.PAGES):
        app.register_blueprint(module.blueprint(doors))
    _assets(app)
    if not on_web:
        app.add_url_rule("/", "top", acting.for_everybody(_to_the_pages), methods=["GET"])
    app.context_processor(
        lambda: {
            "pages": every.PAGES,
            "me": acting.signed_in(),
            "may": lambda role: acting.may(Role(role)),
        }
    )
    return app


def _to_the_pages() -> Response:
    answer = redirect(sign_in.HOME, 303)
    assert isinstance(answer, Response)  # noqa: S101 - Flask's own
    return answer


def _assets(app: Flask) -> None:
    """Serve styles and scripts from here alone. By a route of its own: Flask's is made too early.

    (`addresses.strict` comes before the first route.)
    """
    app.static_folder = str(_HERE / "static")
    app.add_url_rule("/ops/static/<path:filename>", "static", app.send_static_file, methods=["GET"])


def _shows_token(doors: Doors) -> bool:
    wanted = doors.sync.settings.ops_token.get_secret_value()
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    told = hmac.compare_digest(given.strip().encode(), wanted.encode())
    return bool(wanted) and kind.lower() == "bearer" and told
