"""Read DrChrono's bulk lists: order one, poll until it is complete, read its pages.

The published schema and the answers of live accounts differ in where the page size goes, and in
whether `pagination` or `next` leads on (docs/api-facts.md, D53). Both forms are read; the probe
finds out by effect what an account supports. DrChrono keeps a list for one hour (D54).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sync.core.answers.endpoints import BULK
from sync.core.errors import Gone, Transient
from sync.outbound.call import Answer, Call, Json
from sync.outbound.hosts import Base
from sync.outbound.pages import Record, read_page

LARGEST_PAGE = 1000
POLLS = 60

Send = Callable[[Call], Answer]


class InvalidUuid(Gone):
    """DrChrono does not know the list, or keeps it no longer (D54): order a new one."""


@dataclass(frozen=True)
class BulkPage:
    """One page of a bulk list: page `page` of `pages`, both from 1. `uuid` names the list."""

    uuid: str
    page: int
    pages: int
    results: tuple[Record, ...] = field(repr=False)


def request(send: Send, path: str, filters: Mapping[str, str]) -> str:
    """Order a list at "/api/appointments_list" or "/api/patients_list", and return its uuid.

    Raises Transient when the answer names none.
    """
    answer = send(Call("drchrono", "POST", BULK, path, query=filters))
    uuid = answer.json.get("uuid") if isinstance(answer.json, dict) else None
    if not isinstance(uuid, str) or not uuid:
        raise Transient("garbled", answer.call_id)
    return uuid


@dataclass(frozen=True)
class BulkList:
    """A list that was ordered at `path`: its `uuid`, and how many records a page is to hold."""

    path: str
    uuid: str
    page_size: int = LARGEST_PAGE


def pages(
    send: Send, base: Base, ordered: BulkList, *, wait: Callable[[int], None], first: int = 1
) -> Iterator[BulkPage]:
    """Give the pages of a list from page `first` on, each poll a call of its own.

    `wait` is called with 1, 2, 3… before each further poll of a list that is still being made.
    Raises InvalidUuid when the list is gone, Transient when it failed or is not done after POLLS
    polls.
    """
    number: int | None = first
    while number is not None:
        query = {"uuid": ordered.uuid, "page": str(number), "page_size": str(ordered.page_size)}
        answer = _complete(send, Call("drchrono", "GET", BULK, ordered.path, query=query), wait)
        found = read_page(answer, base, ordered.path)
        total = _page_count(answer.json, number, more=found.next is not None)
        yield BulkPage(ordered.uuid, number, total, found.results)
        number = number + 1 if number < total else None


def _complete(send: Send, call: Call, wait: Callable[[int], None]) -> Answer:
    for attempt in range(1, POLLS + 1):
        try:
            answer = send(call)
        except Gone as gone:
            raise InvalidUuid(gone.code, gone.call_id) from None
        body = answer.json if isinstance(answer.json, dict) else {}
        status = body.get("status", "Complete")
        if status == "Complete":
            return answer
        if status != "In progress":
            raise Transient("bulk_failed", answer.call_id)
        wait(attempt)
    raise Transient("bulk_slow")


def _page_count(body: Json, number: int, *, more: bool) -> int:
    pagination = body.get("pagination") if isinstance(body, dict) else None
    stated = pagination.get("pages") if isinstance(pagination, dict) else None
    if isinstance(stated, int) and not isinstance(stated, bool):
        return max(stated, number)
    return number + 1 if more else number
