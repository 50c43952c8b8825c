"""Define one step of the set-up, as the page and the terminal show it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """How a step stands: done, to be done, waiting for something else, or wrong."""

    DONE = "done"
    TODO = "todo"
    WAITS = "waits"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Enter:
    """What is entered elsewhere: where, and the text; of a secret the setting's name."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that is waited for while the page is open, and when it came."""

    what: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `found` is what is so, `missing` what is not, in one sentence; `do` what to do.

    `command` does it in a terminal; `press` names what a page can do for it.
    """

    name: str
    title: str
    state: State
    found: str = ""
    missing: str = ""
    do: str = ""
    command: str = ""
    enter: tuple[Enter, ...] = ()
    ticks: tuple[Tick, ...] = ()
    press: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """All steps in their order; `next` is the name of the first one that is not done."""

    steps: tuple[Step, ...]
    next: str | None
    complete: bool

    @classmethod
    def of(cls, steps: tuple[Step, ...]) -> "Walk":
        """The walk of these steps. What waits for an earlier one is never the next."""
        is_open = [one for one in steps if one.state is not State.DONE]
        first = next((one for one in is_open if one.state is not State.WAITS), None)
        chosen = first or (is_open[0] if is_open else None)
        return cls(steps, chosen.name if chosen else None, not is_open)

    def step(self, name: str | None) -> Step | None:
        """The step of that name."""
        return next((one for one in self.steps if one.name == name), None)
