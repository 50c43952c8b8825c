"""Do what a person asks of a batch: open, choose columns, start, pause, resume, cancel.

Each deed is audited in its own transaction. Raises LookupError with a sentence for whoever asked
where a batch is not there or not in a state for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from typing import BinaryIO

    from sync.core.batch.model import Fate, Kind
    from sync.runtime import Ring, Sync


def open_file(sync: Sync, kind: Kind, file: BinaryIO) -> int:
    """Take a file in, sealed, and return the batch, which waits for its columns to be named.

    Raises sync.sheets.UnusableError (a sentence, nothing of the file in it) where it can't be used.
    """
    raise NotImplementedError


def choose(
    sync: Sync, batch: int, columns: Mapping[int, str], *, date_format: str | None = None
) -> tuple[Ring, ...]:
    """Name the file's columns (place from 0 → field) and begin to plan.

    The choice is remembered for files with the same headers. Raises sync.sheets.ChoiceError: a
    field twice or missing, or several formats fit a column of dates and none was chosen.
    """
    raise NotImplementedError


def open_backfill(
    sync: Sync,
    kind: Kind,
    *,
    source: str = "drchrono",
    since: date | None = None,
    doctor: str | None = None,
) -> tuple[int, tuple[Ring, ...]]:
    """Begin to plan what the record of `source` has and the other system lacks."""
    raise NotImplementedError


def leave_out(sync: Sync, batch: int, numbers: Iterable[int], *, out: bool = True) -> int:
    """Leave items of a planned batch out, or take them back in; returns how many changed."""
    raise NotImplementedError


def leave_out_all(sync: Sync, batch: int, fate: Fate) -> int:
    """The same with all items of one fate."""
    raise NotImplementedError


def start(sync: Sync, batch: int) -> tuple[Ring, ...]:
    """Begin to send what was planned."""
    raise NotImplementedError


def pause(sync: Sync, batch: int) -> None:
    """Begin no further item until it is resumed."""
    raise NotImplementedError


def resume(sync: Sync, batch: int) -> tuple[Ring, ...]:
    """Go on with a paused batch."""
    raise NotImplementedError


def cancel(sync: Sync, batch: int) -> tuple[Ring, ...]:
    """End a batch: nothing further begins, and items without an outcome are left out."""
    raise NotImplementedError


def drop(sync: Sync, batch: int) -> None:
    """Delete what is sealed of a batch that is over (its file and its result) now."""
    raise NotImplementedError
