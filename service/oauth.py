"""The two addresses of the OAuth exchange with DrChrono; the exchange itself is the engine's."""

from flask import Blueprint, Response, redirect, request
from structlog import get_logger
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.errors import problem
from sync.engine import connect

log = get_logger(__name__)

_AGAIN = "ask the operator for a new address: drchrono-oncall connect"


def blueprint(doors: Doors) -> Blueprint:
    """The routes under /oauth/drchrono."""
    routes = Blueprint("oauth", __name__, url_prefix="/oauth/drchrono")

    @routes.get("/start")
    def start() -> AnyResponse:
        return _start(doors, request.args.get("ticket", ""))

    @routes.get("/callback")
    def callback() -> AnyResponse:
        return _callback(doors, request.args.get("state", ""), request.args.get("code", ""))

    @routes.after_request
    def private(response: Response) -> Response:
        # These addresses hold one-time secrets: not for a cache, not for the next site's log.
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return routes


def _start(doors: Doors, ticket: str) -> AnyResponse:
    if not ticket:
        return problem(400, "ticket", f"the ticket is missing; {_AGAIN}")
    try:
        address = connect.redeem(doors.sync, ticket)
    except connect.ConnectError as error:
        return _refused(error)
    return redirect(address, 302)


def _callback(doors: Doors, state: str, code: str) -> AnyResponse:
    if not state or not code:
        # DrChrono sends `error` instead of a code when the person said no (API v4, OAuth).
        return problem(400, "not_authorized", f"DrChrono gave no permission; {_AGAIN}")
    try:
        connect.finish(doors.sync, state, code)
    except connect.ConnectError as error:
        return _refused(error)
    return Response("DrChrono is connected. You may close this page.\n", mimetype="text/plain")


def _refused(error: connect.ConnectError) -> Response:
    log.warning("the OAuth exchange was refused", exc_info=error)
    return problem(400, "connect", str(error))
