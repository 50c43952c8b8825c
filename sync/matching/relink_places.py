"""Match each appointment of a relinked visit to its participant.

Markers say which visit it is, not which participant: that goes by e-mail and name, as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.core.records import Attendee, Person, State, Visit
from sync.core.rules.lifecycle import terminal
from sync.core.rules.relink import Family, marker_of
from sync.core.rules.same import one_of
from sync.matching.scan import ListedVisit, Scan


@dataclass
class RelinkedFamily:
    """A family with its objects as they were read: OnCall's visits by generation, appointments."""

    family: Family
    visits: list[ListedVisit]
    appointments: list[ListedVisit]
    unmarked: list[ListedVisit]

    @property
    def present(self) -> ListedVisit | None:
        """The present OnCall visit, where a list showed it."""
        return self.visits[-1] if self.visits else None


@dataclass(frozen=True)
class RelinkedSeat:
    """One attendance: its appointment (None: in no list) and its participant (None: not told)."""

    appointment: ListedVisit | None
    attendee: Attendee | None


def seats(scan: Scan, relinked: RelinkedFamily) -> list[RelinkedSeat]:
    """A seat for each appointment; without a marker only if its patient is a participant."""
    there = list(relinked.present.visit.attendees) if relinked.present is not None else []
    if not relinked.family.group:
        met = relinked.appointments[0] if relinked.appointments else None
        return [RelinkedSeat(met, _only(there, chart_of(scan, met)))]
    made: list[RelinkedSeat] = []
    for met in (*relinked.appointments, *relinked.unmarked):
        chart = chart_of(scan, met)
        who = one_of(chart, there) if chart is not None else None
        if who is not None:
            there.remove(who)
        if who is not None or met in relinked.appointments:
            made.append(RelinkedSeat(met, who))
    return made


def unsure(scan: Scan, relinked: RelinkedFamily, made: Sequence[RelinkedSeat]) -> bool:
    """Whether somebody of an open visit may be one of its participants, and can't be told which."""
    if relinked.present is None or is_over(relinked.present.visit):
        return False
    taken = {seat.attendee.remote_id for seat in made if seat.attendee is not None}
    there = [who for who in relinked.present.visit.attendees if who.cancelled is not True]
    left = [who for who in there if who.remote_id not in taken]
    return bool(left) and any(
        seat.attendee is None
        and seat.appointment is not None
        and not is_over(seat.appointment.visit)
        and chart_of(scan, seat.appointment) is not None
        for seat in made
    )


def life_of(relinked: RelinkedFamily, one: RelinkedSeat) -> int:
    """Which life of the attendance it is, by the marker of the appointment, else of the visit."""
    for met in (one.appointment, relinked.present):
        marker = marker_of(met.visit) if met is not None else None
        if marker is not None:
            return marker.life
    return 1


def chart_of(scan: Scan, met: ListedVisit | None) -> Person | None:
    """The chart of an appointment's patient, if it was listed."""
    return scan.people.get(str(met.visit.patient)) if met is not None else None


def _only(there: list[Attendee], chart: Person | None) -> Attendee | None:
    """The patient's participant of a 1:1 visit; the only one where no chart tells."""
    if chart is not None:
        return one_of(chart, there)
    return there[0] if len(there) == 1 else None


def is_over(shown: Visit) -> bool:
    """Whether a visit or an appointment has ended, as far as it tells."""
    return isinstance(shown.state, State) and terminal(shown.state)
