"""An engine of batches in memory, for tests of what stands before it: commands and pages."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sync.batches.filing import Columns
from sync.core.batch.model import OVER, Batch, Fate, Foreseen, Item, Kind, Outcome, Progress, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HEADERS = ("First", "Last", "E-Mail", "Born")
OF_FATE = {
    Fate.CREATE: Outcome.CREATED,
    Fate.UPDATE: Outcome.UPDATED,
    Fate.ALREADY_THERE: Outcome.ALREADY_THERE,
    Fate.QUESTION: Outcome.QUESTION,
    Fate.PROBLEM: Outcome.PROBLEM,
    Fate.LEFT_OUT: Outcome.LEFT_OUT,
}


@dataclass
class Engine:
    """Does at once what the real one does in slices; `fates` is what it finds of any file."""

    fates: dict[Fate, int] = field(default_factory=lambda: {Fate.CREATE: 2})
    columns: Columns = field(
        default_factory=lambda: Columns(
            headers=HEADERS,
            samples=(),
            chosen={0: "first_name", 1: "last_name", 2: "email"},
            remembered=False,
            date_formats={},
        )
    )
    refuse: dict[str, BaseException] = field(default_factory=dict)
    pauses: bool = False  # somebody pauses what is started
    fails: bool = False  # planning fails
    interrupted_in: State | None = None
    batches: dict[int, Batch] = field(default_factory=dict)
    done: list[tuple[Any, ...]] = field(default_factory=list)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand in for the engine, its settings and its workers."""
        for module, names in {
            "sync.batches.steering": (
                *("open_file", "choose", "open_backfill", "start", "pause", "resume", "cancel"),
                *("drop", "leave_out", "leave_out_all"),
            ),
            "sync.batches.showing": ("columns", "show", "listed", "foreseen", "progress", "items"),
            "sync.batches.looking": ("take_result", "samples", "cells"),
            "sync.tasks.driving": ("drive",),
        }.items():
            for name in names:
                patch.setattr(f"{module}.{name}", self._noted(name))
        for module in ("importing", "backfilling", "batches"):
            patch.setattr(f"cli.commands.bringing_in.{module}.opened", self._opened)
        for module in ("importing", "backfilling", "batches", "sending"):
            patch.setattr(f"cli.commands.bringing_in.{module}.ring", lambda *_: True)

    def names(self) -> list[str]:
        """What was asked of it that changes something."""
        looks = {"columns", "show", "listed", "foreseen", "progress", "items", "drive"}
        return [name for name, *_ in self.done if name not in looks]

    @contextmanager
    def _opened(self, **_: bool) -> Iterator[str]:
        yield "sync"

    def _noted(self, name: str) -> Callable[..., Any]:
        def asked(_sync: object, *args: Any, **named: Any) -> Any:
            self.done.append((name, *args, named))
            if name in self.refuse:
                raise self.refuse[name]
            return getattr(self, f"_{name}")(*args, **named)

        return asked

    def _add(self, kind: Kind, state: State, **more: Any) -> int:
        number = len(self.batches) + 1
        told: dict[str, Any] = {"options": {}, "has_file": kind.is_import, **more}
        self.batches[number] = Batch(
            *(number, kind, state, "ruth", told["options"], NOW, None, None, None, NOW, None, 0),
            *(None, None, told["has_file"]),
        )
        return number

    def _put(self, number: int, **more: Any) -> None:
        self.batches[number] = replace(self._show(number), **more)

    def _show(self, number: int) -> Batch:
        if number not in self.batches:
            raise LookupError("There is no batch of that number.")
        return self.batches[number]

    def _open_file(self, kind: Kind, file: Any) -> int:
        self.done.append(("read", file.read(), {}))
        return self._add(kind, State.CHOOSING)

    def _columns(self, _number: int) -> Columns:
        return self.columns

    def _choose(self, number: int, _columns: Any, **_: Any) -> tuple[()]:
        self._put(number, state=State.PLANNING)
        return ()

    def _open_backfill(self, kind: Kind, **options: Any) -> tuple[int, tuple[()]]:
        since = options["since"]
        told = {**options, "since": since and since.isoformat()}
        return self._add(kind, State.PLANNING, options=told, has_file=False), ()

    def _drive(self, number: int, until: frozenset[State], *, told: Any) -> Batch:
        while (found := self._show(number)).state not in until:
            if found.state is self.interrupted_in:
                raise KeyboardInterrupt
            told(found)
            if found.state is State.PLANNING:
                self._planned(number)
            elif self.pauses:
                self._put(number, state=State.PAUSED)
            else:
                outcomes = {OF_FATE[fate]: count for fate, count in found.fates.items()}
                self._put(number, state=State.DONE, outcomes=outcomes)
        return found

    def _planned(self, number: int) -> None:
        if self.fails:
            self._put(number, state=State.FAILED, cause="file_gone")
            return
        total = sum(self.fates.values())
        self._put(number, state=State.PLANNED, fates=self.fates, total=total)

    def _start(self, number: int) -> tuple[()]:
        self._put(number, state=State.RUNNING, started_at=NOW)
        return ()

    def _resume(self, number: int) -> tuple[()]:
        self._put(number, state=State.RUNNING)
        return ()

    def _pause(self, number: int) -> None:
        self._put(number, state=State.PAUSED)

    def _cancel(self, number: int) -> tuple[()]:
        if self._show(number).state in OVER:
            raise LookupError("It is over already.")
        self._put(number, state=State.CANCELLED)
        return ()

    def _drop(self, number: int) -> None:
        self._put(number, has_file=False)

    def _leave_out(self, _number: int, numbers: list[int], *, out: bool) -> int:
        return len(numbers) if out else 0

    def _leave_out_all(self, _number: int, fate: Fate) -> int:
        return self.fates.get(fate, 0)

    def _samples(self, _number: int, *_: Any) -> tuple[tuple[str, ...], ...]:
        return self.columns.samples

    def _cells(self, _number: int, numbers: list[int], _why: Any) -> dict[int, tuple[str, ...]]:
        return dict.fromkeys(numbers, ("Nora", "Lind", "n@mail.example"))

    def _listed(self, *, imports: bool) -> list[Batch]:
        return [one for one in self.batches.values() if one.kind.is_import is imports][::-1]

    def _foreseen(self, _number: int) -> Foreseen:
        return Foreseen(3, 7, 1, 0, 0)

    def _progress(self, number: int) -> Progress:
        found = self._show(number)
        return Progress(found.total or 0, sum(found.outcomes.values()), 120.0, 30)

    def _items(self, _number: int, **asked: Any) -> list[Item]:
        fate, outcome = asked.get("fate"), asked.get("outcome")
        if {fate, outcome} & {Fate.PROBLEM, Outcome.PROBLEM}:
            return [Item(4, Fate.PROBLEM, outcome, "refused", 2, (), (), None, None, None)]
        return []

    def _take_result(self, number: int, **_: bool) -> Iterator[str]:
        if not self._show(number).has_file and self._show(number).kind.is_import:
            raise LookupError("The file is deleted.")
        return iter(('"First","oncall_url","outcome","problem"\r\n',))
