"""Read DrChrono's lists of appointments and patients: in bulk where the account has that."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sync.core.errors import NotTheApi, Refused
from sync.drchrono.bulk import BulkPage, InvalidUuid
from sync.store.tables import facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sync.core.wording import Json
    from sync.outbound.gate import Ticket
    from sync.runtime import Sync

    Records = tuple[dict[str, Json], ...]
    Reader = Callable[[BulkPage | None], Iterator[BulkPage]]

NO_SUCH_PATH = frozenset({"edge_404", "edge_405", "edge_410"})


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list was read: a page of a bulk list, or the link to the next page of a plain one.

    DrChrono keeps a bulk list for an hour (docs/api-facts.md, D54); then it is ordered anew, and is
    gone on with after the same page. A link is opaque (D6): nobody knows what it says.
    """

    uuid: str = ""
    page: int = 0
    pages: int = 0
    next: str | None = field(default=None, repr=False)


def read(
    sync: Sync, kind: str, ticket: Ticket | None = None, **filters: Any
) -> Iterator[tuple[dict[str, Json], ...]]:
    """The records of a list: in bulk where the account has that, else page by page."""
    for records, _place in listed(sync, kind, ticket, **filters):
        yield records


def listed(
    sync: Sync,
    kind: str,
    ticket: Ticket | None = None,
    *,
    resume: Place | None = None,
    order: str | None = None,
    **filters: Any,
) -> Iterator[tuple[Records, Place | None]]:
    """The same, each page with the place to go on from after it; None after the last.

    `resume` is the place to go on from. `order` is that of a bulk list, which is else in the order
    of the last change; a plain one has its own.
    """
    with sync.store.read() as conn:
        bulk = facts.get(conn, f"bulk_{kind}")
    ticket = ticket or sync.task_ticket()
    on_link = resume.next if resume is not None else None
    absent = False
    if bulk != "no" and on_link is None:
        try:
            for page in _bulk(_reader(sync, kind, ticket, order, filters), resume):
                last = page.page >= page.pages
                yield page.results, None if last else Place(page.uuid, page.page, page.pages)
        except Refused:
            absent = True
        except NotTheApi as page_of_another:
            # A path that the server does not know can be answered by a page of the server's own.
            absent = page_of_another.code in NO_SUCH_PATH
            if not absent and resume is not None:
                raise
        else:
            if bulk is None:
                _learn_bulk(sync, kind, "yes")
            return
    listing = (
        sync.drchrono.list_appointments if kind == "appointments" else sync.drchrono.list_patients
    )
    for found in listing(ticket, resume=on_link, **filters):
        if bulk != "no" and absent:
            # Only now: where both are refused, it is a scope that is missing.
            _learn_bulk(sync, kind, "no")
            bulk = "no"
        yield found.results, None if found.next is None else Place(next=found.next)


def one(
    sync: Sync,
    kind: str,
    number: int,
    ticket: Ticket,
    *,
    kept: Place | None = None,
    order: str | None = None,
    **filters: Any,
) -> tuple[Records, Place] | None:
    """A page of a bulk list by its number, from 1; None where the account has no such lists.

    `kept` is a place in a list that may be kept still. Of a number after the last page no records.
    """
    with sync.store.read() as conn:
        if facts.get(conn, f"bulk_{kind}") != "yes":
            return None
    reader = _reader(sync, kind, ticket, order, filters)
    try:
        if kept is not None and kept.uuid:
            return _page(reader, BulkPage(kept.uuid, kept.page, kept.pages, ()), number)
    except InvalidUuid:
        pass  # kept no longer: it is ordered anew
    first = next(reader(None))
    if number == 1:
        return first.results, Place(first.uuid, 1, first.pages)
    return _page(reader, first, number)


def _page(reader: Reader, known: BulkPage, number: int) -> tuple[Records, Place]:
    place = Place(known.uuid, number, known.pages)
    before = BulkPage(known.uuid, number - 1, known.pages, ())
    found = next(reader(before), None) if number <= known.pages else None
    return (() if found is None else found.results), place


def _reader(
    sync: Sync, kind: str, ticket: Ticket, order: str | None, filters: dict[str, Any]
) -> Reader:
    call = (
        sync.drchrono.bulk_appointments if kind == "appointments" else sync.drchrono.bulk_patients
    )
    asked = filters if order is None else {**filters, "order_by": order}

    def pages(resume: BulkPage | None) -> Iterator[BulkPage]:
        return call(ticket, partial(_pause, sync), resume=resume, **asked)

    return pages


def _bulk(reader: Reader, resume: Place | None) -> Iterator[BulkPage]:
    """The pages of a bulk list, from a place on; one that is kept no longer is ordered anew."""
    last = BulkPage(resume.uuid, resume.page, resume.pages, ()) if resume is not None else None
    is_new = False
    while True:
        try:
            for page in reader(last):
                yield page
                last, is_new = page, False
        except InvalidUuid:
            if last is None or is_new:
                raise
            fresh = next(reader(None))
            last = BulkPage(fresh.uuid, min(last.page, fresh.pages), fresh.pages, ())
            is_new = True
        else:
            return


def _learn_bulk(sync: Sync, kind: str, word: str) -> None:
    with sync.store.write() as conn:
        facts.put(conn, f"bulk_{kind}", word, sync.clock())


def _pause(sync: Sync, attempt: int) -> None:
    """Wait before looking again at a bulk list that is being made: longer each time."""
    sync.pause(min(10.0, 0.5 * attempt))
