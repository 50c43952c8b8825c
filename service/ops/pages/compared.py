"""Show what differs between both systems, by cause; have them compared again; hand out a CSV."""

from typing import Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting
from sync.operations.diff import nightly, showing
from sync.operations.diff.causes import CAUSES
from sync.operations.lookup import UnknownError
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.store.tables.links import HIGHEST

NAME: Final = "diff"
TITLE: Final = "Differences"


def blueprint(doors: Doors) -> Blueprint:
    """/ops/diff; comparing again costs calls, and so is for operators."""
    routes = Blueprint(NAME, __name__)
    sync = doors.sync

    @routes.get("/ops/diff")
    def show() -> str:
        return _page(sync)

    @routes.post("/ops/diff")
    def again() -> AnyResponse:
        nightly.ask(sync)
        return redirect(url_for("diff.show"), 303)

    @routes.post("/ops/diff/download")
    @acting.needs(Role.VIEWER)
    def download() -> AnyResponse:
        try:
            lines = showing.download(sync, request.form.get("cause", ""))
        except UnknownError:
            return redirect(url_for("diff.show"), 303)
        answer = Response(lines, mimetype="text/csv")
        named = f"differences-{sync.clock():%Y-%m-%d}.csv"
        answer.headers["Content-Disposition"] = f'attachment; filename="{named}"'
        return answer

    return routes


def _page(sync: Sync) -> str:
    cause = request.args.get("cause", "")
    found = showing.page(sync, cause if cause in CAUSES else "", _after())
    said = CAUSES.get(found.cause)
    return render_template("ops/diff.html", found=found, said=said, now=sync.clock())


def _after() -> int:
    told = request.args.get("after", "")
    number = int(told) if told.isascii() and told.isdigit() and len(told) <= 18 else 0
    return number if number <= HIGHEST else 0
