"""Do what a button beside an answer says: look again, try again, or leave it."""

from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from sync.operations import attention
from sync.operations.lookup import UnknownError

_GONE: Final = "That is settled already."


def blueprint(doors: Doors) -> Blueprint:
    """/ops/press/…, for operators; who pressed is in the audit."""
    routes = Blueprint("press", __name__)

    @routes.post("/ops/press/look_again")
    def look_again() -> AnyResponse | str:
        kind, of = request.form.get("kind", ""), request.form.get("id", "")
        try:
            doors.bell.ring(attention.resync(doors.sync, kind, of))
        except UnknownError:
            return _said("There is nothing of that number.")
        return _said("Both sides are being looked at now. Ask again in some seconds.")

    @routes.post("/ops/press/retry")
    def retry() -> AnyResponse | str:
        try:
            doors.bell.ring(attention.attention_retry(doors.sync, _item()))
        except UnknownError:
            return _said(_GONE)
        return _said("It is being tried again. Ask again in some seconds.")

    @routes.post("/ops/press/drop")
    def drop() -> AnyResponse | str:
        try:
            attention.attention_drop(doors.sync, _item())
        except UnknownError:
            return _said(_GONE)
        return _said("It is left as it is.")

    return routes


def _item() -> int:
    try:
        return int(request.form.get("item", ""))
    except ValueError:
        raise BadRequest from None


def _said(words: str) -> AnyResponse | str:
    """The words in the button's place; where there is no htmx, back to the first page."""
    if request.headers.get("HX-Request"):
        return render_template("ops/said.html", words=words)
    return redirect(url_for("home.show"), 303)
