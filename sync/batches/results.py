"""Write what became of a batch as CSV: the file's own lines with three columns more, or ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.batches.filing import opened_head
from sync.core.batch import causes
from sync.core.batch.model import Fate, Kind, Outcome
from sync.sheets import writing
from sync.store.batches import items, rows, sealed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.runtime import Sync
    from sync.store.batches.items import Stored
    from sync.store.batches.rows import Row

ADDED: Final = ("oncall_url", "outcome", "problem")
_IDS: Final = ("drchrono_id", "oncall_id")
_AT_ONCE: Final = 500  # items in memory
_PEOPLE: Final = frozenset({Kind.IMPORT_PATIENTS, Kind.BACKFILL_PATIENTS})


def result(sync: Sync, batch: int, *, bom: bool = True) -> Iterator[str]:
    """The result as CSV, piece by piece; with `bom` spreadsheets take it for UTF-8.

    The file's lines and columns, and `oncall_url`, `outcome`, `problem`; of a backfill ids. Before
    it is started: the plan, with the fate as the outcome.

    No cell runs in a spreadsheet. Raises LookupError when the file is gone.
    """
    with sync.store.read() as conn:
        row = rows.known(rows.get(conn, batch))
    begins = writing.BOM if bom else ""
    if not row.kind.is_import:
        return _of_ids(sync, row, begins)
    _, (headers, *_) = opened_head(sync, batch)
    return _of_lines(sync, row, headers, begins)


def _of_ids(sync: Sync, row: Row, begins: str) -> Iterator[str]:
    yield begins + writing.line((*_IDS, *ADDED))
    for one in _every(sync, row):
        ids = (one.source_id or "", one.remote_id or "")
        if row.options.get("source") == "oncall":
            ids = ids[::-1]
        yield writing.line((*ids, *_added(sync, row, one, ())))


def _of_lines(sync: Sync, row: Row, headers: tuple[str, ...], begins: str) -> Iterator[str]:
    assert row.sealed_key is not None  # noqa: S101 - its head was opened with it
    seal = sealed.opened(sync.settings.fernet_keys, row.sealed_key)
    yield begins + writing.line((*headers, *ADDED))
    for one in _every(sync, row):
        cells = () if one.sealed is None else seal.open_cells(one.sealed)
        width = len(headers)
        cells = (*cells, *[""] * (width - len(cells)))[:width]
        yield writing.line((*cells, *_added(sync, row, one, headers)))


def _every(sync: Sync, row: Row) -> Iterator[Stored]:
    number = 0
    while True:
        with sync.store.read() as conn:
            some = items.after(conn, row.id, number, limit=_AT_ONCE)
        yield from some
        if len(some) < _AT_ONCE:
            return
        number = some[-1].number


def _added(sync: Sync, row: Row, one: Stored, headers: tuple[str, ...]) -> tuple[str, str, str]:
    told = one.outcome or one.fate
    outcome = "" if told is None else told.value
    problem = ""
    if told in {Fate.PROBLEM, Fate.QUESTION, Outcome.PROBLEM, Outcome.QUESTION}:
        problem = causes.say(one.cause)
        if one.column is not None and one.column < len(headers):
            problem = f"{headers[one.column]}: {problem}"
    return url(sync, row, one) or "", outcome, problem


def url(sync: Sync, row: Row, one: Stored) -> str | None:
    """The address of what there is of an item in OnCall; None where that is nothing."""
    remote_id = one.source_id if row.options.get("source") == "oncall" else one.remote_id
    if remote_id is None:
        return None
    kind = "contacts" if row.kind in _PEOPLE else "appointments"
    return f"{sync.settings.oncall_base_url.rstrip('/')}/{kind}/{remote_id}/"
