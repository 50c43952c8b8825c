"""Show the records: deliveries, calls, conflicts and the audit, by one view and one template.

The timelines are a tab beside them (`timeline`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting
from service.ops.pages import timeline
from sync.operations.lookup import UnknownError
from sync.operations.operators import Role
from sync.operations.records import asked, proven
from sync.operations.records.listed import MOST_ROWS, Line, Listed, Question, download, listed
from sync.runtime import Sync
from sync.store.listing import places
from sync.store.listing.kinds import AUDIT, RECORDS, Record

NAME: Final = "records"
TITLE: Final = "Records"
_MOST: Final = 50
_TIMES: Final = ("at", "explained_at")
_PLAIN: Final = ("about", "since", "until")


def blueprint(doors: Doors) -> Blueprint:
    """/ops/deliveries, /ops/calls, /ops/conflicts, /ops/audit, and the timelines."""
    routes = Blueprint(NAME, __name__)
    sync = doors.sync
    timeline.add_to(routes, doors)
    for record in RECORDS.values():
        _add(routes, sync, record)

    @routes.post("/ops/audit/prove")
    @acting.needs(Role.ADMIN)
    def prove() -> str | AnyResponse:
        trouble = _proven(sync)
        if trouble:
            return _page(sync, AUDIT, Shown(trouble=trouble))
        return redirect(url_for(f".{AUDIT.name}"), 303)

    return routes


def _add(routes: Blueprint, sync: Sync, record: Record) -> None:
    """The addresses of one record: its page, what narrows it, and what is taken along."""

    def one() -> str:
        try:
            found = _found(sync, record, request.args)
        except UnknownError as error:
            return _page(sync, record, Shown(trouble=str(error)))
        return _page(sync, record, found)

    @acting.needs(Role.VIEWER)
    def narrowed() -> str | AnyResponse:
        # What is no number may be a name: it is refused before it could get into an address.
        try:
            found = _found(sync, record, request.form)
        except UnknownError as error:
            return _page(sync, record, Shown(trouble=str(error)))
        return redirect(f"{url_for(f'.{record.name}')}?{urlencode(found.asked)}", 303)

    @acting.needs(Role.VIEWER)
    def handed_out() -> str | AnyResponse:
        try:
            lines = download(sync, record, _question(record, request.form))
        except UnknownError as error:
            return _page(sync, record, Shown(trouble=str(error)))
        answer = Response(lines, mimetype="text/csv")
        named = f"{record.name}-{sync.clock():%Y-%m-%d}.csv"
        answer.headers["Content-Disposition"] = f'attachment; filename="{named}"'
        return answer

    here = f"/ops/{record.name}"
    routes.get(here, endpoint=record.name)(one)
    routes.post(here, endpoint=f"{record.name}_narrowed")(narrowed)
    routes.post(f"{here}/download", endpoint=f"{record.name}_download")(handed_out)


def _proven(sync: Sync) -> str:
    """Why the audit could not be proven; "" when it was."""
    try:
        proven.prove(sync)
    except proven.TooLongError:
        return "It is too long for a page. In the terminal: drchrono-oncall audit verify"
    except (proven.SinkError, OSError):
        return "AUDIT_SINK can't be read, so it was not proven."
    return ""


# --- what is asked --------------------------------------------------------------------------------


_NOTHING: Final = Listed((), None, None)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows: the rows, and what was asked for; `trouble`: why it can't be."""

    found: Listed = _NOTHING
    asked: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""


def _found(sync: Sync, record: Record, told: MultiDict[str, str]) -> Shown:
    after = places.read(told.get("after", "")) if told.get("after") else None
    if told.get("after") and after is None:
        raise UnknownError("There is no such page.")
    return Shown(listed(sync, record, _question(record, told), after, _MOST), _asked(record, told))


def _question(record: Record, told: MultiDict[str, str]) -> Question:
    return Question(
        about=told.get("about", "")[:100],
        since=asked.moment(told.get("since", "")),
        until=asked.moment(told.get("until", ""), end=True),
        only={one.name: told.get(one.name, "") for one in record.narrowings},
    )


def _asked(record: Record, told: MultiDict[str, str]) -> dict[str, str]:
    """What was typed, as the form and each link of the page have it."""
    names = (*_PLAIN, *(one.name for one in record.narrowings))
    return {name: told[name].strip() for name in names if told.get(name, "").strip()}


# --- what is shown --------------------------------------------------------------------------------


def _page(sync: Sync, record: Record, shown: Shown) -> str:
    told = {"proven": proven.last(sync)} if record.name == "audit" else {}
    return render_template(
        "ops/records.html",
        record=record,
        records=RECORDS.values(),
        asked=shown.asked,
        trouble=shown.trouble,
        rows=[_cells(record, line) for line in shown.found.lines],
        lines=shown.found.lines,
        after=shown.found.after.written() if shown.found.after else "",
        looked_to=shown.found.looked_to,
        most=MOST_ROWS,
        **told,
    )


def _cells(record: Record, line: Line) -> list[tuple[str, str]]:
    """Each cell's text, and its class: numbers stand right, a time is not broken."""
    return [(_text(line.values[name]), _class(record, name)) for name in record.columns]


def _class(record: Record, name: str) -> str:
    return "text-end" if name in record.numbers else "text-nowrap" if name in _TIMES else ""


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)
