"""Hold what both systems showed in one comparison. In memory only, and forgotten after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sync.intake.whole import APPOINTMENTS, CONTACTS, LISTS, PATIENTS, VISITS

if TYPE_CHECKING:
    from sync.core.records import Person, Visit
    from sync.core.rules.policy import Policy
    from sync.core.wording import Json
    from sync.mapping import Mapping
    from sync.operations.diff.model import Found, Undecided

__all__ = [
    "APPOINTMENTS",
    "CONTACTS",
    "LISTS",
    "PATIENTS",
    "VISITS",
    "Compared",
    "Shown",
    "Thing",
    "View",
]


class Thing(NamedTuple):
    """One remote object: the list that it is in, and its id."""

    of: str
    id: str


@dataclass
class Shown:
    """What was read of both systems so far; by list and id.

    `whole` are the lists that were read to their end. `who_told` are the OnCall visits whose
    participants were sent. `read` were read by id, `gone` were denied then, and `unread` could not
    be read, each with the reason.
    """

    appointments: dict[str, Visit] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    patients: dict[str, Person] = field(default_factory=dict)
    contacts: dict[str, Person] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    who_told: set[str] = field(default_factory=set)
    read: set[Thing] = field(default_factory=set)
    gone: set[Thing] = field(default_factory=set)
    unread: dict[Thing, str] = field(default_factory=dict)
    wires: dict[Thing, dict[str, Json]] = field(default_factory=dict)  # of what was read by id


@dataclass(frozen=True)
class View:
    """By what is compared: the mapping, its policy, and the time that the lists cover."""

    mapping: Mapping
    policy: Policy
    now: datetime
    until: datetime  # the end of what DrChrono's list covers
    # Whether an OnCall visit's row was last sent with this doctor's provider; None: not known.
    sent: Callable[[int, str], bool | None] = lambda _row, _doctor: None


@dataclass
class Compared:
    """What a comparison found; `ask` is what must be read by its id to know more."""

    found: list[Found] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    ask: list[Thing] = field(default_factory=list)
    count: int = 0

    def with_aggregate(self, key: int, one: Found) -> None:
        """Note a difference of a visit or person that we know."""
        self.found.append(replace(one, aggregate=key))
