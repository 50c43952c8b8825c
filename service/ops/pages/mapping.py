"""Show the mapping file and its versions; edit it, see what that touches, put it in place."""

from datetime import datetime
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting, mapping_form
from sync.core.errors import RemoteError
from sync.core.wire import MalformedError
from sync.mapping import MappingError
from sync.operations import clinic_clock
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.setup.mapping_edit import candidate, form, lists, overview, versions
from sync.setup.mapping_edit.candidate import Candidate, ChangedError, ReadOnlyError
from sync.setup.mapping_edit.form import Filled, FormError

NAME: Final = "mapping"
TITLE: Final = "Mapping"
_SHOWN: Final = 20  # versions on a page
_CHANGED: Final = (
    "The file was changed meanwhile. Nothing was accepted: look at what is new, preview again."
)
_AGAIN: Final = "It was not previewed just now: nothing was accepted. Look at it once more."


def blueprint(doors: Doors) -> Blueprint:
    """/ops/mapping: viewers see, operators edit and preview, admins accept."""
    routes = Blueprint(NAME, __name__)
    _what_shows(routes, doors.sync)
    _what_asks(routes, doors.sync)
    _what_changes(routes, doors.sync)
    return routes


def _what_shows(routes: Blueprint, sync: Sync) -> None:
    @routes.get("/ops/mapping")
    def show() -> str:
        return _whole(sync)

    @routes.get("/ops/mapping/form")
    @acting.needs(Role.OPERATOR)
    def as_form() -> tuple[str, int] | str:
        try:
            return _form(sync, _in_force(sync))
        except MappingError as wrong:
            return _editor(sync, _text(sync), mistakes=str(wrong).splitlines())

    @routes.get("/ops/mapping/text")
    @acting.needs(Role.OPERATOR)
    def as_text() -> str:
        return _editor(sync, _text(sync))


def _what_asks(routes: Blueprint, sync: Sync) -> None:
    @routes.post("/ops/mapping/lists")
    def names() -> tuple[str, int] | str:
        return _with_names(sync)

    @routes.post("/ops/mapping/propose")
    def propose() -> tuple[str, int] | str:
        try:
            return _editor(sync, lists.looked_at(sync).suggestion())
        except (RemoteError, MalformedError) as error:
            return _editor(sync, _text(sync), trouble=_unread(error)), 400


def _what_changes(routes: Blueprint, sync: Sync) -> None:
    @routes.post("/ops/mapping/form")
    def of_form() -> tuple[str, int] | str:
        return _filled(sync)

    @routes.post("/ops/mapping/text")
    def again() -> str:
        return _editor(sync, request.form.get("text", ""))

    @routes.post("/ops/mapping/preview")
    def preview() -> tuple[str, int] | str:
        try:
            text = request.form.get("text", "")
            if version := request.form.get("version"):
                text = candidate.text_of(sync, version)[1]
        except candidate.UnknownVersionError as unknown:
            return _whole(sync, str(unknown)), 400
        return _previewed(sync, text)

    @routes.post("/ops/mapping/accept")
    @acting.needs(Role.ADMIN)
    def accept() -> AnyResponse | tuple[str, int] | str:
        return _accepted(sync)


# --- what is shown --------------------------------------------------------------------------------


def _whole(sync: Sync, trouble: str = "") -> str:
    found = overview.overview(sync)
    kept = versions.every(found.path)
    page = max(1, request.args.get("page", 1, type=int))
    begins = (page - 1) * _SHOWN
    told: dict[str, Any] = {"found": found, "trouble": trouble, "zone": clinic_clock.zone(sync)}
    return render_template(
        "ops/mapping.html",
        **told,
        versions=kept[begins : begins + _SHOWN],
        page=page,
        more=len(kept) > begins + _SHOWN,
        put=request.args.get("put") == "yes",
    )


def _editor(sync: Sync, text: str, *, mistakes: list[str] | None = None, trouble: str = "") -> str:
    return render_template(
        "ops/mapping_text.html",
        text=text.replace("\r\n", "\n"),
        mistakes=mistakes or [],
        trouble=trouble,
        read_only=candidate.file_in_force(sync).read_only,
        most=candidate.MOST,
    )


