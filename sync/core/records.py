"""Define the records of a visit, an attendee and a person, in the same terms for both systems.

Every time is aware UTC, every remote id a string, every translated field comparable with `==`
across the two systems. Personal fields stay out of `repr`: a record that ends up in a traceback
must not carry a name with it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Final, Literal, TypeAlias, TypeVar


class Absent(Enum):
    """The one value of a field its source did not send: not empty, never merged, never written."""

    ABSENT = "absent"

    def __bool__(self) -> Literal[False]:
        """Absent is false, so `value or default` reads as expected."""
        return False


ABSENT: Final = Absent.ABSENT

T = TypeVar("T")
Maybe: TypeAlias = T | Absent

DRCHRONO: Final = "drchrono"
ONCALL: Final = "oncall"
SYSTEMS: Final = (DRCHRONO, ONCALL)


class VisitType(StrEnum):
    """How a visit is held, in OnCall's words. `None` in place of one means out of scope."""

    ONLINE = "online"
    INPERSON = "inperson"
    PHONE = "phone"


class Life(StrEnum):
    """Where a visit stands in its life; `core.rules.lifecycle` reads each system's words."""

    OPEN = "open"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    COMPLETE = "complete"
    RESCHEDULED = "rescheduled"
    DELETED = "deleted"


CancelledBy: TypeAlias = Literal["patient", "provider", "coordinator", "staff"]
TimeNote: TypeAlias = Literal["gap", "fold"]


@dataclass(frozen=True)
class State:
    """A visit's life, who ended it where the system says so, and that system's own word."""

    life: Life
    by: CancelledBy | None = None
    word: str = ""


@dataclass(frozen=True)
class Marker:
    """What we write into a remote object so that it can be found again without our database.

    `life` counts the attendance's lives, `generation` the visit's; `other` is the id of its
    counterpart, `occurrence` the key of a recurring occurrence, either may be unknown. `seal` is a
    keyed digest of all of it and of where it stands; None in one from before there were any.
    `record` is how a health record that we don't speak to names a contact, for people to read.
    """

    installation: str
    aggregate: int
    generation: int
    life: int
    other: str | None = None
    occurrence: str | None = None
    seal: str | None = field(default=None, compare=False)
    record: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Attendee:
    """One participant of an OnCall visit. Names come from `name` where only that was sent.

    `name_guessed`: where that was cut into first and last name is not sure.
    """

    remote_id: str
    first_name: Maybe[str] = field(default=ABSENT, repr=False)
    last_name: Maybe[str] = field(default=ABSENT, repr=False)
    email: Maybe[str] = field(default=ABSENT, repr=False)
    cancelled: Maybe[bool] = ABSENT
    name_guessed: bool = False


@dataclass(frozen=True)
class Visit:
    """One DrChrono appointment, or one OnCall appointment with its attendees.

    `minutes` is the length, ABSENT where what was sent can't be one; `profile_minutes` is the
    length of DrChrono's profile, for a visit that names none. `provider` is the DrChrono doctor's
    id on both sides, ABSENT when OnCall sent no provider or one the mapping does not know;
    `provider_wire` and `division` are the ids that OnCall sent. `zone` is the doctor's zone, in
    which the wall clock was read. `keyed` says that the occurrence key is DrChrono's own. `office`,
    `patient`, `exam_room`, `group` and the fields of recurrence are DrChrono's only, `attendees`
    OnCall's only: where the list was not sent they are none, and that means nothing. `revision` is
    the source's `updated_at` as text. `marker` is ABSENT when the list that holds it was not
    returned.
    """

    system: str
    remote_id: str
    starts: Maybe[datetime] = ABSENT
    starts_note: TimeNote | None = None
    minutes: Maybe[int] = ABSENT
    profile_minutes: Maybe[int] = ABSENT
    type: Maybe[VisitType | None] = ABSENT
    provider: Maybe[str] = ABSENT
    office: Maybe[str] = ABSENT
    state: Maybe[State] = ABSENT
    patient: Maybe[str | None] = ABSENT
    attendees: tuple[Attendee, ...] = ()
    revision: str | None = None
    marker: Maybe[Marker | None] = ABSENT
    is_break: bool = False
    cloned_from: str | None = None
    occurrence_key: str | None = None
    keyed: bool = False
    virtual: bool = False
    zone: str | None = None
    exam_room: Maybe[str] = ABSENT
    group: bool = False
    virtual_base: bool = False
    provider_wire: str | None = None
    division: str | None = None


@dataclass(frozen=True)
class Person:
    """One DrChrono patient or one OnCall contact. `phone` is digits; `sex` male, female, unknown.

    `doctor` is DrChrono's only, `provider` and `division` OnCall's only. An empty string is a field
    that was sent empty. `name_guessed` as an Attendee's. `odd` names fields that are ABSENT because
    what was sent can't be a value of them (`core.rules.plausible`).
    """

    system: str
    remote_id: str
    kind: str
    first_name: Maybe[str] = field(default=ABSENT, repr=False)
    last_name: Maybe[str] = field(default=ABSENT, repr=False)
    email: Maybe[str] = field(default=ABSENT, repr=False)
    phone: Maybe[str] = field(default=ABSENT, repr=False)
    birth_date: Maybe[date | None] = field(default=ABSENT, repr=False)
    sex: Maybe[str] = field(default=ABSENT, repr=False)
    doctor: Maybe[str] = ABSENT
    provider: Maybe[str] = ABSENT
    division: Maybe[str] = ABSENT
    active: Maybe[bool] = ABSENT
    revision: str | None = None
    marker: Maybe[Marker | None] = ABSENT
    name_guessed: bool = False
    odd: tuple[str, ...] = field(default=(), compare=False)


def present(value: Maybe[T], default: T) -> T:
    """The value, or `default` when the source did not send it."""
    return default if isinstance(value, Absent) else value
