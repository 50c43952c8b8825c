"""Find which forms of date fit a whole column, in one pass and in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sync.sheets.values import dates

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN: Final = 5
# A column of which as many cells hold no date is none of dates; it is not looked at any longer.
_PATIENCE: Final = 40


@dataclass
class _Column:
    """What was seen of one column: how many cells are dates, and the first lines of each misfit."""

    cells: int = 0
    dated: int = 0
    fitting: dict[str, int] = field(default_factory=dict)
    misfits: dict[str, list[int]] = field(default_factory=dict)
    first: list[int] = field(default_factory=list)

    def add(self, line: int, cell: str) -> None:
        self.cells += 1
        found = dates.readings(cell)
        if not found:
            return
        self.dated += 1
        if len(self.first) < _SHOWN:
            self.first.append(line)
        for form in found:
            if form not in self.fitting:
                # Whatever came before it does not fit it.
                self.fitting[form] = 0
                self.misfits[form] = self.first[: self.dated - 1]
            self.fitting[form] += 1
        for form, lines in self.misfits.items():
            if form not in found and len(lines) < _SHOWN:
                lines.append(line)

    @property
    def is_hopeless(self) -> bool:
        return self.cells - self.dated >= _PATIENCE and self.dated * 2 < self.cells

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms that all its dates fit, in the order in which they are asked."""
        return tuple(form for form in dates.TITLES if self.fitting.get(form) == self.dated)


class Fitting:
    """The columns of a file while its rows go by.

    A cell that is no date in any form is its row's own problem; it says nothing of the others.
    """

    def __init__(self) -> None:
        self._columns: dict[int, _Column] = {}
        self._given_up: set[int] = set()

    def add(self, line: int, cells: Sequence[str]) -> None:
        """See one row."""
        for place, cell in enumerate(cells):
            if not cell or place in self._given_up:
                continue
            column = self._columns.setdefault(place, _Column())
            column.add(line, cell)
            if column.is_hopeless:
                self._given_up.add(place)
                del self._columns[place]

    def fits(self) -> dict[int, tuple[str, ...]]:
        """The forms that fit each column of dates."""
        return {place: column.forms for place, column in self._dated() if column.forms}

    def misfits(self) -> dict[int, tuple[int, ...]]:
        """Of each column of dates in several forms, the first lines that are not as most are."""
        found: dict[int, tuple[int, ...]] = {}
        for place, column in self._dated():
            if not column.forms:
                most = max(column.fitting, key=lambda form, seen=column.fitting: seen[form])  # type: ignore[misc]
                found[place] = tuple(column.misfits[most])
        return found

    def _dated(self) -> list[tuple[int, _Column]]:
        return [
            (place, one) for place, one in self._columns.items() if one.dated * 2 >= one.cells > 0
        ]
