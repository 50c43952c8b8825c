"""Say what a batch is: what is brought in together, and what becomes of each item (ADR 0037)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """Where a batch's items come from, and what becomes of them in the other system."""

    IMPORT_PATIENTS = "import_patients"  # lines of a file → OnCall contacts
    IMPORT_APPOINTMENTS = "import_appointments"  # lines of a file → OnCall visits
    BACKFILL_PATIENTS = "backfill_patients"  # DrChrono's charts → contacts; or the other way
    BACKFILL_APPOINTMENTS = "backfill_appointments"  # the same of visits

    @property
    def is_import(self) -> bool:
        """Whether the items are lines of a file."""
        return self in {Kind.IMPORT_PATIENTS, Kind.IMPORT_APPOINTMENTS}


class State(StrEnum):
    """How far a batch is."""

    CHOOSING = "choosing"  # a file waits for its columns to be named
    PLANNING = "planning"  # it is read and compared; nothing is sent
    PLANNED = "planned"  # each item has a fate; somebody is to start it
    RUNNING = "running"
    PAUSED = "paused"  # begins no further item until it is resumed
    ENDING = "ending"  # cancelled: what was sent without an answer is still looked for
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"  # it can't be used, `cause` says why; nothing was sent


OVER = frozenset({State.DONE, State.CANCELLED, State.FAILED})


class Fate(StrEnum):
    """What is to become of an item."""

    CREATE = "create"
    ALREADY_THERE = "already_there"
    UPDATE = "update"
    QUESTION = "question"
    PROBLEM = "problem"
    LEFT_OUT = "left_out"


class Outcome(StrEnum):
    """What became of an item."""

    CREATED = "created"
    ALREADY_THERE = "already_there"
    UPDATED = "updated"
    QUESTION = "question"
    PROBLEM = "problem"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What starting a planned batch would cost, at the budget as it is now.

    `minutes` is None where a budget is closed until nobody knows when.
    """

    drchrono_calls: int
    oncall_calls: int
    minutes: int | None
    mails_to_patients: int
    mails_to_providers: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is. `per_minute` of the last minutes; `seconds_left` None: not known."""

    total: int
    done: int
    per_minute: float | None
    seconds_left: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as pages and commands show it; `fates` and `outcomes` are counts of items.

    `read` counts lines or records while it is planned. `cause` says why it failed, or what it waits
    for until `waits_until`. `has_file`: what its file says is still sealed here, until `drop_at`.
    """

    id: int
    kind: Kind
    state: State
    by: str
    options: Mapping[str, object]
    opened_at: datetime
    planned_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    drop_at: datetime | None
    total: int | None
    read: int
    cause: str | None
    waits_until: datetime | None
    has_file: bool
    fates: Mapping[Fate, int] = field(default_factory=dict)
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One item as pages and commands show it: ids, causes and names of fields, no values.

    `number` is the line in the file (the header is line 1), or the place in the list, from 1.
    `column` is the file's column that a problem is in, from 0. `url` is the address in OnCall.
    """

    number: int
    fate: Fate | None
    outcome: Outcome | None
    cause: str | None
    column: int | None
    fields: tuple[str, ...]
    candidates: tuple[str, ...]
    source_id: str | None
    remote_id: str | None
    url: str | None
