"""Say what a file of rows is in our terms: how it is read, its columns, its rows, what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sync.core.rules.lifecycle import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sync.core.addresses import Table
    from sync.core.rules.lifecycle import StatusTable
    from sync.core.wording import Json
    from sync.sheets.places import Places

# How a file is read, as it may be stored: an encoding, a delimiter, the header's line. No names.
Form: TypeAlias = "dict[str, Json]"

# What a clinic's export is below. Beyond it somebody sends something else.
MAX_COLUMNS: Final = 200
MAX_ROWS: Final = 200_000
MAX_BYTES: Final = 128 * 1024 * 1024
MAX_WORKBOOK: Final = 20 * 1024 * 1024
SAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file. `line` is where it begins, the file's first line is 1.

    `problem` is a code where the row can't be read as one; `cells` then is what there is of it.
    """

    line: int
    cells: tuple[str, ...] = field(repr=False)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a whole file was seen to hold. `form` reads its rows again and may be stored.

    `samples` are its first rows. `fits`: the formats of dates that every cell of a column fits, by
    the column's place; a column that holds no dates has no entry. `misfits`: for a column of dates
    that are not of one format, the first lines that fall out.
    """

    form: Form
    headers: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...] = field(repr=False)
    count: int
    fits: Mapping[int, tuple[str, ...]]
    misfits: Mapping[int, tuple[int, ...]]

    def json(self) -> dict[str, Json]:
        """What was seen as it may be stored: all but what the file says itself."""
        fits: dict[str, Json] = {str(place): list(one) for place, one in self.fits.items()}
        misfits: dict[str, Json] = {str(place): list(one) for place, one in self.misfits.items()}
        return {"form": self.form, "count": self.count, "fits": fits, "misfits": misfits}

    @classmethod
    def of(cls, json: Mapping[str, Any], headers: tuple[str, ...] = ()) -> Sheet:
        """What was stored, with the headers as they are read again."""
        return cls(
            dict(json["form"]),
            headers,
            (),
            int(json["count"]),
            {int(place): tuple(one) for place, one in json["fits"].items()},
            {int(place): tuple(one) for place, one in json["misfits"].items()},
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a row: our field, the file's column (from 0), and a code for the cause."""

    field: str
    column: int | None
    code: str


@dataclass(frozen=True, slots=True)
class Options:
    """What rows are read with: the clinic's rules, and what day it is.

    `doctor` is whose visits those of a file are that names no provider in a row.
    """

    today: date
    table: Table
    places: Places
    statuses: StatusTable = DEFAULT
    doctor: str | None = None
