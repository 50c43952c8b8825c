"""Show what happened to one visit or person; look again, or see what would change."""

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting, press
from sync.operations import foreseen
from sync.operations.lookup import UnknownError
from sync.operations.operators import Role
from sync.operations.timeline import box
from sync.operations.timeline.assemble import timeline
from sync.operations.timeline.model import SORTS, Timeline
from sync.runtime import Sync

_PATH: Final = "/ops/timeline/<kind>/<object_id>"


@dataclass(frozen=True, slots=True)
class _About:
    """What a page is about, by the words of its address."""

    kind: str
    id: str


def add_to(routes: Blueprint, doors: Doors) -> None:
    """/ops/timeline, and below it one for each visit and person."""
    sync = doors.sync

    @routes.get("/ops/timeline")
    def show() -> str:
        return _box()

    @routes.post("/ops/timeline")
    @acting.needs(Role.VIEWER)
    def ask() -> str | AnyResponse:
        # What is pasted may be a name: it is read here, and gets into no address.
        try:
            kind, named = box.meant(sync, request.form.get("about", ""))
        except UnknownError as error:
            return _box(str(error))
        return redirect(url_for(".of", kind=kind, object_id=named), 303)

    @routes.get(_PATH)
    def of(kind: str, object_id: str) -> str:
        about = _About(kind, object_id)
        return _page(_found(sync, about), about)

    @routes.post(f"{_PATH}/look-again")
    def look_again(kind: str, object_id: str) -> str:
        return _said(sync, _About(kind, object_id), (press.looked_again(doors, kind, object_id),))

    # It reads both systems, which costs calls: so it is for operators, as each POST is.
    @routes.post(f"{_PATH}/plan")
    def plan(kind: str, object_id: str) -> str:
        return _said(sync, _About(kind, object_id), foreseen.lines(sync, kind, object_id))


def _said(sync: Sync, about: _About, words: tuple[str, ...]) -> str:
    """The words in their place; where there is no htmx, the whole page with them."""
    if request.headers.get("HX-Request"):
        return render_template("ops/timeline_said.html", words=words)
    return _page(_found(sync, about), about, words)


def _found(sync: Sync, about: _About) -> Timeline:
    sorts = [one for one in request.args.getlist("sort") if one in SORTS]
    after = request.args.get("after", "")
    try:
        return timeline(sync, about.kind, about.id, sorts=sorts, after=after)
    except UnknownError:
        abort(404)


def _box(trouble: str = "") -> str:
    return render_template("ops/timeline_box.html", trouble=trouble)


def _page(found: Timeline, about: _About, words: tuple[str, ...] = ()) -> str:
    return render_template(
        "ops/timeline.html",
        timeline=found,
        about=about,
        sorts=SORTS,
        chosen=[one for one in request.args.getlist("sort") if one in SORTS],
        words=words,
    )
