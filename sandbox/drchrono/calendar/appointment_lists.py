"""List appointments: filters, order, and how far the list lags."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sandbox.answers import Call, Json, Refusal
from sandbox.drchrono import recurrence, wire
from sandbox.drchrono.paging import paged
from sandbox.fields import as_integer, day_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from sandbox.drchrono.practice import Practice

TIME_FILTERS = ("since", "occurred_since", "date", "date_range")
# A date_range that is not past is not longer (docs/api-facts.md, D28).
RANGE_DAYS = 190


def answer(practice: Practice, call: Call) -> Response:
    """GET /api/appointments: one page, in the order of the scheduled date (D29)."""
    if not any(call.arg(name) for name in TIME_FILTERS):
        names = ", ".join(TIME_FILTERS[:-1])
        raise Refusal(400, {"detail": f"Either {names} or {TIME_FILTERS[-1]} must be specified."})
    verbose = call.flag("verbose")
    return paged(
        practice,
        call,
        chosen(practice, call),
        key=lambda row: [row["scheduled_time"], row["id"]],
        view=lambda row: wire.appointment(row, practice.behaviours, verbose=verbose),
    )


def chosen(practice: Practice, call: Call) -> list[Json]:
    """All appointments that pass the filters, in no order."""
    first, last = _window(practice, call)
    lag = practice.behaviours.seconds("list_lag_seconds")
    rows = practice.appointments.listed(practice.clock.seconds(), lag, stale=call.stale)
    windowed = first is not None or last is not None
    if windowed and not call.flag("ignore_virtual"):
        # Found by day only: an occurrence that is not stored has no time of change.
        start = first or date.fromisoformat(practice.today())
        end = last or start + recurrence.HORIZON
        rows += recurrence.virtuals(practice, start, end, stale=call.stale)
    if not call.flag("show_archived"):
        rows = [row for row in rows if not row["deleted_flag"]]
    rows = [row for row in rows if _in_window(row, first, last)]
    return _filtered(call, rows)


def _window(practice: Practice, call: Call) -> tuple[date | None, date | None]:
    """The scheduled days asked for, both inclusive; None is open."""
    day, days, occurred = call.arg("date"), call.arg("date_range"), call.arg("occurred_since")
    if day:
        return _day("date", day), _day("date", day)
    if days:
        first_text, _, last_text = days.partition("/")
        first, last = _day("date_range", first_text), _day("date_range", last_text)
        past = last.isoformat() < practice.today()
        if last - first > timedelta(days=RANGE_DAYS) and not past:
            raise Refusal(400, {"date_range": [f"Cannot be longer than {RANGE_DAYS} days."]})
        return first, last
    return (_day("occurred_since", occurred), None) if occurred else (None, None)


def _day(name: str, text: str) -> date:
    try:
        return day_of(text[:10])
    except ValueError as error:
        raise Refusal(400, {name: ["Enter a valid date."]}) from error


def _in_window(row: Json, first: date | None, last: date | None) -> bool:
    day = row["scheduled_time"][:10]
    return (first is None or day >= first.isoformat()) and (last is None or day <= last.isoformat())


def _filtered(call: Call, rows: list[Json]) -> list[Json]:
    since = call.arg("since")
    if since:
        # Inclusive and date-like (D27).
        floor = _day("since", since).isoformat()
        rows = [row for row in rows if row["updated_at"][:10] >= floor]
    for name in ("doctor", "office", "patient"):
        text = call.arg(name)
        if text:
            number = as_integer(text)
            if number is None:
                raise Refusal(400, {name: ["Enter a number."]})
            rows = [row for row in rows if row[name] == number]
    status = call.arg("status")
    if status is not None:
        rows = [row for row in rows if row["status"] == status]
    return rows
