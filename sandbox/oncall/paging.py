"""Cut an OnCall list into pages (docs/api-facts.md, O3, O4)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sandbox import links
from sandbox.answers import Call, Json, Refusal, json_answer
from sandbox.fields import as_integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from sandbox.oncall.organisation import Organisation


OTHER_HOST = "https://api.oncallhealth.com"


def paged(
    organisation: Organisation, call: Call, rows: list[Json], view: Callable[[Json], Json]
) -> Response:
    """One page: count, next, previous, results. Rows are ordered by their id, by age."""
    newest_first = organisation.behaviours.word("order") == "newest_first"
    rows = sorted(rows, key=lambda row: int(row["id"]), reverse=newest_first)
    size = max(organisation.behaviours.count("page_size"), 1)
    page = as_integer(call.arg("page") or "1")
    if page is None or page < 1 or (page > 1 and (page - 1) * size >= len(rows)):
        raise Refusal(404, {"detail": "Invalid page."})
    start = (page - 1) * size
    more = start + size < len(rows)
    return json_answer(
        {
            "count": len(rows),
            "next": _link(organisation, call, page + 1) if more else None,
            "previous": _link(organisation, call, page - 1) if page > 1 else None,
            "results": [view(row) for row in rows[start : start + size]],
        }
    )


def _link(organisation: Organisation, call: Call, page: int) -> str:
    query = {**call.request.args.to_dict(), "page": str(page)}
    url = f"{call.request.base_url}?{urlencode(query)}"
    return links.written(organisation.behaviours.word("links"), url, OTHER_HOST)
