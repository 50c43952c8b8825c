"""Compare the visits of both systems: those that belong together, then those that stand alone.

Pure: what was read, what is linked, the mapping and the time are given. Life and death first, then
scope, patient, fields and participants, as a visit's own run has it (docs/rules.md, R7, R8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final

from sync.core.records import Absent, Life, State, Visit
from sync.core.rules import plausible
from sync.mapping import in_scope, out_of_scope
from sync.operations.diff import fields
from sync.operations.diff.model import Found, Standing, Undecided, What
from sync.operations.diff.shown import APPOINTMENTS, VISITS, Compared, Shown, Thing, View

if TYPE_CHECKING:
    from sync.core.records import Attendee
    from sync.store.compared.linked import Chart, Tie

# What a list must show of a visit for it to be compared; else it is read by its id.
_NEEDED: Final = ("starts", "minutes", "type", "state")
_FEES: Final = frozenset({Life.NO_SHOW, Life.COMPLETE})
# DrChrono's days are the doctors' (docs/api-facts.md, D27): its list is sure but for its last day.
_EDGE: Final = timedelta(days=1)


def compare(shown: Shown, ties: Iterable[Tie], charts: dict[int, Chart], view: View) -> Compared:
    """Compare all visits. `charts` are those of the persons who attend."""
    step = _Step(shown, view, charts)
    for _key, group in groupby(ties, key=lambda tie: tie.visit):
        step.visit(list(group))
    step.alone_here()
    step.alone_there()
    return step.out


@dataclass
class _Step:
    shown: Shown
    view: View
    charts: dict[int, Chart]
    out: Compared = field(default_factory=Compared)
    here: set[str] = field(default_factory=set)  # appointments that were dealt with
    there: set[str] = field(default_factory=set)
    told: set[Undecided] = field(default_factory=set)
    excluded: set[str] = field(init=False)  # patients, by hand

    def __post_init__(self) -> None:
        self.excluded = {one.remote_id for one in self.charts.values() if one.excluded}

    # --- what belongs together --------------------------------------------------------------------

    def visit(self, ties: Sequence[Tie]) -> None:
        first = ties[0]
        seats = [tie for tie in ties if tie.appointment is not None]
        if first.oncall is None:
            for tie in seats:
                self.here.add(str(tie.appointment))
                self._without_visit(str(tie.appointment), tie.visit)
            return
        self.there.add(first.oncall)
        there = self._there(first)
        if not seats:
            if there is not None:
                self._without_appointment(first.oncall, there, first.visit)
            return
        for tie in seats:
            self.here.add(str(tie.appointment))
            self._seat(tie, there)
        if there is not None:
            self._extra(first, ties, there)

    def _there(self, tie: Tie) -> Visit | None:
        visit = Visit("oncall", str(tie.oncall))
        return self._shown_of(tie, VISITS, self.shown.visits, visit, tie.oncall_state)

    def _here(self, tie: Tie) -> Visit | None:
        visit, state = Visit("drchrono", str(tie.appointment)), tie.appointment_state
        return self._shown_of(tie, APPOINTMENTS, self.shown.appointments, visit, state)

    def _shown_of(
        self, tie: Tie, kind: str, shown: Mapping[str, Visit], visit: Visit, state: str | None
    ) -> Visit | None:
        """What is shown of a visit that is known there, as over where it is gone."""
        thing = Thing(kind, visit.remote_id)
        found = shown.get(thing.id)
        if thing in self.shown.gone or (found is None and state == "gone"):
            return replace(visit, state=State(Life.DELETED))
        if found is None and kind in self.shown.whole and self._is_awaited(tie):
            self._ask(thing)
        return found

    def _is_awaited(self, tie: Tie) -> bool:
        """Whether a whole list should show it: it is to come, as far as we know."""
        if not tie.open:
            return False
        until = self.view.until - _EDGE
        return tie.starts_at is None or self.view.now <= tie.starts_at <= until

    def _seat(self, tie: Tie, there: Visit | None) -> None:
        here = self._here(tie)
        if here is None or there is None:
            return
        self.out.count += 1
        who = _participant(tie, there)
        cancelled = who is not None and who.cancelled is True
        left, right = fields.over(here.state), fields.over(there.state)
        right = right or (Life.CANCELLED if cancelled else None)
        if left is not None or right is not None:
            self._over(tie, here, there, (left, right))
            return
        if not self._is_told(here, APPOINTMENTS) or not self._is_told(there, VISITS):
            return
        if isinstance(here.state, State) and here.state.life is Life.RESCHEDULED:
            self._note("state_differs", tie, ("state",))
            return
        if out_of_scope(self.view.mapping, here) or not here.patient:
            self._note("left_scope", tie, ("type",) if here.type is None else ())
            return
        chart = self.charts.get(tie.person or 0)
        if chart is not None and here.patient != chart.remote_id:
            self._note("patient_differs", tie, ("patient",))
            return
        differ = fields.of_visits(here, there)
        if isinstance(there.provider, Absent) and there.provider_wire is None:
            # OnCall need not tell it (docs/api-facts.md, O11): what we last sent says it.
            sent = self.view.sent(tie.oncall_row or 0, str(here.provider))
            differ += ("provider",) if sent is False else ()
        if differ:
            self._note("fields_differ", tie, differ)
        if self._lacks(there, who):
            self._note("participant_missing", tie, ("participants",))

    def _over(
        self, tie: Tie, here: Visit, there: Visit, lives: tuple[Life | None, Life | None]
    ) -> None:
        (left, right), policy = lives, self.view.policy
        if left is right:
            return
        one = self._found("state_differs", tie, ("state",))
        if left is not None and right is not None:
            one = one.explained(Standing.EXPLAINED, "ended")
        elif isinstance(here.state, Absent) or isinstance(there.state, Absent):
            thing = Thing(APPOINTMENTS, here.remote_id)
            thing = thing if isinstance(here.state, Absent) else Thing(VISITS, there.remote_id)
            if thing not in self.shown.read:
                self._ask(thing)
            return
        elif _is_rescheduled(here) and right is Life.CANCELLED:
            return  # its clone has a visit of its own, or nobody follows
        elif left in _FEES and not policy.fees:
            one = one.explained(Standing.MEANT, "noted_only")
        elif not (policy.to_oncall if left is not None else policy.to_drchrono):
            one = one.explained(Standing.EXPLAINED, "one_way")
        self.out.with_aggregate(tie.visit, one)

    def _lacks(self, there: Visit, who: Attendee | None) -> bool:
        return there.remote_id in self.shown.who_told and who is None

    def _extra(self, first: Tie, ties: Sequence[Tie], there: Visit) -> None:
        """Who is to come and stands for no appointment."""
        if fields.over(there.state) is not None or not self._is_to_come(there):
            return
        known = {tie.participant for tie in ties if tie.appointment is not None}
        for who in there.attendees:
            if who.cancelled is not True and who.remote_id not in known:
                one = Found(What.VISIT, "participant_extra", "", there.remote_id)
                one = _with_participant(one, who.remote_id)
                self.out.with_aggregate(first.visit, one)

    # --- what stands alone ------------------------------------------------------------------------

    def alone_here(self) -> None:
        for remote_id in self.shown.appointments:
            if remote_id not in self.here and Thing(APPOINTMENTS, remote_id) not in self.shown.gone:
                self._without_visit(remote_id, 0)

    def alone_there(self) -> None:
        for remote_id, there in self.shown.visits.items():
            if remote_id not in self.there and Thing(VISITS, remote_id) not in self.shown.gone:
                self._without_appointment(remote_id, there, 0)

    def _without_visit(self, remote_id: str, key: int) -> None:
        here = self.shown.appointments.get(remote_id)
        if here is None or not in_scope(self.view.mapping, here):
            return
        state = here.state
        if not isinstance(state, State) or state.life is not Life.OPEN:
            return
        if isinstance(here.starts, Absent):
            self._undecided(plausible.no_time(here), drchrono=remote_id)
            return
        if not self._is_to_come(here):
            return
        one = Found(What.VISIT, "missing_in_oncall", remote_id)
        ahead = self.view.policy.occurrences if here.virtual else self.view.policy.window
        if here.starts > self.view.now + ahead:
            one = one.explained(Standing.MEANT, "far")
        elif here.patient in self.excluded:
            one = one.explained(Standing.MEANT, "excluded")
        elif not self.view.policy.to_oncall:
            one = one.explained(Standing.EXPLAINED, "one_way")
        self.out.with_aggregate(key, one)

    def _without_appointment(self, remote_id: str, there: Visit, key: int) -> None:
        if there.type is None or fields.over(there.state) is not None:
            return  # a message, or over
        if self._is_everybody_out(there) or not self._is_told(there, VISITS):
            return
        if not self._is_to_come(there) or isinstance(there.starts, Absent):
            return
        one = Found(What.VISIT, "missing_in_drchrono", "", remote_id)
        if there.starts > self.view.now + self.view.policy.window:
            one = one.explained(Standing.MEANT, "far")
        elif not self.view.policy.to_drchrono:
            one = one.explained(Standing.EXPLAINED, "one_way")
        self.out.with_aggregate(key, one)

    def _is_everybody_out(self, there: Visit) -> bool:
        return bool(there.attendees) and all(who.cancelled is True for who in there.attendees)

    def _is_to_come(self, shown: Visit) -> bool:
        return not isinstance(shown.starts, Absent) and shown.starts >= self.view.now

    # --- what was not told ------------------------------------------------------------------------

    def _is_told(self, shown: Visit, of: str) -> bool:
        """Whether enough is known of it; else it is read by its id, once."""
        thing = Thing(of, shown.remote_id)
        lacking = [name for name in _NEEDED if isinstance(getattr(shown, name), Absent)]
        if of == APPOINTMENTS:
            # A list of DrChrono's shows all; what is absent there stays so (D29).
            lacking = [name for name in lacking if name in {"starts", "state"}]
        if not lacking:
            return True
        ids = {"drchrono" if of == APPOINTMENTS else "oncall": shown.remote_id}
        if of == APPOINTMENTS and lacking == ["starts"]:
            self._undecided(plausible.no_time(shown), **ids)
            return False
        if thing in self.shown.read:
            if "starts" not in lacking and "state" not in lacking:
                return True  # what even the read does not say differs from nothing
            self._undecided("no_time" if "starts" in lacking else "not_told", **ids)
            return False
        self._ask(thing)
        return False

    def _ask(self, thing: Thing) -> None:
        why = self.shown.unread.get(thing)
        if why is None:
            self.out.ask.append(thing)
            return
        self._undecided(why, **{"drchrono" if thing.of == APPOINTMENTS else "oncall": thing.id})

    def _undecided(self, why: str, *, drchrono: str = "", oncall: str = "") -> None:
        one = Undecided(What.VISIT, why, drchrono, oncall)
        if one not in self.told:
            self.told.add(one)
            self.out.undecided.append(one)

    # --- noting -----------------------------------------------------------------------------------

    def _found(self, cause: str, tie: Tie, names: tuple[str, ...]) -> Found:
        ids = str(tie.appointment or ""), str(tie.oncall or "")
        one = Found(What.VISIT, cause, *ids, fields=names)
        held = tie.hold_until
        if cause == "state_differs" and held is not None and held > self.view.now:
            return one.explained(Standing.ON_ITS_WAY, "successor")
        return one

    def _note(self, cause: str, tie: Tie, names: tuple[str, ...]) -> None:
        self.out.with_aggregate(tie.visit, self._found(cause, tie, names))


def _participant(tie: Tie, there: Visit) -> Attendee | None:
    return next((who for who in there.attendees if who.remote_id == tie.participant), None)


def _is_rescheduled(here: Visit) -> bool:
    return isinstance(here.state, State) and here.state.life is Life.RESCHEDULED


def _with_participant(one: Found, participant: str) -> Found:
    return Found(one.what, one.cause, one.drchrono, one.oncall, ("participants",), participant)
