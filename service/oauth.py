"""Serve the addresses of DrChrono's OAuth; `sync.setup.connect` makes the exchange.

Looking (GET, HEAD, a prefetch, a link's preview) changes nothing and makes no call; each step is a
button's POST. From the first step on, a cookie binds all of them to the browser.

D… are facts of docs/api-facts.md.
"""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, redirect, request
from structlog import get_logger
from werkzeug.wrappers import Response as AnyResponse

from service import connect_pages as pages
from service import plain
from service.doors import Doors
from sync.core.actor import Actor
from sync.drchrono.keeper import ConnectionState
from sync.setup import connect
from sync.store.trail.acting import acting

log = get_logger(__name__)

PREFIX = "/oauth/drchrono"
COOKIE = "drchrono_connect"
COOKIE_SECONDS = 900


def blueprint(doors: Doors) -> Blueprint:
    """The routes under /oauth/drchrono."""
    routes = Blueprint("oauth", __name__, url_prefix=PREFIX)

    @routes.get("/start")
    def look() -> AnyResponse:
        return _look(doors, request.args.get("ticket", ""))

    @routes.post("/start")
    @_by_a_browser
    def start() -> AnyResponse:
        return _start(doors, request.form.get("ticket", ""))

    @routes.get("/callback")
    def back() -> AnyResponse:
        return _back(doors)

    @routes.post("/callback")
    @_by_a_browser
    def finish() -> AnyResponse:
        return _finish(doors, request.form.get("state", ""), request.form.get("code", ""))

    @routes.post("/confirm")
    @_by_a_browser
    def confirm() -> AnyResponse:
        return _confirm(doors, request.form.get("state", ""))

    @routes.post("/refuse")
    @_by_a_browser
    def refuse() -> AnyResponse:
        return _refuse(doors, request.form.get("state", ""))

    @routes.post("/again")
    @_by_a_browser
    def again() -> AnyResponse:
        return _again(doors, request.form.get("state", ""), request.form.get("error", ""))

    @routes.get("/done")
    def done() -> AnyResponse:
        return _done(doors)

    @routes.after_request
    def private(response: Response) -> Response:
        # These addresses hold one-time secrets: not for a cache, not for the next site's log.
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Content-Security-Policy"] = _policy(doors)
        response.headers["X-Frame-Options"] = "DENY"
        return response

    plain.tell_of_failures(routes, lambda status, _, words: pages.trouble(words, status=status))
    return routes


def _by_a_browser(view: Callable[[], AnyResponse]) -> Callable[[], AnyResponse]:
    """Have what a view does be done by whoever holds the address: they sign in at DrChrono."""

    @wraps(view)
    def acted() -> AnyResponse:
        with acting(Actor("staff", "browser", "oauth", g.request_id)):
            return view()

    return acted


def _policy(doors: Doors) -> str:
    """Load nothing; forms lead to us, and by a redirect to where DrChrono has people sign in.

    Browsers hold a form's redirects against form-action too, and where that is, is DrChrono's.
    """
    parts = urlsplit(doors.sync.settings.drchrono_base_url)
    forms = f"'self' https: {parts.scheme}://{parts.netloc}"
    style = plain.style_source()
    return (
        f"default-src 'none'; {style}form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    )


def _browser() -> str:
    return request.cookies.get(COOKIE, "")


def _look(doors: Doors, ticket: str) -> AnyResponse:
    if not ticket:
        return pages.trouble(f"The ticket is missing. {pages.AGAIN}")
    if not connect.is_good(doors.sync, ticket):
        return pages.trouble(f"This address was used already or is too old. {pages.AGAIN}")
    return pages.start(ticket)


def _start(doors: Doors, ticket: str) -> AnyResponse:
    try:
        started = connect.begin(doors.sync, ticket)
    except connect.ConnectError as error:
        return _refused(error)
    return _to_drchrono(doors, started)


def _again(doors: Doors, state: str, refusal: str) -> AnyResponse:
    try:
        started = connect.begin_again(doors.sync, state, _browser(), refusal)
    except connect.ConnectError as error:
        return _refused(error)
    return _to_drchrono(doors, started)


def _to_drchrono(doors: Doors, started: connect.Started) -> AnyResponse:
    response = redirect(started.address, 303)
    response.set_cookie(
        COOKIE,
        started.browser,
        max_age=COOKIE_SECONDS,
        path=PREFIX,
        secure=doors.sync.settings.public_url.startswith("https:"),
        httponly=True,
        samesite="Lax",  # DrChrono's way back is a link from another site
    )
    return response


def _back(doors: Doors) -> AnyResponse:
    """DrChrono's way back; changes nothing."""
    state, code = request.args.get("state", ""), request.args.get("code", "")
    if not state:
        return pages.trouble(f"DrChrono gave no permission. {pages.AGAIN}")
    found = connect.stage(doors.sync, state, _browser())
    if found is None:
        return pages.trouble(
            "This is not the browser in which connecting was begun, or it is too long ago. "
            f"{pages.AGAIN}"
        )
    if found.kind == "state" and code:
        return pages.finish(state, code)
    if found.kind == "state":
        return _said_no(state)
    return _shown(state, found)


def _said_no(state: str) -> AnyResponse:
    """Answer DrChrono's `error`, which comes instead of a code when the person said no (D16)."""
    button = pages.again(state, error=request.args.get("error", ""))
    return pages.trouble("DrChrono gave no permission", button)


def _shown(state: str, stage: connect.Stage) -> AnyResponse:
    if stage.kind == "done":
        return pages.connected()
    if stage.kind == "held" and stage.judged is not None:
        return pages.confirm(state, stage.judged)
    if stage.kind == "busy":
        return pages.busy()
    return pages.trouble("It was refused", pages.again(state))


def _finish(doors: Doors, state: str, code: str) -> AnyResponse:
    found = connect.stage(doors.sync, state, _browser()) if state else None
    if found is not None and found.kind in {"done", "busy", "held"}:
        return _shown(state, found)  # pressed twice
    if not state or not code:
        return pages.trouble(f"DrChrono gave no permission. {pages.AGAIN}")
    try:
        reached = connect.exchange(doors.sync, state, _browser(), code)
    except connect.ConnectError as error:
        return _refused(error, *([pages.again(state)] if found is not None else []))
    if reached.kind == "done":
        return redirect(f"{PREFIX}/done", 303)
    return _shown(state, reached)


def _confirm(doors: Doors, state: str) -> AnyResponse:
    try:
        connect.confirm(doors.sync, state, _browser())
    except connect.ConnectError as error:
        return _refused(error)
    return redirect(f"{PREFIX}/done", 303)


def _refuse(doors: Doors, state: str) -> AnyResponse:
    try:
        connect.refuse(doors.sync, state, _browser())
    except connect.ConnectError as error:
        return _refused(error)
    return pages.trouble("Nothing was connected, and the access was ended", pages.again(state))


def _done(doors: Doors) -> AnyResponse:
    if doors.sync.keeper.status().state is ConnectionState.GOOD:
        return pages.connected()
    return pages.trouble(f"DrChrono is not connected. {pages.AGAIN}", status=200)


def _refused(error: connect.ConnectError, *buttons: pages.Button) -> Response:
    log.warning("the OAuth exchange was refused", exc_info=error)
    words = str(error)
    return pages.trouble(words[:1].upper() + words[1:], *buttons)
