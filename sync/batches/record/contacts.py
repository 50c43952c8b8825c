"""Make patients of OnCall's contacts without a chart, where the mapping allows it (ADR 0039).

By the rules by which a participant becomes a patient: nobody has that e-mail or that name, the
identity is whole, and a create without an outcome is found again before another is begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync.batches.record import charts as made
from sync.batches.record import lists
from sync.batches.record.judging import Judged
from sync.batches.step import Done
from sync.core.addresses import is_sure
from sync.core.batch.model import Fate, Outcome
from sync.core.errors import Gone
from sync.core.records import Absent, Person, present
from sync.core.rules import inviting, people
from sync.core.rules.people import normal_email
from sync.core.wire import MalformedError
from sync.people import charts, contact_search, contacts, sharing
from sync.people.resolve import new_patients
from sync.people.resolve.new_patients import Someone
from sync.people.resolve.participant import ResolvedPatient, patient_for
from sync.run import transfer
from sync.run.context import Run
from sync.run.outcomes import ParkedError
from sync.store.batches import standing
from sync.store.lanes import Hints
from sync.store.people import patients
from sync.store.tables import claims, links, person_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.batches.step import Step
    from sync.core.wording import Json
    from sync.mapping import Mapping as ClinicMapping
    from sync.store.batches.items import Stored
    from sync.store.batches.standing import Stands


# --- the plan -------------------------------------------------------------------------------------


def plan(step: Step) -> None:
    """Judge every contact: has it a chart, may it be somebody's, can one be made of it."""

    def page(number: int | None) -> Any:
        return step.sync.oncall.contacts(step.ticket, page=number)

    for records, place in lists.there(step, page):
        lists.store(step, _judged(step, records), place, read=len(records))


def _judged(step: Step, records: tuple[dict[str, Json], ...]) -> list[dict[str, Any]]:
    sync, read = step.sync, dict[str, Person]()
    for json in records:
        try:
            shown = charts.contact(sync, json)
        except MalformedError:
            continue  # the nightly list tells of it
        if _is_wanted(step, shown):
            read[shown.remote_id] = shown
    known = _Index.of(step, read)
    found = []
    for remote_id, shown in read.items():
        judged = known.judged(shown, sync.mapping)
        doctor = sync.mapping.doctor_for(
            present(shown.provider, None), present(shown.division, None)
        )
        found.append(
            lists.row(
                key=f"contact:{remote_id}",
                source_id=remote_id,
                doctor=doctor,
                **judged.columns(),
            )
        )
    return found


def _is_wanted(step: Step, shown: Person) -> bool:
    """Whether a contact is of the doctor that was asked for; a line may not say whose it is."""
    doctor = step.options.get("doctor")
    if not doctor or isinstance(shown.provider, Absent):
        return True
    whose = step.sync.mapping.doctor_for(shown.provider, present(shown.division, None))
    return whose == str(doctor)


@dataclass(frozen=True)
class _Index:
    """What is stored of a page of contacts, and of whoever has their addresses."""

    stands: Mapping[str, Stands]
    by_email: Mapping[tuple[str, ...], set[int]]
    by_name: Mapping[tuple[str, ...], set[int]]
    by_birth: Mapping[tuple[str, ...], set[int]]
    charts: Mapping[int, str]
    crowds: set[str]

    @classmethod
    def of(cls, step: Step, read: Mapping[str, Person]) -> _Index:
        sync = step.sync
        keys = [dict(people.keys(one)) for one in read.values()]

        def each(what: str) -> dict[tuple[str, ...], set[int]]:
            among = {one[what] for one in keys if what in one}
            return person_index.with_each(conn, sync.digests, what, among)

        with sync.store.read() as conn:
            found = each("email"), each("email_name"), each("email_name_birth")
            who = {one for people_ in found[0].values() for one in people_}
            return cls(
                standing.contacts(conn, list(read)),
                *found,
                dict(patients.of_people(conn, who)),
                sharing.crowds_among(conn, sync, [present(c.email, "") for c in read.values()]),
            )

    def judged(self, shown: Person, mapping: ClinicMapping) -> Judged:
        """What is to become of a contact, as far as its line and what is stored say.

        What a line lacks (docs/api-facts.md, O30) is asked when it is its turn.
        """
        stands = self.stands.get(shown.remote_id)
        chart = [one.remote_id for one in (stands.others if stands else []) if one.remote_id]
        if chart:
            return Judged(Fate.ALREADY_THERE, remote_id=chart[0])
        if stands is not None and stands.excluded:
            return Judged(Fate.PROBLEM, "patient_excluded")
        cause = refusal(shown, mapping)
        if not cause and normal_email(present(shown.email, "")) in self.crowds:
            cause = sharing.CAUSE
        if cause:
            return Judged(Fate.PROBLEM, cause)
        return self._like(shown)

    def _like(self, shown: Person) -> Judged:
        keys = dict(people.keys(shown))
        same = self.by_email.get(keys.get("email", ()), set()) & self.charts.keys()
        if not same:
            return Judged(Fate.CREATE)
        named = self.by_name.get(keys.get("email_name", ()), set()) & same
        born = self.by_birth.get(keys["email_name_birth"], set()) & named
        sure = born if present(shown.birth_date, None) is not None else named
        if len(sure) == 1 and (sure == born or len(same) == 1):
            return Judged(Fate.ALREADY_THERE, remote_id=self.charts[sure.pop()])
        ids = tuple(sorted(self.charts[one] for one in same))
        return Judged(Fate.QUESTION, "patient_unsure", candidates=ids)


