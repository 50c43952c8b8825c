"""Do what a batch's buttons say: the same for a file and for the record, each below its address."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting
from service.ops.asked import LONGEST
from service.ops.bringing import shown
from sync.batches import looking, showing, steering
from sync.core.batch.model import Batch, Fate, State
from sync.operations.inbox import pressing
from sync.operations.inbox.looking import REASONS, TICKET, ReasonError, because
from sync.operations.operators import Role
from sync.runtime import Ring, Sync
from sync.store.tables.links import HIGHEST

# What keeps somebody from what they asked for, and is told them in a sentence.
IN_THE_WAY: Final = (LookupError, *pressing.IN_THE_WAY)
_NUMBER: Final = f"<int(min=1, max={HIGHEST}):batch>"
Said = AnyResponse | str | tuple[str, int]
_Deed = Callable[[Sync, int], object]


def found(sync: Sync, base: str, batch: int) -> Batch:
    """The batch of that number, if it is of that kind. Raises NotFound."""
    try:
        one = showing.show(sync, batch)
    except LookupError:
        raise NotFound from None
    if shown.base_of(one) != base:
        raise NotFound
    return one


# What a button of that name does.
_DEEDS: Final[Mapping[str, _Deed]] = {
    "start": lambda sync, batch: steering.start(sync, batch),
    "pause": lambda sync, batch: steering.pause(sync, batch),
    "resume": lambda sync, batch: steering.resume(sync, batch),
    "cancel": lambda sync, batch: steering.cancel(sync, batch),
    "drop": lambda sync, batch: steering.drop(sync, batch),
    "leave_out": lambda sync, batch: _left_out(sync, batch),
}


def add(routes: Blueprint, doors: Doors, base: str) -> None:
    """/ops/BASE/ID/… with what is done to a batch that was planned, and what comes of it."""
    sync = doors.sync
    here = f"/ops/{base}/{_NUMBER}"

    @acting.keeps_itself_fresh
    def now(batch: int) -> AnyResponse | str:
        return _now(sync, found(sync, base, batch))

    @acting.needs(Role.OPERATOR)
    def sure(batch: int) -> Said:
        one = found(sync, base, batch)
        if one.state is not State.PLANNED:
            return _back(base, batch)
        return render_template("ops/bringing/sure.html", **shown.of_page(sync, one))

    def result(batch: int) -> Said:
        return _result(sync, found(sync, base, batch))

    routes.get(f"{here}/now", endpoint=f"{base}_now")(now)
    routes.get(f"{here}/start", endpoint=f"{base}_sure")(sure)
    routes.post(f"{here}/result", endpoint=f"{base}_result")(result)
    for name, deed in _DEEDS.items():
        routes.post(f"{here}/{name}", endpoint=f"{base}_{name}")(_pressed(doors, base, deed))


def _pressed(doors: Doors, base: str, deed: _Deed) -> Callable[[int], Said]:
    def pressed(batch: int) -> Said:
        return _done(doors, base, deed, batch)

    return pressed


def page(
    sync: Sync,
    batch: Batch,
    *,
    trouble: str = "",
    cells: dict[int, tuple[str, ...]] | None = None,
) -> str:
    """A batch's page, or the part of it that Show fills in."""
    part = cells is not None and "HX-Request" in request.headers
    return render_template(
        "ops/bringing/lines.html" if part else "ops/bringing/one.html",
        **shown.of_page(sync, batch),
        trouble=trouble,
        cells=cells,
        reasons=REASONS,
        ticket=TICKET,
    )


def look(sync: Sync, batch: Batch) -> Said:
    """Show the cells of the lines on a page, who looks and why being in the audit before."""
    form = request.form
    numbers = [item.number for item in shown.lines(sync, batch, shown.wanted(batch))[: shown.LINES]]
    try:
        why = because(form.get("reason", ""), form.get("ticket", "")[:LONGEST])
    except ReasonError as error:
        told = page(sync, batch, trouble=str(error), cells={})
        return told if "HX-Request" in request.headers else (told, 400)
    return page(sync, batch, cells=looking.cells(sync, batch.id, numbers, why))


def _now(sync: Sync, batch: Batch) -> AnyResponse | str:
    """The part that keeps itself fresh; where the state is another, the whole page is due."""
    if request.args.get("was") != batch.state.value:
        return Response(status=200, headers={"HX-Refresh": "true"})
    return render_template("ops/bringing/now.html", **shown.of_now(sync, batch))


def _done(doors: Doors, base: str, deed: _Deed, batch: int) -> Said:
    found(doors.sync, base, batch)
    try:
        rings = deed(doors.sync, batch)
    except IN_THE_WAY as refused:
        words = pressing.said(refused)
        return page(doors.sync, found(doors.sync, base, batch), trouble=words), 409
    if isinstance(rings, tuple):
        doors.bell.ring(_rings(rings))
    return _back(base, batch)


def _rings(told: Iterable[object]) -> list[Ring]:
    return [one for one in told if isinstance(one, Ring)]


def _left_out(sync: Sync, batch: int) -> object:
    """Leave a line out, or take it in again; or all of one fate."""
    form = request.form
    for name in ("out", "in"):
        line = form.get(name, "")
        if line.isascii() and line.isdigit() and len(line) <= len(str(HIGHEST)):
            return steering.leave_out(sync, batch, [int(line)], out=name == "out")
    fate = form.get("all", "")
    if fate in {Fate.CREATE, Fate.UPDATE}:
        return steering.leave_out_all(sync, batch, Fate(fate))
    raise LookupError("Choose the lines that are to be left out.")


def _result(sync: Sync, batch: Batch) -> Said:
    try:
        pieces = looking.take_result(sync, batch.id)
    except LookupError as gone:
        return page(sync, batch, trouble=str(gone)), 410
    answer = Response(pieces, mimetype="text/csv")
    named = f"{shown.base_of(batch)}-{batch.id}-{sync.clock():%Y-%m-%d}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{named}"'
    return answer


def _back(base: str, batch: int) -> AnyResponse:
    """To the lines that the form stood beside: a word of ours, and a number."""
    which, after = request.form.get("which", ""), request.form.get("after", "")
    there = url_for(
        f"bringing.{base}_one",
        batch=batch,
        which=which if which in list(Fate) else None,
        after=after if after.isascii() and after.isdigit() and int(after) else None,
    )
    return redirect(there, 303)
