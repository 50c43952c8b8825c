"""Serve the bulk lists: ordered, polled until complete, kept for an hour."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sandbox.answers import Call, Json, Refusal, json_answer
from sandbox.drchrono import patients, wire
from sandbox.drchrono.calendar import appointment_lists
from sandbox.fields import as_integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from sandbox.drchrono.practice import Practice

# DrChrono's schema, appointments_list and patients_list: order_by, the first is the default.
ORDERS = {
    "appointments_list": ("scheduled_time", "updated_at"),
    "patients_list": ("id", "updated_at"),
}
# How long a finished list is kept (docs/api-facts.md, D54).
LIFE_SECONDS = 3600
UNKNOWN = {"detail": "Invalid uuid specified"}


def answer(practice: Practice, call: Call, kind: str) -> Response:
    """/api/appointments_list and /api/patients_list; 404 where the account has none."""
    if not practice.behaviours.on("bulk_lists"):
        raise Refusal(404, {"detail": "Not found."})
    if call.request.method == "POST":
        return _order(practice, call, kind)
    return _fetch(practice, call, kind)


def _order(practice: Practice, call: Call, kind: str) -> Response:
    """POST answers `{"uuid", "status": "In progress"}`; filters as in the plain list (D53)."""
    choose: dict[str, Callable[[Practice, Call], list[Json]]] = {
        "appointments_list": appointment_lists.chosen,
        "patients_list": patients.chosen,
    }
    order = call.arg("order_by") or ORDERS[kind][0]
    if order not in ORDERS[kind]:
        raise Refusal(400, {"order_by": [f'"{order}" is not a valid choice.']})
    if not practice.behaviours.on("bulk_order_by"):
        order = ORDERS[kind][0]
    rows = [] if call.denied else choose[kind](practice, call)
    rows.sort(key=lambda row: (row[order], row["id"]))
    # Never verbose, so without custom_fields (D55).
    if kind == "appointments_list":
        shown = [wire.appointment(row, practice.behaviours, verbose=False) for row in rows]
    else:
        shown = [wire.patient(row, verbose=False) for row in rows]
    batch = str(uuid.uuid4())
    practice.bulk[batch] = {
        "kind": kind,
        "rows": shown,
        "page_size": call.arg("page_size"),
        "polls": practice.behaviours.count("bulk_polls"),
        "until": practice.clock.seconds() + LIFE_SECONDS,
    }
    return json_answer({"uuid": batch, "status": "In progress"}, 201)


def _fetch(practice: Practice, call: Call, kind: str) -> Response:
    batch = call.arg("uuid") or ""
    job = practice.bulk.get(batch)
    if job is None or job["kind"] != kind or job["until"] < practice.clock.seconds():
        raise Refusal(404, UNKNOWN)
    if job["polls"] > 0:
        job["polls"] -= 1
        return json_answer({"uuid": batch, "status": "In progress"})
    limit = practice.behaviours.count("bulk_page_limit")
    asked = as_integer(call.arg("page_size") or job["page_size"])
    size = min(asked, limit) if asked and asked > 0 else limit
    page = as_integer(call.arg("page") or "1") or 1
    rows = job["rows"]
    pages = max(-(-len(rows) // size), 1)
    if not 1 <= page <= pages:
        raise Refusal(404, {"detail": "Invalid page."})
    # Pagination holds count, pages, page_size, page (D53).
    pagination = {"count": len(rows), "pages": pages, "page_size": size, "page": page}
    return json_answer(
        {
            "uuid": batch,
            "status": "Complete",
            "pagination": pagination,
            "results": rows[(page - 1) * size : page * size],
        }
    )
