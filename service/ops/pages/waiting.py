"""Show what waits for a person: the list, one item with its candidates, and its answers."""

from typing import Final

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting, many
from service.ops.asked import LONGEST, asked_for
from sync.core.causes.model import Remedy
from sync.core.causes.presses import PRESSES, How
from sync.operations import clinic_clock
from sync.operations.hand import resolve
from sync.operations.hand.by_hand import Preview
from sync.operations.inbox import listing, looking, pressing
from sync.operations.inbox.asked import OLDER, Asked, tidied
from sync.operations.inbox.listing import Page
from sync.operations.inbox.one import One, one
from sync.operations.inbox.pressing import IN_THE_WAY
from sync.operations.lookup import UnknownError
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.store.tables.links import HIGHEST

NAME: Final = "waiting"
TITLE: Final = "Waiting for you"
_ITEM: Final = f"/ops/waiting/<int(max={HIGHEST}):item>"
DONE: Final = {
    "retry": "It is being tried again. If it fails again, you are asked anew.",
    "drop": "It is left as it is.",
    "look_again": "Both sides are being looked at now. Load this page again in some seconds.",
    "resolve": "Your answer is taken. The workers go on from here.",
    "keep": "That side is kept. It is written within seconds.",
    "accept_zones": "The visits are being moved.",
}


def blueprint(doors: Doors) -> Blueprint:
    """/ops/waiting, and below it one item's page with its forms."""
    routes = Blueprint(NAME, __name__)
    sync = doors.sync

    @routes.get("/ops/waiting")
    def show() -> str:
        return _list(sync)

    @routes.post("/ops/waiting")
    @acting.needs(Role.VIEWER)
    def narrowed() -> AnyResponse | str:
        # What is typed may be a name: it is read here, and gets into no address.
        try:
            asked = tidied(sync, asked_for())
        except UnknownError:
            return _list(sync)
        return redirect(url_for("waiting.show", **asked.chosen), 303)

    @routes.get(_ITEM)
    def item(item: int) -> AnyResponse:
        return _page(sync, item)

    @routes.post(f"{_ITEM}/show")
    @acting.needs(Role.OPERATOR)
    def look(item: int) -> AnyResponse:
        return _look(sync, item)

    @routes.post(f"{_ITEM}/answer")
    def answer(item: int) -> AnyResponse:
        return _answer(doors, item)

    @routes.post(f"{_ITEM}/keep")
    def keep(item: int) -> AnyResponse:
        return _after_a_look(doors, item, Remedy.KEEP)

    @routes.post(f"{_ITEM}/accept_zones")
    def accept_zones(item: int) -> AnyResponse:
        return _after_a_look(doors, item, Remedy.ACCEPT_ZONES)

    many.add(routes, doors)
    return routes


def _list(sync: Sync) -> str:
    asked, trouble = asked_for(), ""
    after, before = _place("after"), _place("before")
    try:
        found = listing.page(sync, asked, after=after or 0, before=before)
    except UnknownError as error:
        # What was typed may be a name: it is not shown again.
        asked, trouble = Asked(asked.cause, asked.about, asked.older), str(error)
        found = Page((), 0, 1, (), None, None)
    return render_template(
        "ops/waiting/list.html",
        asked=asked,
        found=found,
        trouble=trouble,
        ages=tuple(OLDER),
        zone=clinic_clock.zone(sync),
    )


def _place(name: str) -> int | None:
    told = request.args.get(name, "")
    number = (
        int(told) if told.isascii() and told.isdigit() and len(told) <= len(str(HIGHEST)) else 0
    )
    return number if 0 < number <= HIGHEST else None


# --- one item -------------------------------------------------------------------------------------


def _found(sync: Sync, number: int) -> tuple[One, Asked]:
    """The item, in the list that it was come to from; in all where that can't be asked for."""
    for asked in (asked_for(), Asked()):
        try:
            return one(sync, number, asked), asked
        except UnknownError:
            continue
    raise NotFound


def _page(
    sync: Sync,
    number: int,
    *,
    seen: tuple[looking.Seen, ...] = (),
    trouble: str = "",
    status: int = 200,
) -> AnyResponse:
    found, asked = _found(sync, number)
    # Shown in its place by htmx, it is in no history of the browser's: Back asks for nothing.
    part = request.endpoint == "waiting.look" and "HX-Request" in request.headers
    page = render_template(
        "ops/waiting/part.html" if part else "ops/waiting/one.html",
        one=found,
        zone=clinic_clock.zone(sync),
        item=found.row.item,
        asked=asked,
        seen=seen,
        trouble=trouble,
        done=DONE.get(request.args.get("done", ""), ""),
        reasons=looking.REASONS,
        ticket=looking.TICKET,
        presses=[(deed.value, PRESSES[deed]) for deed in found.deeds],
        others=[(deed.value, PRESSES[deed]) for deed in found.others],
        commands={deed.value: found.command(deed) for deed in found.deeds},
        how=How,
    )
    return make_response(page, 200 if part else status)  # it swaps in what went well alone


def _look(sync: Sync, number: int) -> AnyResponse:
    found, _asked = _found(sync, number)
    form = request.form
    try:
        why = looking.because(form.get("reason", ""), form.get("ticket", "")[:LONGEST])
        seen = looking.show(sync, found, why)
    except looking.ReasonError as error:
        return _page(sync, number, trouble=str(error), status=400)
    except IN_THE_WAY as error:
        return _page(sync, number, trouble=pressing.said(error))
    return _page(sync, number, seen=seen)


def _answer(doors: Doors, number: int) -> AnyResponse:
    chosen = request.form.get("chosen", "").strip()[:LONGEST]
    try:
        doors.bell.ring(resolve.resolve(doors.sync, number, chosen))
    except IN_THE_WAY as error:
        return _page(doors.sync, number, trouble=pressing.said(error))
    return _back(number, Remedy.RESOLVE)


def _after_a_look(doors: Doors, number: int, deed: Remedy) -> AnyResponse:
    """Show what follows and ask; do it where it was shown."""
    sync, side = doors.sync, request.form.get("side", "")
    found, asked = _found(sync, number)
    try:
        if not request.form.get("sure"):
            return _sure(found, asked, deed, side, pressing.preview(sync, found, deed, side))
        doors.bell.ring(pressing.do(sync, found, deed, side))
    except IN_THE_WAY as error:
        return _page(sync, number, trouble=pressing.said(error))
    return _back(number, deed)


def _sure(found: One, asked: Asked, deed: Remedy, side: str, preview: Preview) -> AnyResponse:
    back = url_for("waiting.item", item=found.row.item.id, **asked.chosen)
    page = render_template(
        "ops/sure.html",
        title=found.row.title,
        sentence=found.row.item.sentence,
        preview=preview,
        fields={**asked.chosen, "side": side},
        address=url_for(f"waiting.{deed.value}", item=found.row.item.id),
        back=back,
    )
    return make_response(page)


def _back(number: int, deed: Remedy) -> AnyResponse:
    chosen = asked_for().chosen
    return redirect(url_for("waiting.item", item=number, done=deed.value, **chosen), 303)
