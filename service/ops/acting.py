"""Say who a request is from, and whether they may do what they ask: the one place for both.

Closed by default: a view is for a viewer where it only shows, and for an operator where it does
something, unless it says otherwise by `needs` or `for_everybody`.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, TypeVar

from flask import Flask, Response, abort, g, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import cookie
from sync.core.actor import LONGEST_NAME, Actor
from sync.operations import operators
from sync.operations.operators import Role, SignedIn
from sync.store.trail.acting import acting

_View = TypeVar("_View", bound=Callable[..., Any])
_SAFE: Final = ("GET", "HEAD")


def needs(role: Role) -> Callable[[_View], _View]:
    """Have a view be for those of at least that role."""

    def marked(view: _View) -> _View:
        view.needed = role  # type: ignore[attr-defined]
        return view

    return marked


def for_everybody(view: _View) -> _View:
    """Have a view answer who is not signed in too."""
    view.needed = None  # type: ignore[attr-defined]
    return view


def keeps_itself_fresh(view: _View) -> _View:
    """Mark a view that a page asks by itself: it does not count as use of a session."""
    view.by_itself = True  # type: ignore[attr-defined]
    return view


def register(app: Flask, doors: Doors) -> None:
    """Look at each request before its view does. Raises 403 for who may not, leads others in."""

    def admit() -> AnyResponse | None:
        if request.endpoint == "static":
            return None  # the same for everybody, and four of a page: none of them asks SQL
        view = app.view_functions.get(request.endpoint or "")
        by_itself = getattr(view, "by_itself", False)
        secret = session.get(cookie.ID, "")
        found = operators.who(doors.sync, secret, used=not by_itself) if secret else None
        g.signed_in = found
        # Each deed of this request is theirs, whatever it is that does it.
        g.acts = ExitStack()
        g.acts.enter_context(acting(actor(doors)))
        if view is None:
            return None
        needed = getattr(view, "needed", _usual())
        if needed is None:
            return None
        if found is None:
            return _to_sign_in()
        if not found.role.covers(needed):
            doors.refuse("ops", "role")
            abort(403)
        return None

    def ended(_error: BaseException | None) -> None:
        if "acts" in g:
            g.acts.close()

    app.before_request(admit)
    app.teardown_request(ended)


def _usual() -> Role:
    return Role.VIEWER if request.method in _SAFE else Role.OPERATOR


def _to_sign_in() -> AnyResponse:
    """Lead to the page where one signs in, and from there back to what was asked."""
    there = request.full_path.rstrip("?") if request.method in _SAFE else ""
    address = url_for("sign_in.show", next=there or None)
    if request.headers.get("HX-Request"):
        # htmx would put the page into a part of the old one.
        return Response(status=401, headers={"HX-Redirect": url_for("sign_in.show")})
    return redirect(address, 303)


def signed_in() -> SignedIn | None:
    """Who asks; None where nobody is signed in."""
    found: SignedIn | None = g.get("signed_in")
    return found


def may(role: Role) -> bool:
    """Whether who asks may do what needs that role: for a template's buttons."""
    found = signed_in()
    return found is not None and found.role.covers(role)


def actor(doors: Doors) -> Actor:
    """Who does what this request asks, for the audit; the service itself where nobody is in."""
    found = signed_in()
    if found is None:
        return Actor("service", doors.sync.owner[:LONGEST_NAME], "ops", g.request_id)
    return Actor("operator", found.name, "ops", g.request_id)
