"""Show batches: how far they are, what is to become of each item, and the result as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sync.core.batch.model import Batch, Fate, Foreseen, Item, Outcome, Progress
    from sync.runtime import Sync


@dataclass(frozen=True, slots=True)
class Columns:
    """A file's columns as a person names them. `samples` are lines of the file: shown, not kept.

    `chosen` is the field of each column that is recognised or was remembered (place from 0).
    `remembered`: it was chosen for such headers before. `date_formats`: what fits the columns that
    hold dates, by field; more than one is asked.
    """

    headers: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...]
    chosen: Mapping[int, str]
    remembered: bool
    date_formats: Mapping[str, tuple[str, ...]]


def columns(sync: Sync, batch: int) -> Columns:
    """The columns of a file that waits for them to be named. Raises LookupError."""
    raise NotImplementedError


def show(sync: Sync, batch: int) -> Batch:
    """One batch with its counts. Raises LookupError."""
    raise NotImplementedError


def listed(sync: Sync, *, imports: bool, limit: int = 20) -> list[Batch]:
    """The newest batches, of files or of the record, without their counts."""
    raise NotImplementedError


def foreseen(sync: Sync, batch: int) -> Foreseen:
    """What starting it would cost, of the items that are not left out and not over."""
    raise NotImplementedError


def progress(sync: Sync, batch: int) -> Progress:
    """How far the work is."""
    raise NotImplementedError


def items(
    sync: Sync,
    batch: int,
    *,
    fate: Fate | None = None,
    outcome: Outcome | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[Item]:
    """Items in the order of their numbers, after one, by an index."""
    raise NotImplementedError


def cells(sync: Sync, batch: int, numbers: list[int]) -> dict[int, tuple[str, ...]]:
    """The file's own cells of some lines, for the eyes of whoever brought the file; kept nowhere.

    Empty where the file is gone.
    """
    raise NotImplementedError


def result(sync: Sync, batch: int) -> Iterator[str]:
    """The result as CSV, piece by piece.

    The file's lines and columns, and `oncall_url`, `outcome`, `problem`; of a backfill ids. Before
    it is started: the plan, with the fate as the outcome.

    No cell runs in a spreadsheet. Raises LookupError when the file is gone.
    """
    raise NotImplementedError
