"""Read a list page by page, from where the batch came to; nothing of what it says is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sync.core.errors import Gone
from sync.intake import drchrono_pages
from sync.intake.drchrono_pages import Place
from sync.store.batches import items, links_sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sync.batches.step import Step
    from sync.core.wording import Json
    from sync.outbound.pages import Page

    Records = tuple[dict[str, Json], ...]

# In which order a bulk list is asked for: one in which a change moves nothing to another page.
ORDER: Final = {"patients": "id", "appointments": "scheduled_time"}
_END: Final = "end"


def here(
    step: Step, kind: str, filters: Mapping[str, Any]
) -> Iterator[tuple[Records, dict[str, Any]]]:
    """The pages of a DrChrono list from where the batch came to, each with what to keep after it.

    What is kept goes into the batch's cursor. A link is sealed: it is opaque, so nobody knows what
    it says (docs/api-facts.md, D6).
    """
    if step.cursor.get(_END):
        return
    listed = drchrono_pages.listed(
        step.sync,
        kind,
        step.ticket,
        resume=opened(step, step.cursor.get("place")),
        order=ORDER[kind],
        **filters,
    )
    for records, place in listed:
        yield records, {_END: True} if place is None else {"place": closed(step, place)}


def there(step: Step, pages: Any) -> Iterator[tuple[Records, dict[str, Any]]]:
    """The same of an OnCall list, which `pages(number)` gives a page of; pages have numbers.

    The page that was read last is read again where a slice begins: what was made or has gone since
    may have moved some of it there.
    """
    if step.cursor.get(_END):
        return
    number = max(1, int(step.cursor.get("page", 1)))
    while True:
        try:
            page: Page = pages(number if number > 1 else None)
        except Gone:
            yield (), {_END: True}
            return
        ends = {_END: True} if page.next is None else {}
        yield page.results, {"page": number, **ends}
        if ends:
            return
        number += 1


def closed(step: Step, place: Place) -> dict[str, Any]:
    """A place as the cursor keeps it."""
    sealed = None
    if place.next is not None:
        sealed = links_sealed.seal(step.sync.settings.fernet_keys, place.next)
    return {"uuid": place.uuid, "page": place.page, "pages": place.pages, "next": sealed}


def opened(step: Step, said: Mapping[str, Any] | None) -> Place | None:
    """The place that a cursor keeps; None where it can't be opened: the list is begun anew."""
    if not said:
        return None
    link = said.get("next")
    if link is None:
        return Place(str(said["uuid"]), int(said["page"]), int(said["pages"]))
    link_now = links_sealed.opened(step.sync.settings.fernet_keys, str(link))
    return None if link_now is None else Place(next=link_now)


# --- what is found --------------------------------------------------------------------------------


def store(
    step: Step, found: Iterable[Mapping[str, Any]], place: Mapping[str, Any], *, read: int
) -> None:
    """Store the items of a page and how far the list was read, and give way where it has to.

    Each has its `key`: what stands in the list twice, or was read already, is one item. `read` is
    how many records the page has.
    """
    last = int(step.cursor.get("last", 0))
    if "page" in place and place["page"] == step.cursor.get("page"):
        read = 0  # it is read once more
    once = {str(row["key"]): row for row in found}
    with step.sync.store.read() as conn:
        known = items.with_key(conn, step.row.id, list(once))
    new = [row for key, row in once.items() if key not in known]
    numbered = [{**row, "number": last + place_} for place_, row in enumerate(new, start=1)]
    cursor = {**_rest(step), **place, "last": last + len(new)}
    with step.keeping(cursor, read=step.row.read + read) as conn:
        items.add(conn, step.row.id, numbered)


def _rest(step: Step) -> dict[str, Any]:
    """What the cursor keeps besides the place."""
    return {k: v for k, v in step.cursor.items() if k not in {"place", "page", _END}}


def row(**values: Any) -> dict[str, Any]:
    """An item as it is stored: the same columns in each."""
    empty: dict[str, Any] = dict.fromkeys(
        ("fate", "cause", "source_id", "remote_id", "doctor", "subject", "candidates", "fields")
    )
    return {**empty, **values}
