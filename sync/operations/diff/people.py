"""Compare persons: each chart with its contacts and with the participants who stand for it.

Pure, as `visits`. A contact is wanted where a patient has a visit to come, for everybody where the
mapping mirrors all patients; a chart for each contact where contacts become patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sync.core.records import Absent, Visit, present
from sync.core.rules import inviting
from sync.mapping import in_scope
from sync.operations.diff import fields
from sync.operations.diff.model import Found, Standing, Undecided, What
from sync.operations.diff.shown import CONTACTS, PATIENTS, Compared, Shown, Thing, View

if TYPE_CHECKING:
    from sync.core.records import Person
    from sync.store.compared.linked import Chart, Contact, Tie


def compare(
    shown: Shown,
    ties: Sequence[Tie],
    charts: dict[int, Chart],
    contacts: Iterable[Contact],
    view: View,
) -> Compared:
    """Compare all persons; of nobody whose chart was not read anything is said."""
    out = Compared()
    linked = list(contacts)
    for one in linked:
        _contact(out, shown, charts.get(one.person), one)
    _participants(out, shown, ties, charts, view)
    _without_contact(out, shown, ties, charts, linked, view)
    if view.mapping.policy.patients_from_contacts and CONTACTS in shown.whole:
        stand = {one.remote_id for one in linked if one.person in charts}
        for remote_id in shown.contacts:
            if remote_id not in stand:
                out.found.append(Found(What.PERSON, "chart_missing", "", remote_id))
    return out


def _contact(out: Compared, shown: Shown, chart: Chart | None, one: Contact) -> None:
    if chart is None:
        return
    left = _side(out, shown, Thing(PATIENTS, chart.remote_id), shown.patients)
    right = _side(out, shown, Thing(CONTACTS, one.remote_id), shown.contacts)
    found = Found(What.PERSON, "contact_differs", chart.remote_id, one.remote_id)
    if left is False or right is False:
        cause = "chart_gone" if left is False else "contact_gone"
        gone = Found(What.PERSON, cause, chart.remote_id, one.remote_id)
        out.with_aggregate(one.person, _meant(gone, chart))
        return
    if isinstance(left, bool) or isinstance(right, bool):
        return
    out.count += 1
    differ = fields.of_people(left, right)
    if differ:
        found = Found(What.PERSON, found.cause, found.drchrono, found.oncall, differ)
        out.with_aggregate(one.person, _meant(found, chart))


def _side(out: Compared, shown: Shown, thing: Thing, listed: dict[str, Person]) -> Person | bool:
    """What is shown of a person; False: they are gone, True: that is not known."""
    if thing in shown.gone:
        return False
    found = listed.get(thing.id)
    if found is not None:
        return found
    if thing.of in shown.whole:
        why = shown.unread.get(thing)
        if why is None:
            out.ask.append(thing)
        else:
            ids = (thing.id, "") if thing.of == PATIENTS else ("", thing.id)
            out.undecided.append(Undecided(What.PERSON, why, *ids))
    return True


def _participants(
    out: Compared, shown: Shown, ties: Iterable[Tie], charts: dict[int, Chart], view: View
) -> None:
    """Who comes to an open visit is named as their chart is."""
    for tie in ties:
        there = shown.visits.get(str(tie.oncall))
        chart = charts.get(tie.person or 0)
        if there is None or chart is None or not _stands(there, view):
            continue
        person = shown.patients.get(chart.remote_id)
        who = next((one for one in there.attendees if one.remote_id == tie.participant), None)
        if person is None or who is None or who.cancelled is True:
            continue
        out.count += 1
        differ = fields.of_people(person, who)
        if differ:
            ids = (chart.remote_id, there.remote_id)
            found = Found(What.PERSON, "participant_differs", *ids, differ, who.remote_id)
            out.with_aggregate(tie.person or 0, _meant(found, chart))


def _stands(shown: Visit, view: View) -> bool:
    to_come = not isinstance(shown.starts, Absent) and shown.starts >= view.now
    return to_come and fields.over(shown.state) is None


def _without_contact(
    out: Compared,
    shown: Shown,
    ties: Iterable[Tie],
    charts: dict[int, Chart],
    contacts: Iterable[Contact],
    view: View,
) -> None:
    there = {(one.person, one.provider, one.division) for one in contacts}
    told: set[int] = set()

    def lacks(key: int, chart: Chart, doctor: str) -> None:
        entry = view.mapping.doctor(doctor)
        if entry is None or key in told:
            return
        if (key, entry.oncall_provider, entry.oncall_division) not in there:
            told.add(key)
            found = Found(What.PERSON, "contact_missing", chart.remote_id)
            out.with_aggregate(key, _meant(found, chart))

    for tie in ties:
        here, chart = shown.appointments.get(str(tie.appointment)), charts.get(tie.person or 0)
        if here is None or chart is None or tie.oncall is None or not _stands(here, view):
            continue
        if in_scope(view.mapping, here) and here.patient == chart.remote_id:
            lacks(tie.person or 0, chart, present(here.provider, ""))
    if view.mapping.policy.people == "all":
        for key, chart in charts.items():
            person = shown.patients.get(chart.remote_id)
            if person is not None and not inviting.refusal(person):
                lacks(key, chart, present(person.doctor, ""))


def _meant(found: Found, chart: Chart) -> Found:
    return found.explained(Standing.MEANT, "excluded") if chart.excluded else found
