"""Hold what a comparison of both systems found: ids, field names, causes and times; no values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

SAME, DIFFERENT, UNTOLD = 0, 1, 2


class What(StrEnum):
    """What differs: a visit or a person."""

    VISIT = "visit"
    PERSON = "person"


class Standing(StrEnum):
    """What is known of a difference. What is on its way or meant is no difference by itself."""

    DIFFERENT = "different"  # nobody was asked, and nothing waits for it
    EXPLAINED = "explained"  # it differs, and why it stays so is known
    ON_ITS_WAY = "on_its_way"  # it is waiting for a worker, or a worker is at it
    MEANT = "meant"  # as a policy or a person wants it


COUNTED: Final = frozenset({Standing.DIFFERENT, Standing.EXPLAINED})


@dataclass(frozen=True, slots=True)
class Found:
    """One difference; `cause` is a row of `causes.CAUSES`.

    `drchrono` is the id of an appointment or a chart, `oncall` of a visit or a contact; "" where
    that side has none. `aggregate` 0: nothing is known of it here. `why` says in one word (of
    `causes.WHY`) what explains it, `item` is the attention item; `since` is when it was first
    found, or since when it waits.
    """

    what: What
    cause: str
    drchrono: str = ""
    oncall: str = ""
    fields: tuple[str, ...] = ()
    participant: str = ""
    aggregate: int = 0
    standing: Standing = Standing.DIFFERENT
    why: str = ""
    item: int = 0
    since: datetime | None = None

    @property
    def place(self) -> tuple[str, str, str, str, str]:
        """By what it is the same difference as an earlier one."""
        return self.what, self.cause, self.drchrono, self.oncall, self.participant

    def explained(self, standing: Standing, why: str, **more: object) -> Found:
        """The same with what is known of it."""
        return replace(self, standing=standing, why=why, **more)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be told: what of, the error's code, and until when if known."""

    of: str
    code: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """One visit or person that could not be compared, and why."""

    what: What
    why: str
    drchrono: str = ""
    oncall: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a comparison came to. `compared` counts what was held side by side, by what it is.

    `left_out` names what was not looked at on purpose (a night's job leaves dear lists out).
    """

    began: datetime
    ended: datetime
    found: tuple[Found, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    compared: dict[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def different(self) -> tuple[Found, ...]:
        """What differs and is not merely on its way, nor meant."""
        return tuple(one for one in self.found if one.standing in COUNTED)

    def standing(self, standing: Standing) -> tuple[Found, ...]:
        """What stands so."""
        return tuple(one for one in self.found if one.standing is standing)

    @property
    def status(self) -> int:
        """SAME, DIFFERENT, or UNTOLD.

        What was not read whole may hide anything: UNTOLD, whatever was found until then. A single
        visit that could not be compared leaves it at DIFFERENT where something else differs.
        """
        if self.troubles:
            return UNTOLD
        if self.different:
            return DIFFERENT
        return UNTOLD if self.undecided else SAME
