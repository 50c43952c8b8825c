"""Compare persons: each chart with its contacts and with the participants who stand for it.

Pure, as `visits`. A contact is wanted where a patient has a visit to come, for everybody where the
mapping mirrors all patients; a chart for each contact where contacts become patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.core.records import Absent, Visit, present
from sync.core.rules import inviting
from sync.core.rules.people import NAMES
from sync.mapping import in_scope
from sync.operations.diff import fields
from sync.operations.diff.model import Found, Standing, Undecided, What
from sync.operations.diff.shown import CONTACTS, PATIENTS, VISITS, Compared, Shown, Thing, View
from sync.store.compared.linked import Chart

if TYPE_CHECKING:
    from sync.core.records import Attendee, Person
    from sync.store.compared.linked import Contact, Tie


def compare(
    shown: Shown,
    ties: Sequence[Tie],
    charts: dict[int, Chart],
    contacts: Iterable[Contact],
    view: View,
) -> Compared:
    """Compare all persons; of nobody whose chart was not read anything is said."""
    step = _Step(shown, view, charts, list(contacts))
    for one in step.contacts:
        step.contact(charts.get(one.person), one)
    for tie in ties:
        step.participant(tie)
        step.booked(tie)
    step.charts_without_contact()
    step.contacts_without_chart()
    return step.out


@dataclass
class _Step:
    shown: Shown
    view: View
    charts: dict[int, Chart]
    contacts: list[Contact]
    out: Compared = field(default_factory=Compared)
    told: set[str] = field(default_factory=set)  # charts of which a missing contact was told
    places: set[tuple[int, str | None, str | None]] = field(init=False)  # where contacts stand

    def __post_init__(self) -> None:
        self.places = {(one.person, one.provider, one.division) for one in self.contacts}

    # --- what belongs together --------------------------------------------------------------------

    def contact(self, chart: Chart | None, one: Contact) -> None:
        if chart is None:
            return
        left = self._side(Thing(PATIENTS, chart.remote_id), self.shown.patients)
        right = self._side(Thing(CONTACTS, one.remote_id), self.shown.contacts)
        ids = (chart.remote_id, one.remote_id)
        if left is False or right is False:
            cause = "chart_gone" if left is False else "contact_gone"
            self._note(one.person, chart, Found(What.PERSON, cause, *ids))
            return
        if isinstance(left, bool) or isinstance(right, bool):
            return
        self.out.count += 1
        if not self._is_told(right, Thing(CONTACTS, one.remote_id)):
            return
        differ = fields.of_people(left, right)
        if differ:
            self._note(one.person, chart, Found(What.PERSON, "contact_differs", *ids, differ))

    def _side(self, thing: Thing, listed: dict[str, Person]) -> Person | bool:
        """What is shown of a person; False: they are gone, True: that is not known."""
        if thing in self.shown.gone:
            return False
        found = listed.get(thing.id)
        if found is None and thing.of in self.shown.whole:
            self._ask(thing)
        return True if found is None else found

    def participant(self, tie: Tie) -> None:
        """Who comes to an open visit is named as their chart is."""
        there = self.shown.visits.get(str(tie.oncall))
        chart = self.charts.get(tie.person or 0)
        if there is None or chart is None or not self._stands(there):
            return
        person = self.shown.patients.get(chart.remote_id)
        who = next((one for one in there.attendees if one.remote_id == tie.participant), None)
        if person is None or who is None or who.cancelled is True:
            return
        self.out.count += 1
        if not self._is_told(who, Thing(VISITS, there.remote_id)):
            return
        differ = fields.of_people(person, who)
        if differ:
            ids = (chart.remote_id, there.remote_id)
            found = Found(What.PERSON, "participant_differs", *ids, differ, who.remote_id)
            self._note(tie.person or 0, chart, found)

    def _stands(self, shown: Visit) -> bool:
        to_come = not isinstance(shown.starts, Absent) and shown.starts >= self.view.now
        return to_come and fields.over(shown.state) is None

    def _is_told(self, who: Person | Attendee, thing: Thing) -> bool:
        """Whether a list says who somebody is; else the object is read by its id, once."""
        lacking = [name for name in NAMES if isinstance(getattr(who, name), Absent)]
        if not lacking or thing in self.shown.read:
            return True  # what even the read does not say differs from nothing
        self._ask(thing)
        return False

    # --- what stands alone ------------------------------------------------------------------------

    def booked(self, tie: Tie) -> None:
        """Who has a visit to come has a contact with its provider."""
        here, chart = (
            self.shown.appointments.get(str(tie.appointment)),
            self.charts.get(tie.person or 0),
        )
        if here is None or chart is None or tie.oncall is None or not self._stands(here):
            return
        if in_scope(self.view.mapping, here) and here.patient == chart.remote_id:
            self._lacks(tie.person or 0, chart, present(here.provider, ""))

    def charts_without_contact(self) -> None:
        """Everybody has one where all patients are mirrored; else it is meant so."""
        everybody = self.view.mapping.policy.people == "all"
        people = {chart.remote_id: key for key, chart in self.charts.items()}
        have = {key for key, _provider, _division in self.places}
        for remote_id, person in self.shown.patients.items():
            key = people.get(remote_id, 0)
            chart = self.charts.get(key) or Chart(remote_id, 0, excluded=False)
            if everybody and not inviting.refusal(person):
                self._lacks(key, chart, present(person.doctor, ""))
            if key not in have and remote_id not in self.told:
                found = Found(What.PERSON, "contact_missing", remote_id)
                self.out.with_aggregate(key, found.explained(Standing.MEANT, "not_wanted"))

    def _lacks(self, key: int, chart: Chart, doctor: str) -> None:
        entry = self.view.mapping.doctor(doctor)
        if entry is None or chart.remote_id in self.told:
            return
        if (key, entry.oncall_provider, entry.oncall_division) not in self.places:
            self.told.add(chart.remote_id)
            self._note(key, chart, Found(What.PERSON, "contact_missing", chart.remote_id))

    def contacts_without_chart(self) -> None:
        """Each has one where contacts become patients; else it is meant so."""
        wanted = self.view.mapping.policy.patients_from_contacts
        stand = {one.remote_id: one.person for one in self.contacts}
        for remote_id in self.shown.contacts if CONTACTS in self.shown.whole else ():
            key = stand.get(remote_id, 0)
            if key in self.charts or Thing(CONTACTS, remote_id) in self.shown.gone:
                continue
            found = Found(What.PERSON, "chart_missing", "", remote_id)
            if not wanted:
                found = found.explained(Standing.MEANT, "not_wanted")
            self.out.with_aggregate(key, found)

    # --- noting -----------------------------------------------------------------------------------

    def _ask(self, thing: Thing) -> None:
        why = self.shown.unread.get(thing)
        if why is None:
            self.out.ask.append(thing)
            return
        ids = (thing.id, "") if thing.of == PATIENTS else ("", thing.id)
        self.out.undecided.append(Undecided(What.PERSON, why, *ids))

    def _note(self, key: int, chart: Chart, found: Found) -> None:
        if chart.excluded:
            found = found.explained(Standing.MEANT, "excluded")
        self.out.with_aggregate(key, found)
