"""Sign people in and out: name, password and code; a printed address; the way to a provider."""

from typing import Final
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting, cookie, known
from sync.operations import operators
from sync.operations.operators import SignInError

HOME: Final = "/ops"
_LONGEST: Final = 256  # of what is typed: a hash of megabytes would hold a thread


def blueprint(doors: Doors) -> Blueprint:
    """/ops/sign-in, /ops/sign-out and /ops/link."""
    routes = Blueprint("sign_in", __name__)

    @routes.get("/ops/sign-in")
    @acting.for_everybody
    def show() -> AnyResponse:
        if acting.signed_in() is not None:
            return redirect(local(request.args.get("next", "")), 303)
        return _page(doors)

    @routes.post("/ops/sign-in")
    @acting.for_everybody
    def enter() -> AnyResponse:
        return _enter(doors)

    @routes.post("/ops/sign-out")
    @acting.for_everybody
    def leave() -> AnyResponse:
        if acting.signed_in() is not None:
            operators.sign_out(doors.sync, session[cookie.ID])
        session.clear()
        return redirect(url_for("sign_in.show"), 303)

    @routes.get("/ops/link")
    @acting.for_everybody
    def follow() -> AnyResponse:
        return _follow(doors)

    return routes


def local(address: str) -> str:
    """Where to go on: an address of these pages, or the first of them for any other."""
    parts = urlsplit(address)
    ours = parts.path == HOME or parts.path.startswith(f"{HOME}/")
    plain = address.isascii() and address.isprintable() and not set(address) & set('\\"<> ')
    # Encoded, a slash is one for some proxy behind which this runs.
    straight = not any(one in parts.path for one in ("..", "//", "%"))
    if ours and plain and straight and not parts.scheme and not parts.netloc:
        return address
    return HOME


def begin(secret: str, there: str = HOME) -> AnyResponse:
    """Put a new session's id in place of all that the cookie held, and go on."""
    session.clear()
    session[cookie.ID] = secret
    return redirect(local(there), 303)


def _page(doors: Doors, words: str = "", status: int = 200, seconds: int = 0) -> Response:
    page = render_template(
        "ops/sign_in.html",
        words=words,
        there=local(request.values.get("next", "")),
        openid=bool(doors.sync.settings.oidc_issuer),
    )
    answer = make_response(page, status)
    if seconds:
        answer.headers["Retry-After"] = str(seconds)
    return answer


def _enter(doors: Doors) -> AnyResponse:
    typed = [request.form.get(name, "")[:_LONGEST] for name in ("name", "password", "code")]
    settings = doors.sync.settings
    try:
        secret, who = operators.sign_in(doors.sync, *typed, caller=known.caller(settings, typed[0]))
    except SignInError as error:
        doors.refuse("ops", "too_many" if error.seconds else "sign_in")
        return _page(doors, str(error), 429 if error.seconds else 401, error.seconds)
    answer = begin(secret, request.form.get("next", ""))
    known.remember(settings, answer, who.name)
    return answer


def _follow(doors: Doors) -> AnyResponse:
    # A browser that only prepares for a click must not use the address up.
    if request.method == "HEAD" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return Response(status=204)
    try:
        secret, _who = operators.use_link(doors.sync, request.args.get("key", ""))
    except SignInError as error:
        doors.refuse("ops", "link")
        return _page(doors, str(error), 403)
    return begin(secret)
