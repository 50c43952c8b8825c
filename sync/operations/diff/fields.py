"""Compare two records field by field, in the terms that both systems share. Pure.

A field that one side did not send differs from nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.core.addresses import AS_TYPED
from sync.core.records import Absent, Attendee, Life, State, present
from sync.core.rules.lifecycle import terminal
from sync.core.rules.people import NAMES, full_name
from sync.core.rules.same import agreed
from sync.core.rules.views import FIELDS
from sync.core.wire import MalformedError
from sync.mapping import Mapping
from sync.oncall import bodies
from sync.oncall import translate as oncall

if TYPE_CHECKING:
    from sync.core.records import Maybe, Person, Visit

OF_A_PERSON: Final = (*NAMES, "phone", "birth_date", "sex")
_NOWHERE: Final = "/contacts/1/"
_NOBODY: Final = Mapping.empty()
_BOTH_NAMES: Final = frozenset({"first_name", "last_name"})


def of_visits(here: Visit, there: Visit) -> tuple[str, ...]:
    """The fields in which an appointment and an OnCall visit differ."""
    same = agreed(here, there)
    return tuple(name for name in FIELDS if name not in same and _told(here, there, name))


def _told(here: object, there: object, name: str) -> bool:
    sides = getattr(here, name), getattr(there, name)
    if name == "minutes" and isinstance(sides[0], Absent):
        sides = getattr(here, "profile_minutes"), sides[1]  # noqa: B009 - a record's field
    return not any(isinstance(one, Absent) for one in sides)


def of_people(chart: Person, there: Person | Attendee) -> tuple[str, ...]:
    """The fields in which a contact or a participant says something else than the chart.

    The chart counts as OnCall would show it after it was written there: OnCall has no word for some
    of what a chart says. What the chart leaves empty of a phone, a birth date or a sex is not asked
    of OnCall. A name that OnCall holds in one piece agrees when the whole name does.
    """
    names = [name for name in OF_A_PERSON if hasattr(there, name)]
    wanted = _written(chart, there, names)
    found = {name for name in names if _differs(chart, wanted, there, name)}
    if found & _BOTH_NAMES and there.name_guessed and _whole(wanted) == _whole(there):
        found -= _BOTH_NAMES
    return tuple(name for name in names if name in found)


def _written(chart: Person, there: Person | Attendee, names: list[str]) -> Person | Attendee:
    """The chart as OnCall would show it, of the fields that can be written there."""
    values = {name: getattr(chart, name) for name in names}
    said = {name: value for name, value in values.items() if not isinstance(value, Absent)}
    try:
        if isinstance(there, Attendee):
            body = bodies.participant_body(said)
            return oncall.to_attendee({**body, "url": _NOWHERE}, AS_TYPED)
        body = bodies.contact_body(said, base_url="", mapping=_NOBODY)
        return oncall.to_person({**body, "url": _NOWHERE}, AS_TYPED)
    except (ValueError, MalformedError):
        return chart  # what can't be written differs as it stands


def _differs(chart: Person, wanted: Person | Attendee, there: Person | Attendee, name: str) -> bool:
    left, right = getattr(wanted, name), getattr(there, name)
    if isinstance(left, Absent) or isinstance(right, Absent):
        return False
    if name not in NAMES and not getattr(chart, name):
        return False
    return bool(left != right and (left or right))


def _whole(who: Person | Attendee) -> str:
    return full_name(present(who.first_name, ""), present(who.last_name, "")).casefold()


def over(state: Maybe[State]) -> Life | None:
    """How something ended, a deletion being a cancellation; None while it stands or is unknown."""
    if isinstance(state, Absent) or not terminal(state):
        return None
    return Life.CANCELLED if state.life is Life.DELETED else state.life
