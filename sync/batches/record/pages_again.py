"""Read the page of a list again that an item stands on: a call for many items, kept for a slice.

What was planned may be days ago, and nothing of the list was kept. A bulk list is ordered anew and
its pages are found by the items' numbers; a plain one is walked along. Where a page would serve too
few items, or does not have the record, whoever asked reads it by its id.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sync.batches.record import lists
from sync.intake import drchrono_pages
from sync.run.hinted import lists as hinted
from sync.store.batches import open_items, rows
from sync.store.tables import facts, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.batches.step import Step
    from sync.core.wording import Json
    from sync.store.batches.items import Stored

    Listed = dict[str, dict[str, Json]]

KIND: Final = "patients"
_AGAIN, _SIZE, _AT, _ORDERED = "again", "again_size", "again_at", "again_ordered"
# A bulk list shows what was so when it was ordered: an older one is ordered anew.
_FRESH: Final = timedelta(minutes=15)
_KEPT_PAGES: Final = 2
# Pages of a plain list that a walk is weighed by: what they cost against reads of single records.
_AHEAD: Final = 50
_USUAL_PAGE: Final = 20


def record(step: Step, item: Stored, filters: Mapping[str, Any]) -> dict[str, Json] | None:
    """The record of an item as a page shows it now; None where it is to be read by its id."""
    known = _known(step, item)
    if known is not None:
        return known
    with step.sync.store.read() as conn:
        bulk = facts.get(conn, f"bulk_{KIND}")
    if bulk == "yes":
        return _in_bulk(step, item, filters)
    return _along(step, item, filters) if bulk == "no" else None


def _known(step: Step, item: Stored) -> dict[str, Json] | None:
    pages: dict[int, Listed] = step.memory.setdefault("pages", {})
    found = (page.get(str(item.source_id)) for page in pages.values())
    return next((one for one in found if one is not None), None)


def _remember(
    step: Step, number: int, records: tuple[dict[str, Json], ...], began: datetime
) -> None:
    """Keep a page for the slice; what callers said of its records before is answered by it."""
    pages: dict[int, Listed] = step.memory.setdefault("pages", {})
    while len(pages) >= _KEPT_PAGES:
        del pages[next(iter(pages))]
    pages[number] = {str(json.get("id")): json for json in records}
    with step.writing() as conn:
        before = hinted.shown_by(step.sync, began)
        told.listed(conn, "drchrono", "patient", list(pages[number]), before)


def _open_between(step: Step, after: int, until: int) -> int:
    with step.sync.store.read() as conn:
        return open_items.between(conn, step.row.id, after, until)


def _note(step: Step, **values: Any) -> None:
    """Keep how far this reading came, beside whatever else the batch's cursor says."""
    with step.writing() as conn:
        row = rows.get(conn, step.row.id)
        now = {**((row and row.cursor) or {}), **values}
        rows.change(conn, step.row.id, cursor=now)
    step.memory["cursor"] = {**step.memory.get("cursor", {}), **values}


def _noted(step: Step, name: str) -> Any:
    return step.memory.get("cursor", {}).get(name, step.cursor.get(name))


# --- bulk -----------------------------------------------------------------------------------------


def _in_bulk(step: Step, item: Stored, filters: Mapping[str, Any]) -> dict[str, Json] | None:
    size = _noted(step, _SIZE)
    if not size:
        if _open_between(step, 0, step.row.total or 0) < 2:
            return None
        size = _read(step, 1, filters)
        _note(step, **{_SIZE: size})
        known = _known(step, item)
        if known is not None:
            return known
    wanted = (item.number - 1) // size + 1
    # What came or went in the list since has moved it by some places.
    for number in (wanted, wanted + 1, wanted - 1):
        if number < 1 or number in step.memory.setdefault("read", set()):
            continue
        if _open_between(step, (number - 1) * size, number * size) < 2:
            continue
        _read(step, number, filters)
        known = _known(step, item)
        if known is not None:
            return known
    return None


def _read(step: Step, number: int, filters: Mapping[str, Any]) -> int:
    """Read one page; returns how many records it has."""
    now, said = step.sync.clock(), _noted(step, _ORDERED)
    ordered = datetime.fromisoformat(said) if said else now
    kept = lists.opened(step, _noted(step, _AGAIN))
    if now - ordered > _FRESH:
        kept, ordered = None, now
    found = drchrono_pages.one(
        step.sync,
        KIND,
        number,
        step.ticket,
        kept=kept,
        order=lists.ORDER[KIND],
        **filters,
    )
    step.memory.setdefault("read", set()).add(number)
    if found is None:
        return 0
    records, place = found
    if kept is None or place.uuid != kept.uuid:
        ordered = now
    _note(step, **{_AGAIN: lists.closed(step, place), _ORDERED: ordered.isoformat()})
    _remember(step, number, records, ordered)
    return len(records)


# --- plain pages ----------------------------------------------------------------------------------


def _along(step: Step, item: Stored, filters: Mapping[str, Any]) -> dict[str, Json] | None:
    """Walk the list along to the item, where that costs less than to read the items singly."""
    size = int(_noted(step, _SIZE) or _USUAL_PAGE)
    while True:
        at = int(step.memory.get("after", _noted(step, _AT) or 0))
        if at >= item.number or not _is_worth(step, item, at, size):
            return None
        size = _walk(step, at, filters) or size
        known = _known(step, item)
        if known is not None or step.memory.get("walked"):
            return known


def _is_worth(step: Step, item: Stored, at: int, size: int) -> bool:
    """Whether the pages up to the item, and some beyond, serve more items than there are pages."""
    until = min(item.number + _AHEAD * size, step.row.total or item.number)
    return _open_between(step, item.number - 1, until) > -(-(until - at) // size)


def _walk(step: Step, at: int, filters: Mapping[str, Any]) -> int:
    """Read the next page; where it begins is kept, so that the next slice reads it again."""
    place = step.memory.get("next") or lists.opened(step, _noted(step, _AGAIN))
    listed = drchrono_pages.listed(step.sync, KIND, step.ticket, resume=place, **filters)
    began = step.sync.clock()
    records, following = next(listed)
    again = None if place is None else lists.closed(step, place)
    _note(step, **{_AGAIN: again, _AT: at, _SIZE: max(len(records), 1)})
    _remember(step, at, records, began)
    step.memory["next"], step.memory["after"] = following, at + len(records)
    step.memory["walked"] = following is None
    return len(records)