def _form(
    sync: Sync,
    filled: Filled,
    *,
    mistakes: list[str] | None = None,
    trouble: str = "",
    shown: lists.Lists | None = None,
) -> str:
    told: dict[str, Any] = {"choices": form.choices(), "kinds": form.TYPES, "tables": form.WORDS}
    return render_template(
        "ops/mapping_form.html",
        **told,
        filled=filled,
        mistakes=mistakes or [],
        trouble=trouble,
        lists=shown,
        base=candidate.file_in_force(sync).digest,
    )


def _preview_page(found: Candidate, sync: Sync, trouble: str = "") -> str:
    here = candidate.file_in_force(sync)
    who = acting.signed_in()
    return render_template(
        "ops/mapping_preview.html",
        found=found,
        name=here.path.name,
        read_only=here.read_only,
        there=here.there,
        trouble=trouble,
        proof=mapping_form.proof(found, who.name if who else ""),
    )


# --- what is asked --------------------------------------------------------------------------------


def _text(sync: Sync) -> str:
    return candidate.file_in_force(sync).text


def _in_force(sync: Sync) -> Filled:
    """The form of the file in force. Raises MappingError."""
    return form.filled(overview.file_of(candidate.file_in_force(sync)))


def _filled(sync: Sync) -> tuple[str, int] | str:
    """What was typed into the form, previewed; or the form again, with nothing of it lost."""
    filled = mapping_form.typed(request.form)
    if "rows" in request.form:
        return _form(sync, mapping_form.with_added(filled, request.form.getlist("add")))
    here = candidate.file_in_force(sync)
    if request.form.get("base") != here.digest:
        return _form(sync, filled, trouble=_CHANGED), 400
    try:
        text = form.changed(here.text.replace("\r\n", "\n"), filled, here.path.name)
    except (FormError, MappingError) as wrong:
        return _form(sync, filled, trouble=str(wrong)), 400
    found = candidate.judge(sync, text)
    if found.mistakes:
        # The lines are those of a text that nobody has seen: the keys say where it is.
        told = [one.partition(": ")[2] for one in found.mistakes]
        return _form(sync, filled, mistakes=told), 400
    return _preview_page(found, sync)


def _with_names(sync: Sync) -> tuple[str, int] | str:
    """The form as it is, or of the file, with both lists beside it: read now, kept nowhere."""
    try:
        typed = "doctors-count" in request.form
        filled = mapping_form.typed(request.form) if typed else _in_force(sync)
    except MappingError as wrong:
        return _editor(sync, _text(sync), mistakes=str(wrong).splitlines()), 400
    try:
        return _form(sync, filled, shown=lists.lists(sync, lists.looked_at(sync)))
    except (RemoteError, MalformedError) as error:
        return _form(sync, filled, trouble=_unread(error)), 400


def _unread(error: RemoteError | MalformedError) -> str:
    until: datetime | None = getattr(error, "until", None)
    if until is not None:
        return f"The lists can't be read before {until:%H:%M} UTC."
    code = getattr(error, "code", "an answer of another form")
    return f"The lists could not be read just now ({code})."


def _previewed(sync: Sync, text: str) -> tuple[str, int] | str:
    found = candidate.judge(sync, text)
    if found.mistakes:
        return _editor(sync, text, mistakes=list(found.mistakes)), 400
    return _preview_page(found, sync)


def _accepted(sync: Sync) -> AnyResponse | tuple[str, int] | str:
    text = request.form.get("text", "").replace("\r\n", "\n")
    base, digest = request.form.get("base", ""), request.form.get("digest", "")
    who = acting.signed_in()
    if not mapping_form.is_proof(request.form, who.name if who else ""):
        return _editor(sync, text, trouble=_AGAIN), 400
    try:
        candidate.accept(sync, text, base, digest)
    except ChangedError:
        return _editor(sync, text, trouble=_CHANGED), 409
    except ReadOnlyError as wrong:
        return _editor(sync, text, trouble=f"Nothing was accepted: {wrong}."), 409
    return redirect(url_for("mapping.show", put="yes"), 303)
