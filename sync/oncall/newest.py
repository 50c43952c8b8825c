"""Read the newest appointments in OnCall's list, whichever way the list is ordered.

OnCall has no `updated since` and documents neither order nor page size (docs/api-facts.md, O4, O8),
so both are read off the pages themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.core.errors import Gone
from sync.core.wire import MalformedError
from sync.oncall.client import last_page
from sync.oncall.translate import id_from_url

if TYPE_CHECKING:
    from sync.core.wording import Json
    from sync.oncall.client import OnCall
    from sync.outbound.gate import Ticket
    from sync.outbound.pages import Page

MOST_PAGES = 50


@dataclass(frozen=True)
class Newest:
    """Records newer than an id, newest pages first; `complete` when the list was read back to it.

    `count` is the list's length as OnCall says it, None where it does not.
    """

    records: tuple[dict[str, Json], ...]
    count: int | None
    complete: bool


def oncall_appointments(
    client: OnCall,
    ticket: Ticket,
    beyond: int,
    *,
    known_count: int | None = None,
    most_pages: int = MOST_PAGES,
) -> Newest:
    """Read back from the newest end until an id not above `beyond` shows.

    With `known_count`, a list of that very length is not read beyond its first page.
    """
    first = client.list_appointments(ticket)
    if known_count is not None and first.count == known_count:
        return Newest(_above(first, beyond), first.count, complete=True)
    ids = [record_id(one) for one in first.results]
    if first.next is None or not ids:
        return Newest(_above(first, beyond), first.count, complete=True)
    if ids[0] > ids[-1]:  # newest first: go on forward
        return _walk(client, ticket, first, beyond, most_pages)
    if first.count is None:
        return _walk(client, ticket, first, 0, most_pages)
    number = last_page(first.count, len(first.results))
    return _walk_back(client, ticket, number, beyond, first, most_pages)


def _walk(client: OnCall, ticket: Ticket, page: Page, beyond: int, most_pages: int) -> Newest:
    found, count = list(_above(page, beyond)), page.count
    for _ in range(most_pages):
        ids = [record_id(one) for one in page.results]
        if page.next is None or (beyond and ids and min(ids) <= beyond):
            return Newest(tuple(found), count, complete=True)
        page = client.list_appointments(ticket, page.next)
        found += _above(page, beyond)
    return Newest(tuple(found), count, complete=False)


def _walk_back(
    client: OnCall, ticket: Ticket, number: int, beyond: int, first: Page, most_pages: int
) -> Newest:
    found: list[dict[str, Json]] = []
    for page_number in range(number, max(1, number - most_pages), -1):
        try:
            page = client.list_appointments(ticket, page_number)
        except Gone:
            continue
        found += _above(page, beyond)
        ids = [record_id(one) for one in page.results]
        if ids and min(ids) <= beyond:
            return Newest(tuple(found), first.count, complete=True)
    found += _above(first, beyond)
    return Newest(tuple(found), first.count, complete=number <= most_pages)


def _above(page: Page, beyond: int) -> tuple[dict[str, Json], ...]:
    return tuple(one for one in page.results if record_id(one) > beyond)


def record_id(record: dict[str, Json]) -> int:
    """The id in a record's url as a number, 0 when it has none of that kind."""
    try:
        return int(id_from_url(str(record.get("url"))))
    except (MalformedError, ValueError):
        return 0
