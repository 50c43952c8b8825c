"""Say where a visit stands: its slot, for one person or shared by several.

DrChrono has no group visits: doctor, office, start and length make one (docs/rules.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from sync.core.records import Absent, State, Visit
from sync.core.rules import plausible
from sync.core.rules.lifecycle import terminal

PREFIX: Final = "group:"
PLACE: Final = ("starts", "minutes", "provider")
_TIME: Final = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Slot:
    """Where a group visit stands: a DrChrono doctor and office, its start (UTC) and minutes.

    `born` is the OnCall id of a visit that was booked there: its members need no group profile,
    and nobody joins it but through OnCall. It is no part of the place.
    """

    doctor: str
    office: str
    starts: datetime
    minutes: int
    born: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """What no two open visits may share; never the key of a 1:1 visit."""
        place = f"{PREFIX}{self.doctor}:{self.office}:{self.starts:{_TIME}}:{self.minutes}"
        return f"{place}:{self.born}" if self.born else place


def differing(one: Slot, other: Slot) -> set[str]:
    """The fields of the visit (of PLACE) in which two slots differ."""
    values = ((s.starts, s.minutes, s.doctor) for s in (one, other))
    return {name for name, a, b in zip(PLACE, *values, strict=True) if a != b}


def slot_from(key: str) -> Slot:
    """The slot that a group visit's key names."""
    doctor, office, starts, minutes, *born = key.removeprefix(PREFIX).split(":")
    at = datetime.strptime(starts, _TIME).replace(tzinfo=UTC)
    return Slot(doctor, office, at, int(minutes), "".join(born))


def slot_of(shown: Visit) -> Slot | None:
    """The slot of an appointment as read; None when that is not known whole."""
    doctor, office, starts = shown.provider, shown.office, shown.starts
    minutes = plausible.length(shown)
    if isinstance(doctor, Absent) or isinstance(office, Absent):
        return None
    if isinstance(starts, Absent) or isinstance(minutes, Absent):
        return None
    return Slot(doctor, office, starts, minutes)


def kept_in(slot: Slot, shown: Visit, now: datetime) -> tuple[Visit, frozenset[str]]:
    """A member's appointment that stands where it can't: seen in the slot it is in instead.

    Also returns the causes to tell. A place that is the slot's own, however old, is none.
    """
    odd: set[str] = set()
    at = shown.starts
    if not isinstance(at, Absent) and at != slot.starts and not plausible.starts(at, now):
        odd.add("time_implausible")
        shown = replace(shown, starts=slot.starts)
    if isinstance(shown.minutes, Absent):
        odd.add("no_length")
        shown = replace(shown, minutes=slot.minutes)
    return shown, frozenset(odd)


def slot_key(doctor: str, starts: datetime, person: int) -> str:
    """What no two open visits may share: doctor, start (UTC) and person."""
    return f"{doctor}:{starts:%Y%m%dT%H%M}:{person}"


def of_group(
    members: Sequence[Visit], there: Visit | None, office: Callable[[str], str | None]
) -> Slot | None:
    """Say where a group stands by what was read of it: as most open members, else as OnCall has it.

    `office` tells where visits from OnCall are booked with a doctor. None when it is not known.
    """
    open_ = [m for m in members if not (isinstance(m.state, State) and terminal(m.state))]
    slots = Counter(slot for one in open_ or members if (slot := slot_of(one)) is not None)
    if slots:
        most = max(slots.items(), key=lambda item: item[1])[0]
    elif there is None or any(one.group for one in members):
        return None
    else:
        shown = [*members, there]
        starts = next((v.starts for v in shown if not isinstance(v.starts, Absent)), None)
        doctor = next((v.provider for v in shown if not isinstance(v.provider, Absent)), None)
        if starts is None or doctor is None or isinstance(there.minutes, Absent):
            return None
        most = Slot(doctor, office(doctor) or "", starts, there.minutes)
    if there is None or any(one.group for one in members):
        return most
    return replace(most, born=there.remote_id)
