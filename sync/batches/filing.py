"""Take files in: sealed as they come, looked at once, their columns named by a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from sync.core.batch.model import Kind
    from sync.runtime import Ring, Sync
    from sync.store.batches import rows


def open_file(sync: Sync, kind: Kind, file: BinaryIO) -> int:
    """Take a file in, sealed, and return the batch, which waits for its columns to be named."""
    raise NotImplementedError


def choose(
    sync: Sync,
    batch: int,
    columns: Mapping[int, str],
    *,
    date_format: str | None = None,
    provider: str | None = None,
) -> tuple[Ring, ...]:
    """Name the file's columns (place from 0 → field) and begin to plan."""
    raise NotImplementedError


def opened_head(sync: Sync, batch: int) -> tuple[rows.Row, Columns]:
    """A batch of a file and the file's head. Raises LookupError where the file is gone."""
    raise NotImplementedError


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
