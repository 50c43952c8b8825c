"""Show the demo: a live table on a terminal, a line for each step elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

from cli.demo.count import Cost
from cli.demo.script import DAY, Step


@dataclass(frozen=True, slots=True)
class Result:
    """How a step went. `seconds` until it arrived; None when nothing had to, or it never did."""

    step: Step
    seconds: float | None
    cost: Cost
    problems: tuple[str, ...]


@dataclass
class Board:
    """The steps of the day with their results so far."""

    console: Console
    results: list[Result] = field(default_factory=list)
    playing: Step | None = None
    _live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the table current while the day is played."""
        if not self.console.is_terminal:
            yield
            return
        with Live(self.table(), console=self.console, auto_refresh=False) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def begin(self, step: Step) -> None:
        """Show that a step is being played."""
        self.playing = step
        self._refresh()

    def end(self, result: Result) -> None:
        """Show how it went."""
        self.results.append(result)
        self.playing = None
        self._refresh()
        if not self.console.is_terminal:
            for line in lines(result):
                self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def table(self) -> Table:
        """All steps: those played, the one being played, those to come."""
        made = Table(title="The scripted day", title_justify="left", header_style="bold")
        for column in ("step", "by"):
            made.add_column(column)
        for column in ("arrived", "DrChrono", "OnCall", "mails"):
            made.add_column(column, justify="right")
        made.add_column("")
        done = {result.step.name: result for result in self.results}
        for step in DAY:
            made.add_row(step.name, step.editor, *self._cells(step, done.get(step.name)))
        return made

    def _cells(self, step: Step, result: Result | None) -> tuple[str, ...]:
        if result is None:
            return ("", "", "", "", "[yellow]…[/]" if step is self.playing else "")
        sign = "[red]differs[/]" if result.problems else "[green]ok[/]"
        return (seconds(result), *counts(result), sign)

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self.table(), refresh=True)


def seconds(result: Result) -> str:
    """When it arrived, to read."""
    return "–" if result.seconds is None else f"{result.seconds:.1f} s"


def counts(result: Result) -> tuple[str, str, str]:
    """Calls of both systems and mails; a mail that OnCall sends by itself is shown with a +."""
    cost = result.cost
    own = f"+{cost.own_mails}" if cost.own_mails else ""
    return str(len(cost.drchrono)), str(len(cost.oncall)), f"{cost.mails}{own}"


def lines(result: Result) -> list[str]:
    """A result as plain text."""
    drchrono, oncall, mails = counts(result)
    sign = "differs" if result.problems else "ok"
    head = (
        f"{sign:7} {result.step.name:30} {seconds(result):>6}  "
        f"DrChrono {drchrono}  OnCall {oncall}  mails {mails}"
    )
    return [head, *(f"        {problem}" for problem in result.problems)]
