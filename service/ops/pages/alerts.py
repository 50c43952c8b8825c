"""Show the open alerts; say that one is seen, keep it quiet for a while, try the channels."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting, ends
from sync.operations import clinic_clock
from sync.operations.alerting import channels, shown, tell
from sync.operations.operators import Role
from sync.runtime import Sync

NAME: Final = "alerts"
TITLE: Final = "Alerts"
_GONE: Final = "That is over already."


def blueprint(doors: Doors) -> Blueprint:
    """/ops/alerts; what quiets one is for operators, trying the channels for admins."""
    routes = Blueprint(NAME, __name__)
    sync = doors.sync

    @routes.get("/ops/alerts")
    def show() -> str:
        return _page(sync)

    @routes.post("/ops/alerts/acknowledge")
    def acknowledge() -> AnyResponse | tuple[str, int]:
        return _done(sync, lambda number: tell.acknowledge(sync, number))

    @routes.post("/ops/alerts/snooze")
    def snooze() -> AnyResponse | tuple[str, int]:
        typed = request.form.to_dict()
        try:
            end = ends.read(typed, sync.clock(), clinic_clock.zone(sync))
        except ends.NoEndError as wrong:
            return _page(sync, str(wrong), typed=typed), 400
        return _done(sync, lambda number: tell.snooze(sync, number, end))

    @routes.post("/ops/alerts/remind")
    def remind() -> AnyResponse | tuple[str, int]:
        return _done(sync, lambda number: tell.remind(sync, number))

    @routes.post("/ops/alerts/test")
    @acting.needs(Role.ADMIN)
    def test() -> str:
        return _page(sync, tried=tell.try_out(sync))

    return routes


def _done(sync: Sync, deed: Callable[[int], None]) -> AnyResponse | tuple[str, int]:
    try:
        number = int(request.form.get("alert", ""))
    except ValueError:
        raise BadRequest from None
    try:
        deed(number)
    except tell.NoAlertError:
        return _page(sync, _GONE), 400
    return redirect(url_for("alerts.show"), 303)


def _page(
    sync: Sync,
    trouble: str = "",
    *,
    typed: Mapping[str, str] | None = None,
    tried: list[tuple[str, str]] | None = None,
) -> str:
    told: dict[str, Any] = {"lengths": ends.LENGTHS, "usual": ends.USUAL, "typed": typed or {}}
    return render_template(
        "ops/alerts.html",
        **told,
        alerts=shown.shown(sync),
        lately=shown.lately(sync),
        channels=channels.configured(sync.settings),
        now=sync.clock(),
        zone=clinic_clock.zone(sync),
        trouble=trouble,
        tried=tried,
    )
