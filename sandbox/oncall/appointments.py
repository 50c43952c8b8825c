"""Create, read and change visits and their participants."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from sandbox.answers import Call, Json, Refusal, json_answer
from sandbox.oncall import rules, wire
from sandbox.oncall.organisation import Organisation, reference
from sandbox.oncall.paging import paged

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

NOT_FOUND = {"detail": "Not found."}
# Who did it, in OnCall's words (docs/api-facts.md, O14): the organisation's key is a coordinator's.
CANCELLED_BY = {
    "app": "Coordinator cancelled",
    "staff": "Staff cancelled",
    "patient": "Patient cancelled",
}


def collection(organisation: Organisation, call: Call) -> Response:
    """/appointments/: GET lists (no filter is documented: O4), POST creates."""
    if call.request.method == "POST":
        row = _create(organisation, call.data(), call.actor)
        return json_answer(wire.created(organisation, call, row), 201)
    return listing(organisation, call, listed(organisation, call))


def listed(organisation: Organisation, call: Call) -> list[Json]:
    """All visits, as a list shows them that may lag."""
    lag = organisation.behaviours.seconds("list_lag_seconds")
    return organisation.appointments.listed(organisation.clock.seconds(), lag, stale=call.stale)


def listing(organisation: Organisation, call: Call, rows: list[Json]) -> Response:
    """One page of visits."""
    return paged(
        organisation,
        call,
        rows,
        lambda row: wire.appointment(organisation, call, row, listed=True),
    )


def single(organisation: Organisation, call: Call, row_id: str) -> Response:
    """/appointments/{id}/: GET, and PATCH, which the guide implies (O13)."""
    row = organisation.read(organisation.appointments, row_id, call)
    if row is None:
        raise Refusal(404, NOT_FOUND)
    if call.request.method == "PATCH":
        row = _change(organisation, row, call.data(), call.actor)
    return json_answer(wire.appointment(organisation, call, row, listed=False))


def participant(organisation: Organisation, call: Call, row_id: str) -> Response:
    """/participants/{id}/: GET and PATCH; there is no list (O23)."""
    home = organisation.read(organisation.appointments, organisation.holders.get(row_id, ""), call)
    found = _find(home, row_id)
    if home is None or found is None:
        raise Refusal(404, NOT_FOUND)
    if call.request.method == "PATCH":
        before = copy.deepcopy(home)
        _update_person(organisation, found, call.data())
        _settle(organisation, before, home, call.actor)
    return json_answer(wire.participant(call, found))


def _create(organisation: Organisation, data: Any, actor: str) -> Json:
    values = rules.visit(organisation, data, partial=False)
    items = values.pop("participants")
    rules.refuse_crowd(len(items))
    people = [rules.person(organisation, item, partial=False) for item in items]
    row: Json = {
        "datetime": None,
        # A fresh visit is Incomplete (O14).
        "status": "Incomplete",
        "cancelled": False,
        "metadata": None,
        **values,
        "id": organisation.new_id("appointment"),
        "participants": [],
    }
    row["cancelled"] = row["cancelled"] or row["status"] in rules.CANCELLED_STATUSES
    row["participants"] = [_new_person(organisation, row["id"], person) for person in people]
    organisation.save(row)
    organisation.outbox.created(row, actor)
    organisation.announce("appointment_created", row["id"], actor)
    return row


def _change(organisation: Organisation, row: Json, data: Any, actor: str) -> Json:
    values = rules.visit(organisation, data, partial=True)
    if "provider" in values and not organisation.behaviours.on("provider_patch"):
        raise Refusal(400, {"provider": ["The provider of an appointment can't be changed."]})
    before = copy.deepcopy(row)
    items = values.pop("participants", None)
    if "metadata" in values:
        merge = organisation.behaviours.word("metadata_patch") == "merge"
        if merge and values["metadata"] is not None:
            values["metadata"] = {**(row["metadata"] or {}), **values["metadata"]}
    _cancel(organisation, row, values, actor)
    row.update(values)
    if items is not None:
        row["participants"] = _people(organisation, row, items)
    _settle(organisation, before, row, actor)
    return row


def _cancel(organisation: Organisation, row: Json, values: Json, actor: str) -> None:
    """Keep status and cancelled in step, in place; raises Refusal 400 for a revival."""
    status = values.get("status")
    by_flag = bool(values.get("cancelled")) and not row["cancelled"]
    if status in rules.CANCELLED_STATUSES:
        values["cancelled"] = True
    elif by_flag and organisation.behaviours.on("cancelled_sets_status"):
        values.setdefault("status", CANCELLED_BY[actor])
    other_status = bool(status) and status not in rules.CANCELLED_STATUSES
    if row["cancelled"] and (values.get("cancelled") is False or other_status):
        # Whether a cancellation can be taken back is unknown (O16): refused unless switched on.
        if not organisation.behaviours.on("uncancel"):
            raise Refusal(400, {"cancelled": ["A cancelled appointment can't be reopened."]})
        values["cancelled"] = False
        values.setdefault("status", "Incomplete")


def _people(organisation: Organisation, row: Json, items: list[Json]) -> list[Json]:
    """Apply a PATCH of `participants`: an item with a known url updates that one, others are new.

    Those not listed are removed under the switch "replace" and stay under "append" (O24).
    """
    held = {one["id"]: one for one in row["participants"]}
    named: list[str] = []
    new: list[Json] = []
    for item in items:
        known = held.get(reference(item.get("url"), "participants") or "")
        if known is None:
            person = rules.person(organisation, item, partial=False)
            new.append(_new_person(organisation, row["id"], person))
        else:
            _update_person(organisation, known, item)
            named.append(known["id"])
    if organisation.behaviours.word("participants_patch") == "replace":
        kept = [held[one] for one in named]
    else:
        kept = list(held.values())
    counted = kept if organisation.behaviours.on("cancelled_count") else _coming(kept)
    rules.refuse_crowd(max(len(counted) + len(new), 1) if kept + new else 0)
    return kept + new


def _coming(people: list[Json]) -> list[Json]:
    return [one for one in people if not one["cancelled"]]


def _update_person(organisation: Organisation, row: Json, data: Any) -> None:
    values = rules.person(organisation, data, partial=True)
    revived = row["cancelled"] and values.get("cancelled") is False
    if revived and not organisation.behaviours.on("uncancel"):
        raise Refusal(400, {"cancelled": ["A cancelled participant can't be reopened."]})
    if "name" in values and {"first_name", "last_name"} & set(values):
        del values["name"]
    names = {key: row[key] for key in ("first_name", "last_name")} if "name" not in values else {}
    merged = {**names, **values}
    rules.name_parts(merged)
    row.update(merged)
    row["user_id"] = organisation.user_id(row["email"])


def _new_person(organisation: Organisation, appointment_id: str, values: Json) -> Json:
    if organisation.behaviours.on("splits_name"):
        rules.name_parts(values)
    row = {
        "id": organisation.new_id("participant"),
        "appointment": appointment_id,
        "name": "",
        "first_name": "",
        "last_name": "",
        "email": None,
        "fee": 0,
        "cancelled": False,
        **values,
    }
    return {**row, "user_id": organisation.user_id(row["email"])}


def _settle(organisation: Organisation, before: Json, row: Json, actor: str) -> None:
    """Store a change, mail those it concerns, and tell the webhook (participants' changes too)."""
    nobody_left = all(one["cancelled"] for one in row["participants"])
    follows = organisation.behaviours.on("cancel_all_participants_cancels_visit")
    if follows and nobody_left and not row["cancelled"]:
        row.update(cancelled=True, status=CANCELLED_BY[actor])
    organisation.save(row)
    organisation.outbox.changed(before, row, actor)
    organisation.announce("appointment_updated", row["id"], actor)


def _find(home: Json | None, row_id: str) -> Json | None:
    people = home["participants"] if home else []
    return next((one for one in people if one["id"] == row_id), None)
