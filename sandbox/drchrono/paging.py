"""Cut a DrChrono list into pages, with the links to the others.

D… are facts of docs/api-facts.md.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox import links
from sandbox.answers import Call, Json, Refusal, json_answer
from sandbox.fields import as_integer

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from sandbox.drchrono.practice import Practice

OTHER_HOST = "https://drchrono.com"
Key = Callable[[Json], list[Any]]
View = Callable[[Json], Json]


def paged(practice: Practice, call: Call, rows: list[Json], key: Key, view: View) -> Response:
    """One page of `rows`, sorted by `key` (unique for each row).

    An answer holds next, previous and the entries; next is an absolute URL or null (D6). Pages hold
    at most 20, verbose ones 25, and go by `cursor=` (D7). A cursor is a place in the order, so
    writes between two pages shift nothing.
    """
    rows = [] if call.denied else sorted(rows, key=key)
    size = page_size(practice, call)
    if practice.behaviours.word("paging") == "page":
        return _numbered(practice, call, rows, size, view)
    cursor = call.arg("cursor")
    shown, before, after = _cut(rows, key, size, _decode(cursor) if cursor else None)
    first, last = (key(shown[0]), key(shown[-1])) if shown else ([], [])
    previous_link = _link(practice, call, "cursor", _encode("before", first)) if before else None
    next_link = _link(practice, call, "cursor", _encode("after", last)) if after else None
    return _envelope(practice, [view(row) for row in shown], previous_link, next_link)


def page_size(practice: Practice, call: Call) -> int:
    """How many a page holds: what was asked for, up to the limit, which is also the default."""
    verbose = call.flag("verbose")
    largest = practice.behaviours.count("verbose_page_size" if verbose else "page_size")
    asked = as_integer(call.arg("page_size"))
    return min(asked, largest) if asked and asked > 0 else largest


def _cut(
    rows: list[Json], key: Key, size: int, place: tuple[str, list[Any]] | None
) -> tuple[list[Json], bool, bool]:
    """The rows shown, and whether there are some before and after."""
    if place is None:
        return rows[:size], False, len(rows) > size
    side, at = place
    try:
        if side == "before":
            earlier = [row for row in rows if key(row) < at]
            return earlier[-size:], len(earlier) > size, bool(earlier)
        later = [row for row in rows if key(row) > at]
    except TypeError as error:
        raise Refusal(404, {"detail": "Invalid cursor"}) from error
    return later[:size], bool(later) and len(later) < len(rows), len(later) > size


def _numbered(practice: Practice, call: Call, rows: list[Json], size: int, view: View) -> Response:
    page = as_integer(call.arg("page") or "1")
    if page is None or page < 1 or (page > 1 and (page - 1) * size >= len(rows)):
        raise Refusal(404, {"detail": "Invalid page."})
    start = (page - 1) * size
    shown = [view(row) for row in rows[start : start + size]]
    previous_link = _link(practice, call, "page", str(page - 1)) if page > 1 else None
    next_link = _link(practice, call, "page", str(page + 1)) if start + size < len(rows) else None
    return _envelope(practice, shown, previous_link, next_link)


def _envelope(
    practice: Practice, shown: list[Json], previous_link: str | None, next_link: str | None
) -> Response:
    name = practice.behaviours.word("envelope")
    return json_answer({"previous": previous_link, name: shown, "next": next_link})


def _link(practice: Practice, call: Call, name: str, value: str) -> str:
    query = {**call.request.args.to_dict(), name: value}
    url = f"{call.request.base_url}?{urlencode(query)}"
    return links.written(practice.behaviours.word("links"), url, OTHER_HOST)


def _encode(side: str, at: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([side, at]).encode()).decode()


def _decode(cursor: str) -> tuple[str, list[Any]]:
    try:
        side, at = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError) as error:
        raise Refusal(404, {"detail": "Invalid cursor"}) from error
    return side, at