def refusal(shown: Person, mapping: ClinicMapping) -> str:
    """The cause for which no chart can be made of a contact, else nothing.

    A field that was not sent is no reason: a line of the list may lack it.
    """
    provider = present(shown.provider, None)
    placed = provider is not None and not isinstance(shown.division, Absent)
    if placed and mapping.doctor_for(provider, present(shown.division, None)) is None:
        return "provider_unmapped"
    if not isinstance(shown.email, Absent):
        if not shown.email:
            return "contact_without_email"
        if not is_sure(shown.email):
            return "contact_email_unclear"
    named = not isinstance(shown.first_name, Absent) and not isinstance(shown.last_name, Absent)
    return "identity_incomplete" if named and inviting.missing(shown) else ""


# --- the work -------------------------------------------------------------------------------------


def do(step: Step, item: Stored) -> Done:
    """Make the patient of a contact, or link it with the chart that is surely theirs.

    Raises LaterError, ParkedError and the RemoteErrors of the calls.
    """
    sync, remote_id = step.sync, str(item.source_id)
    done = _made(step, item)
    if done is not None:
        return done
    try:
        json = sync.oncall.get_contact(step.ticket, remote_id)
    except Gone:
        return Done(Outcome.PROBLEM, "contact_gone")
    shown = charts.contact(sync, json)
    place = (present(shown.provider, ""), present(shown.division, ""))
    doctor = sync.mapping.doctor_for(*place)
    with sync.store.read() as conn:
        crowd = sharing.crowd(conn, sync, present(shown.email, ""))
    cause = refusal(shown, sync.mapping) or (sharing.CAUSE if crowd is not None else "")
    if cause or doctor is None or isinstance(shown.email, Absent):
        return Done(Outcome.PROBLEM, cause or "provider_unmapped")
    run = Run(sync, step.lease, step.ticket, sync.mapping)
    one = Someone("contact", remote_id, shown, shown)
    try:
        met = patient_for(run, one, doctor, policy=new_patients.LOOK if step.ending else "create")
    except ParkedError as parked:
        if step.ending:
            return Done(Outcome.LEFT_OUT)
        if parked.cause is None and parked.ref.startswith("excluded:"):
            return Done(Outcome.PROBLEM, "patient_excluded")
        raise
    return _linked(step, met, json, shown)


def _made(step: Step, item: Stored) -> Done | None:
    """The chart that a contact is linked with by now."""
    with step.sync.store.read() as conn:
        stands = standing.contacts(conn, [str(item.source_id)]).get(str(item.source_id))
        chart = None if stands is None else links.patient_row(conn, stands.aggregate)
    if stands is None or chart is None:
        return Done(Outcome.PROBLEM, "patient_excluded") if stands and stands.excluded else None
    begun = bool(item.tries) and chart.made_by_us and made.is_of(step, chart)
    outcome = Outcome.CREATED if begun else Outcome.ALREADY_THERE
    return Done(outcome, remote_id=chart.remote_id, subject=stands.aggregate)


def _linked(step: Step, met: ResolvedPatient, json: dict[str, Json], shown: Person) -> Done:
    """Link the contact with its patient: its own step of a person's run does no more."""
    sync, place = step.sync, (present(shown.provider, ""), present(shown.division, ""))
    with step.held(met.key) as lease, sync.store.write() as conn:
        claims.hold(conn, lease, now=sync.clock(), seconds=sync.settings.lease_seconds)
        other = contacts.of(conn, met.key, *place)
        own = links.find(conn, "oncall", "contact", shown.remote_id)
        if other is not None and other.remote_id != shown.remote_id:
            named = (str(other.remote_id),) if other.remote_id else ()
            return Done(Outcome.QUESTION, "contact_twice", candidates=named, subject=met.key)
        if own is None:
            contact_search.link(conn, sync, met.key, met.person, shown, json, place)
        elif own.aggregate != met.key:
            held = transfer.hold(conn, sync, own.aggregate, lease=lease, hints=Hints.both())
            contact_search.hand_over(held, sync, own, met.key, met.person, shown, json)
        chart = links.patient_row(conn, met.key)
    fresh = chart is not None and chart.made_by_us and made.is_of(step, chart)
    outcome = Outcome.CREATED if fresh else Outcome.ALREADY_THERE
    return Done(outcome, remote_id=met.remote_id, subject=met.key)
