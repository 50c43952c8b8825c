"""Check that a value can be one of its field, in both directions and in one place.

An impossible value is not carried: a required field waits and is told, any other is left out.
Nothing is put in its place (docs/adr/0029-ranges.md).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from sync.core.records import (
    ABSENT,
    DRCHRONO,
    ONCALL,
    Absent,
    Maybe,
    Person,
    Visit,
    VisitType,
    present,
)
from sync.core.rules.merge import Seen
from sync.core.wording import Json

# A day, as DrChrono's calendar has it. The documents name no limit; nothing and less is no visit.
LONGEST_MINUTES: Final = 24 * 60
# A visit is put right afterwards, and booked ahead; what is farther away is a slip of the keys.
AGO: Final = timedelta(days=366)
AHEAD: Final = timedelta(days=3 * 366)
# Nobody who lives was born before: the oldest known life was of 122 years.
FIRST_BIRTH: Final = date(1880, 1, 1)
# Neither API's documents name a limit. Beyond HL7's widest name (v2, XPN: 250) it is no name.
LONGEST_NAME: Final = 250
# An OnCall visit of a type that is none of ours, or of no type.
UNKNOWN_TYPE: Final = "type_unknown"
# What can't be a value is not merged: the other side keeps its own.
NO_VALUE: Final = frozenset({"time_implausible", UNKNOWN_TYPE})


def minutes(value: Maybe[Json]) -> Maybe[int]:
    """A visit's length, ABSENT for one that no visit has (0 is how an empty one is sent)."""
    if isinstance(value, bool) or not isinstance(value, int):
        return ABSENT
    return value if 1 <= value <= LONGEST_MINUTES else ABSENT


def starts(value: datetime, now: datetime) -> bool:
    """Whether a visit can be meant to begin then."""
    return now - AGO <= value <= now + AHEAD


def birth_date(value: date, today: date) -> bool:
    """Whether somebody who has visits can be born then (a day ahead: the zones' edge)."""
    return FIRST_BIRTH <= value <= today + timedelta(days=1)


def name(text: str) -> bool:
    """Whether a text is short enough for a first or a last name, in characters."""
    return len(text) <= LONGEST_NAME


def length(shown: Visit) -> Maybe[int]:
    """Give a visit's length: its own, else its profile's (docs/api-facts.md, D37)."""
    return shown.profile_minutes if isinstance(shown.minutes, Absent) else shown.minutes


def left_to_profile(shown: Visit | None, seen: Mapping[str, Seen]) -> bool:
    """Whether an appointment that nothing is settled of names no length, and its profile does."""
    if shown is None or seen.get("minutes") is not Seen.NEW:
        return False
    return isinstance(shown.minutes, Absent) and not isinstance(length(shown), Absent)


def no_time(shown: Visit) -> str:
    """Why it is not known when a visit begins: its doctor's zone, or nobody said it."""
    needs_zone = shown.system == DRCHRONO and not isinstance(shown.provider, Absent)
    return "zone_unknown" if needs_zone and shown.zone is None else "no_time"


def odd_visit(shown: Visit | None, seen: Mapping[str, Seen], now: datetime) -> dict[str, str]:
    """The fields that somebody changed to what can't be, each with the cause it is told by.

    They are not carried and stay unsettled, so that what they become next is seen.
    """
    news = {name for name, how in seen.items() if how in {Seen.CHANGED, Seen.NEW}}
    odd: dict[str, str] = {}
    if shown is None:
        return odd
    if "starts" in news:
        if isinstance(shown.starts, Absent):
            odd["starts"] = no_time(shown)
        elif not starts(shown.starts, now):
            odd["starts"] = "time_implausible"
    gone = isinstance(shown.minutes, Absent) and seen.get("minutes") is Seen.CHANGED
    if gone or ("minutes" in news and isinstance(length(shown), Absent)):
        odd["minutes"] = "no_length"
    if shown.system == ONCALL and "type" in news and not isinstance(shown.type, VisitType):
        odd["type"] = UNKNOWN_TYPE
    return odd


def sure(shown: Person, today: date) -> Person:
    """The person without a birth date that can't be one (`odd` names it): the rest is carried."""
    born = present(shown.birth_date, None)
    if born is None or birth_date(born, today):
        return shown
    return replace(shown, birth_date=ABSENT, odd=("birth_date",))
