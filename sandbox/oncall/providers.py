"""Serve the read-only provider endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.answers import Call, Refusal, json_answer
from sandbox.oncall import wire
from sandbox.oncall.paging import paged

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from sandbox.oncall.organisation import Organisation


def collection(organisation: Organisation, call: Call) -> Response:
    """GET /providers/."""
    rows = organisation.providers.listed(0.0, 0.0)
    return paged(organisation, call, rows, lambda row: wire.provider(organisation, call, row))


def single(organisation: Organisation, call: Call, row_id: str) -> Response:
    """GET /providers/{id}/."""
    row = organisation.providers.get(row_id)
    if row is None:
        raise Refusal(404, {"detail": "Not found."})
    return json_answer(wire.provider(organisation, call, row))
