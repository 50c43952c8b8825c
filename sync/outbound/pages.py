"""Read one page of a list, and let its links lead to no other server."""

from dataclasses import dataclass, field

from sync.core.errors import Refused, Transient
from sync.outbound.call import Answer, Json
from sync.outbound.hosts import Base, page_path

Record = dict[str, Json]


@dataclass(frozen=True)
class Page:
    """One page. `next` and `previous` are paths with their query, relative to the base URL.

    `count` is the number of objects in the whole list, None where the system does not say.
    """

    results: tuple[Record, ...] = field(repr=False)
    next: str | None = field(default=None, repr=False)
    previous: str | None = field(default=None, repr=False)
    count: int | None = None


def read_page(answer: Answer, base: Base, path: str) -> Page:
    """Read the answer of the list at `path`, whether it calls its objects `results` or `data`.

    Raises Transient when it is no list of objects, Refused when its links lead to another list or
    to a server that is not this remote's.
    """
    body = answer.json if isinstance(answer.json, dict) else {}
    listed = body.get("results", body.get("data"))
    if not isinstance(listed, list):
        raise Transient("garbled", answer.call_id)
    results = tuple(item for item in listed if isinstance(item, dict))
    if len(results) != len(listed):
        raise Transient("garbled", answer.call_id)
    count = body.get("count")
    return Page(
        results,
        _link(body.get("next"), base, path, answer.call_id),
        _link(body.get("previous"), base, path, answer.call_id),
        count if isinstance(count, int) and not isinstance(count, bool) else None,
    )


def read_record(answer: Answer) -> Record:
    """Read an object's answer; raises Transient when it is none."""
    if not isinstance(answer.json, dict):
        raise Transient("garbled", answer.call_id)
    return answer.json


def _link(link: Json, base: Base, asked: str, call_id: int | None) -> str | None:
    if link is None or link == "":
        return None
    path = page_path(link, base, asked) if isinstance(link, str) else None
    if path is None:
        raise Refused("foreign_link", call_id)
    return path
