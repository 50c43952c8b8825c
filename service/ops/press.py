"""Do what a button beside an answer says, and lead to where a deed is done that has no button."""

from typing import Final

from flask import (
    Blueprint,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import sign_in
from sync.operations import attention, pausing
from sync.operations.hand import by_hand
from sync.operations.hand.by_hand import NotPossibleError
from sync.operations.inbox.buttons import button
from sync.operations.lookup import UnknownError

_GONE: Final = "That is settled already."


def blueprint(doors: Doors) -> Blueprint:
    """/ops/press/…, for operators; who pressed is in the audit."""
    routes = Blueprint("press", __name__)
    routes.app_context_processor(lambda: {"button_of": button, "page_of": page_of})

    @routes.post("/ops/press/look_again")
    def look_again() -> AnyResponse | str:
        kind, of = request.form.get("kind", ""), request.form.get("id", "")
        return _said(looked_again(doors, kind, of))

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

    @routes.post("/ops/press/resume")
    def resume() -> AnyResponse | str:
        try:
            doors.bell.ring(pausing.resume(doors.sync, request.form.get("what", "")))
        except pausing.UnknownPauseError:
            raise BadRequest from None
        return _said("It goes on. What waited for it is done now.")

    @routes.post("/ops/press/include")
    def include() -> AnyResponse | str:
        return _include(doors, request.form.get("patient", ""))

    return routes


def page_of(names: tuple[str, ...]) -> str:
    """The address of the first of these pages that is there; "" for none of them."""
    found = next((name for name in names if name in current_app.blueprints), None)
    return "" if found is None else url_for(f"{found}.show")


def _include(doors: Doors, patient: str) -> AnyResponse | str:
    """Sync an excluded patient again, after what follows was shown."""
    try:
        if request.form.get("sure"):
            doors.bell.ring(by_hand.exclude(doors.sync, patient, undo=True))
            return _said("The patient is synced again.")
        preview = by_hand.exclude_preview(doors.sync, patient, undo=True)
    except (UnknownError, NotPossibleError):
        return _said("There is nothing of that number.")
    page = render_template(
        "ops/sure.html",
        title="Sync this patient again",
        sentence="The patient is excluded by hand.",
        preview=preview,
        fields={"patient": patient},
        address=url_for("press.include"),
        back=sign_in.HOME,
    )
    return make_response(page)


def looked_again(doors: Doors, kind: str, of: str) -> str:
    """Have both sides looked at now; what to say of it."""
    try:
        doors.bell.ring(attention.resync(doors.sync, kind, of))
    except UnknownError:
        return "There is nothing of that number."
    return "Both sides are being looked at now. Ask again in some seconds."


def _item() -> int:
    try:
        return int(request.form.get("item", ""))
    except ValueError:
        raise BadRequest from None


def _said(words: str) -> AnyResponse | str:
    """The words in the button's place; without htmx, back to the page that it stood on."""
    if request.headers.get("HX-Request"):
        return render_template("ops/said.html", words=words)
    back = request.form.get("back", "")
    if not back:
        return redirect(sign_in.HOME, 303)
    there = sign_in.local(back)
    deed = request.path.rpartition("/")[2]
    return redirect(f"{there}{'&' if '?' in there else '?'}done={deed}", 303)
