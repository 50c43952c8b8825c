"""Hold what is known of one visit or patient when it is asked why it isn't there. Ids only."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from sync.core.records import Life
from sync.core.rules.lifecycle import TERMINAL

Kind = Literal["appointment", "oncall-appointment", "patient"]
KINDS: Final[tuple[Kind, ...]] = ("appointment", "oncall-appointment", "patient")


class Read(StrEnum):
    """What reading an object now has shown."""

    NOT_ASKED = "not_asked"
    SHOWN = "shown"
    DENIED = "denied"  # it does not exist
    FORBIDDEN = "forbidden"
    FAILED = "failed"  # `Facts.trouble` says why


@dataclass(frozen=True, slots=True)
class Side:
    """One system's object: what is stored of it, and what a read has shown.

    `heard`: a row is there, and more than a webhook speaks for it. `remote_id` is None while it is
    being made. `since` is when its row was made, `life` what it shows, or showed when last settled.
    """

    system: str
    remote_id: str | None
    heard: bool = True
    gone: bool = False
    read: Read = Read.NOT_ASKED
    life: Life | None = None
    since: datetime | None = None

    @property
    def is_there(self) -> bool:
        """Whether it exists and is not over, as far as is known."""
        return self.remote_id is not None and not self.gone and not self.is_over

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.life in TERMINAL


@dataclass(frozen=True, slots=True)
class Planned:
    """The engine's own plan, as far as an answer needs it."""

    skipped: str = ""
    asks: tuple[str, ...] = ()
    until: datetime | None = None
    makes: bool = False
    anew: bool = False  # the counterpart would be replaced, or cancelled as a former one
    fields: tuple[str, ...] = ()  # that would be written, or differ


@dataclass(frozen=True, slots=True)
class Asked:
    """One open attention item about it."""

    item: int
    cause: str
    named: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that it is parked for."""

    kind: str
    ref: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a system could not be asked now: a cause, and until when where that is known."""

    system: str
    cause: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """Where its work stands: something waits, when it is due, until when a worker has it."""

    waits: bool = False
    due: datetime | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Paused:
    """What an operator has paused that its writes need, since when, and until when (if said)."""

    what: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """How the service stands.

    `accepted`: going live was accepted, so what waits for the matching waits for a new doctor's.
    `mode` is live, shadow or paused. `stops` are causes for which nothing is worked on;
    `budget_until` is when a system's calls may go out again, where they may not now.
    """

    mode: str = "live"
    accepted: bool = True
    stops: tuple[Asked, ...] = ()
    budget_until: datetime | None = None
    budget_of: str = ""
    paused: Paused | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that an answer is made from.

    `others` are its counterparts on the other side: OnCall's visit, DrChrono's appointments, a
    patient's contacts. `outside` names why the mapping leaves it out, `chart` why its patient can't
    be invited; `chart_read` tells whether that was looked at now. `address` is where staff open the
    counterpart. `expected`: of a patient, whether a contact is to be made: a visit to come is
    known, or all patients are mirrored.
    """

    kind: Kind
    id: str
    now: datetime
    source: Side
    others: tuple[Side, ...] = ()
    zone: str | None = None
    aggregate: int | None = None
    starts: datetime | None = None
    doctor: str = ""
    office: str = ""
    patient: str = ""
    outside: str = ""
    plan: Planned | None = None
    chart: str = ""
    chart_read: bool = False
    excluded: str = ""
    items: tuple[Asked, ...] = ()
    waits: tuple[Waiting, ...] = ()
    queue: Queue = field(default_factory=Queue)
    service: Service = field(default_factory=Service)
    trouble: Trouble | None = None
    address: str = ""
    expected: bool = False
