"""Show what a file says, and hand a result out: who looks and why is in the audit before.

A page or a command asks here, never `showing.cells` or `showing.result` by themselves (ADR 0036).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.batches import showing
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.runtime import Sync

    Why = tuple[tuple[str, str], ...]

# Why whoever brings a file sees its first lines beside the names of its columns.
TO_NAME_COLUMNS: Final = (("reason", "to_name_columns"),)


def samples(sync: Sync, batch: int, why: Why = TO_NAME_COLUMNS) -> tuple[tuple[str, ...], ...]:
    """The first lines of a file that waits for its columns to be named. Raises LookupError."""
    found = showing.columns(sync, batch)
    _note(sync, "look", batch, why)
    return found.samples


def cells(sync: Sync, batch: int, numbers: list[int], why: Why) -> dict[int, tuple[str, ...]]:
    """The file's own cells of some lines; empty where the file is gone."""
    _note(sync, "look", batch, (*why, ("lines", len(numbers))))
    return showing.cells(sync, batch, numbers)


def take_result(sync: Sync, batch: int, *, bom: bool = True) -> Iterator[str]:
    """The result as CSV, piece by piece. Raises LookupError where there is none any more.

    With `bom` spreadsheets take it for UTF-8.
    """
    pieces = showing.result(sync, batch, bom=bom)
    _note(sync, "download", batch, ())
    return pieces


def _note(sync: Sync, action: str, batch: int, more: tuple[tuple[str, object], ...]) -> None:
    with sync.store.write() as conn:
        deeds.note(conn, Deed(action, (("batch", batch), *more)), sync.clock())
