"""Say whether a DrChrono appointment and an OnCall visit are one visit, and who of it a patient is.

The place decides (start, and the doctor where OnCall tells one) together with the patient's e-mail.
The length does not: staff type it differently, and which one holds is then asked as of any field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sync.core.records import Absent, Attendee, Life, Marker, Maybe, Person, State, Visit, present
from sync.core.rules import people, plausible
from sync.core.rules.lifecycle import terminal
from sync.core.rules.people import full_name, normal_email, normal_name
from sync.core.rules.views import FIELDS


class Same(Enum):
    """Whether two are one visit: surely, only if a person says so, or surely not."""

    CERTAIN = "certain"
    MAYBE = "maybe"
    NO = "no"


@dataclass(frozen=True)
class Here:
    """DrChrono's side: its start, its doctor, the charts of its patients, and its ids.

    `group`: one of several patients is enough. `crowd`: so many charts share the patient's address
    that nobody is known by it alone.
    """

    starts: Maybe[datetime]
    doctor: Maybe[str]
    charts: tuple[Person, ...]
    ids: Collection[str] = ()
    group: bool = False
    crowd: bool = False


def same_visit(here: Here, there: Visit) -> Same:
    """Whether an OnCall visit is the one that stands in DrChrono.

    One that bears a marker is the one that its marker names, whatever it looks like. One that is
    over is none, and neither is one whose provider OnCall names and the mapping does not know.
    """
    if isinstance(there.marker, Marker):
        return Same.CERTAIN if there.marker.other in here.ids else Same.NO
    if not _stands_there(here, there):
        return Same.NO
    coming = who_comes(there.attendees)
    found = [participants_of(one, coming, crowd=here.crowd) for one in here.charts]
    if here.group:
        return Same.CERTAIN if any(found) else Same.NO
    if any(found):
        return Same.CERTAIN if all(len(one) == 1 for one in found) else Same.MAYBE
    return Same.MAYBE if _is_namesake(here.charts, coming) else Same.NO


def _stands_there(here: Here, there: Visit) -> bool:
    if isinstance(there.state, State) and terminal(there.state):
        return False
    if isinstance(here.starts, Absent) or here.starts != there.starts:
        return False
    if isinstance(there.provider, Absent):
        return there.provider_wire is None
    return there.provider == here.doctor


def _is_namesake(charts: Sequence[Person], coming: Sequence[Attendee]) -> bool:
    """Whether the only participant has the patient's name and another address: typed, or not."""
    if len(charts) != 1 or len(coming) != 1:
        return False
    (chart,), (who,) = charts, coming
    return _name(who) == _name(chart) != "" and _email(who) != _email(chart)


def same_appointment(
    shown: Visit,
    patient: str,
    doctor: Maybe[str],
    starts: Maybe[datetime],
    *,
    over: bool = False,
) -> bool:
    """Whether an appointment is the one that an OnCall visit's patient has there and then.

    One that has ended or was rescheduled is none, unless `over`; one that only stands for a series
    never is.
    """
    ended = isinstance(shown.state, State) and shown.state.life is not Life.OPEN
    if isinstance(starts, Absent) or isinstance(doctor, Absent) or shown.virtual_base:
        return False
    if ended and not over:
        return False
    return (shown.patient, shown.provider, shown.starts) == (patient, doctor, starts)


def agreed(here: Visit, there: Visit) -> set[str]:
    """The fields of a visit that both sides say alike, or that OnCall does not tell."""
    lengths = plausible.length(here), plausible.length(there)
    names = {name for name in FIELDS if getattr(here, name) == getattr(there, name)}
    names |= {"minutes"} if lengths[0] == lengths[1] else set()
    return names | ({"provider"} if isinstance(there.provider, Absent) else set())


# --- who a participant is -------------------------------------------------------------------------


def who_comes(attendees: Iterable[Attendee]) -> list[Attendee]:
    """The participants who were not cancelled."""
    return [who for who in attendees if who.cancelled is not True]


def participants_of(
    chart: Person, attendees: Iterable[Attendee], *, crowd: bool = False
) -> list[Attendee]:
    """The participants whom a patient can't be told from: by e-mail, of several by name too.

    By an address that a crowd shares nobody is known: there the name must agree with it.
    """
    same = [who for who in attendees if _email(who) == _email(chart) != ""]
    named = [who for who in same if _key(who, "email_name") == _key(chart, "email_name")]
    return same if len(same) == 1 and not crowd else named


def one_of(chart: Person, attendees: Sequence[Attendee]) -> Attendee | None:
    """The one participant of a visit known to be the patient's: by e-mail and name, e-mail, name.

    Who was cancelled comes after who was not.
    """
    for who in (who_comes(attendees), [who for who in attendees if who.cancelled is True]):
        by_email = [one for one in who if _email(one) == _email(chart) != ""]
        for hits in (
            [one for one in by_email if _key(one, "email_name") == _key(chart, "email_name")],
            by_email,
            [one for one in who if _name(one) == _name(chart) != ""],
        ):
            if len(hits) == 1:
                return hits[0]
    return None


def _key(who: Person | Attendee, what: str) -> tuple[str, ...] | None:
    return dict(people.keys(who)).get(what)


def _email(who: Person | Attendee) -> str:
    return normal_email(present(who.email, ""))


def _name(who: Person | Attendee) -> str:
    return normal_name(full_name(present(who.first_name, ""), present(who.last_name, "")))
