"""Answer the pages that DrChrono frames, for staff who look at a patient or a visit there.

No cookie is used: browsers keep those of a framed site apart. What was signed is handed on in the
form's own token, for ten minutes.
"""

from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, request
from itsdangerous import BadData, URLSafeTimedSerializer
from structlog import get_logger

from service import plain
from service.doors import Doors
from sync.core.actor import Actor
from sync.operations.framed import shown
from sync.operations.framed.admit import NotAdmittedError, Page, Visitor, admit
from sync.operations.lookup import UnknownError
from sync.store.trail.acting import acting

log = get_logger(__name__)

FORM_SECONDS: Final = 600
_LARGEST: Final = 8192
_KIND: Final = "framed"
_REFUSED: Final = (
    "This page is shown inside DrChrono only, and for a short time after it was opened. "
    "Load the page in DrChrono again"
)
_PAGES: Final[tuple[Page, ...]] = ("patient", "clinical-note")


def blueprint(doors: Doors) -> Blueprint:
    """/iframe/patient and /iframe/clinical-note."""
    routes = Blueprint("framed", __name__, url_prefix="/iframe", template_folder="../templates")

    for page in _PAGES:
        routes.add_url_rule(f"/{page}", page, lambda page=page: _look(doors, page), methods=["GET"])
        routes.add_url_rule(
            f"/{page}", f"{page}-again", lambda page=page: _again(doors, page), methods=["POST"]
        )

    @routes.after_request
    def framed(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; {plain.style_source()}form-action 'self'; base-uri 'none'; "
            f"frame-ancestors {_ancestors(doors)}"
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    plain.tell_of_failures(routes, _problem)
    return routes


def _ancestors(doors: Doors) -> str:
    """DrChrono, and nobody else, may frame these pages."""
    settings = doors.sync.settings
    parts = urlsplit(settings.drchrono_base_url)
    return " ".join((f"{parts.scheme}://{parts.netloc}", *settings.drchrono_other_origins))


def _look(doors: Doors, page: Page) -> Response:
    # A look ahead would spend the address before the person sees the page.
    if request.method != "GET" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return _refused(doors, "look_ahead")
    try:
        visitor = admit(doors.sync, page, request.args.items(multi=True))
    except NotAdmittedError as refusal:
        return _refused(doors, refusal.reason)
    return _page(doors, visitor)


def _again(doors: Doors, page: Page) -> Response:
    if (request.content_length or _LARGEST + 1) > _LARGEST:
        return _refused(doors, "form")
    try:
        held = _serializer(doors).loads(request.form.get("token", ""), max_age=FORM_SECONDS)
        visitor = Visitor(**held)
    except (BadData, TypeError):
        return _refused(doors, "form")
    if visitor.page != page:
        return _refused(doors, "form")
    with acting(
        Actor("staff", f"drchrono user {visitor.user or 'unknown'}", "iframe", g.request_id)
    ):
        try:
            doors.bell.ring(shown.look_again(doors.sync, visitor))
            said = "It is being looked at now."
        except UnknownError:
            said = "Nothing was ever heard of this patient: a visit brings them in."
    return _page(doors, visitor, said)


def _page(doors: Doors, visitor: Visitor, said: str = "") -> Response:
    token = _serializer(doors).dumps({name: getattr(visitor, name) for name in Visitor.__slots__})
    lines = shown.shown(doors.sync, visitor)
    return plain.drawn(
        "framed/page.html", kind=_KIND, lines=lines, token=token, said=said, page=visitor.page
    )


def _serializer(doors: Doors) -> URLSafeTimedSerializer:
    digests = doors.sync.digests
    return URLSafeTimedSerializer(digests.derived("iframe form", digests.key_id), salt="iframe")


def _refused(doors: Doors, reason: str) -> Response:
    """Refuse in one sentence that is the same for every reason; which it was is counted."""
    doors.refuse("iframe", reason)
    log.warning("a framed page was refused", reason=reason)
    return _problem(403, "Not shown", _REFUSED)


def _problem(status: int, title: str, words: str) -> Response:
    return plain.drawn("framed/problem.html", status, kind=_KIND, title=title, words=words)
