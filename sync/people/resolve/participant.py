"""Find the patient behind an appointment, or behind an OnCall participant.

A person may be known without a call (the keyed index), found by asking, made new by policy, or be
left to a human. Never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.core.errors import Gone, RemoteError
from sync.core.records import Attendee, Person, present
from sync.core.rules import inviting, people
from sync.drchrono import translate as drchrono
from sync.outbound.brake import BrakedError
from sync.people import by_index, charts, contacts, sharing
from sync.people.resolve import new_patients, search
from sync.people.resolve.new_patients import Someone
from sync.run.evidence import staleness
from sync.run.evidence.staleness import look_again_for
from sync.run.outcomes import LaterError, ParkedError
from sync.store.at_end.owed import MANY
from sync.store.lanes import Hints
from sync.store.people import patients, persons
from sync.store.tables import (
    blockers,
    claims,
    decisions,
    links,
    person_index,
    told,
    work,
)
from sync.store.tables.work import Wait

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.wording import Json
    from sync.run.context import Run
    from sync.runtime import Sync

# A search for a person is two calls.
TOLD_OF_MOST = 2


@dataclass(frozen=True)
class ResolvedPatient:
    """The patient whom a visit is with: their aggregate, their id, and what was read, if it was.

    `version` is the person's version of the chart, `doctor` the visit's doctor, `json` the answer.
    """

    key: int
    remote_id: str
    version: int
    doctor: str
    person: Person
    json: dict[str, Json] | None = None


# --- behind an appointment ------------------------------------------------------------------------


def patient_of(run: Run, remote_id: str, doctor: str) -> ResolvedPatient:
    """Read the patient of an appointment; verbose until their marker is known.

    Raises ParkedError when they can't be invited: no e-mail of their own, no name, inactive, gone,
    excluded.
    """
    sync = run.sync
    obj, known = _known(run, remote_id)
    try:
        json = sync.drchrono.get_patient(run.ticket, remote_id, verbose=not obj.has_marker)
    except Gone:
        staleness.believe_gone(sync, run.lease, obj)
        raise ParkedError("patient", remote_id, "patient_gone") from None
    shown = drchrono.to_person(json, run.mapping.addresses)
    if obj.revision and shown.revision and shown.revision < obj.revision:
        # Read from before what is known of them: the invitation would go to an old address.
        look_again_for(run.lease, Hints.both(), sync.clock())
    chart = charts.carried(sync, shown)
    with sync.store.write(owed_least=MANY) as conn:
        charts.note(conn, sync, obj, json, shown)
        refusal = _refusal(conn, sync, shown, excluded=known.excluded)
        if refusal is None:
            charts.tell(conn, sync, obj.aggregate, chart, stands=known.told)
    if refusal is not None:
        raise refusal
    return ResolvedPatient(obj.aggregate, remote_id, known.version, doctor, chart, json)


def _refusal(conn: Connection, sync: Sync, shown: Person, *, excluded: bool) -> ParkedError | None:
    """Why a patient can't be invited, as their chart is shown; None where they can."""
    if excluded:
        return ParkedError("operator", f"excluded:{shown.remote_id}", None)
    cause = inviting.refusal(shown)
    if cause:
        return ParkedError("patient", shown.remote_id, cause)
    return sharing.refusal(conn, sync, present(shown.email, ""), shown.remote_id)


def _known(run: Run, remote_id: str) -> tuple[links.Obj, persons.Hub]:
    """The patient's row as a fact, and the person who has it."""
    with run.sync.store.read() as conn:
        known = persons.of_patient(conn, remote_id)
    if known is not None and not known[0].told:
        return known
    with run.sync.store.write(owed_least=MANY) as conn:
        obj = _patient_row(conn, run, remote_id)
        return obj, persons.get(conn, obj.aggregate)


def _patient_row(conn: Connection, run: Run, remote_id: str) -> links.Obj:
    return links.first_sight(conn, "drchrono", "patient", remote_id, now=run.sync.clock())


def afterwards(run: Run, met: ResolvedPatient) -> None:
    """See to the person's contact once the visit stands, and to a change that came meanwhile.

    The contact belongs to the person's own lease; when that is busy, or the patient was not read,
    the person is raised and does it.
    """
    sync = run.sync
    with sync.store.write() as conn:
        now = sync.clock()
        if persons.get(conn, met.key).version != met.version:
            work.raise_(conn, met.key, now=now, hints=Hints.of("drchrono"))
        if contacts.is_settled(conn, run.mapping, met.key, met.doctor):
            return
        lease = None
        if met.json is not None:
            lease = claims.try_lock(
                conn, met.key, owner=sync.owner, now=now, seconds=sync.settings.lease_seconds
            )
        if lease is None:
            work.raise_(conn, met.key, now=now, hints=Hints.of("drchrono"))
            return
    try:
        contacts.ensure(sync, lease, met.person, met.json or {}, met.doctor)
    except (RemoteError, LaterError, ParkedError, BrakedError):
        # The visit stands; its person's own run goes on from here, with its own retries.
        with sync.store.write() as conn:
            now = sync.clock()
            work.raise_(conn, met.key, now=now, hints=Hints.of("drchrono"), wait=Wait(5, 5))
    finally:
        with sync.store.write() as conn:
            claims.give_back(conn, lease)


# --- behind an OnCall participant -----------------------------------------------------------------


def person_of(run: Run, attendee: Attendee, doctor: str, *, alone: bool = True) -> ResolvedPatient:
    """The patient that a participant is. Raises ParkedError where a human must decide.

    `alone`: the visit's only participant; only then a new patient may be made.
    """
    said = _said(run, attendee, doctor)
    known = said or from_index(run, attendee, doctor)
    if known is not None and said is None and _contact_differs(run, attendee, known.key):
        known = None
    if known is not None:
        one = Someone("participant", attendee.remote_id, attendee, None)
        if said or not _told_apart(run, one, [known.remote_id]):
            return known
    candidate, contact = search.with_contact(run, attendee)
    one = Someone("participant", attendee.remote_id, candidate, contact)
    return patient_for(run, one, doctor, policy=run.mapping.policy.new_patients if alone else None)


def patient_for(run: Run, one: Someone, doctor: str, *, policy: str | None) -> ResolvedPatient:
    """The patient whom OnCall shows, by asking; made where nobody is like them and `policy` says.

    `policy` is in the mapping's words for `new_patients`; without one none is made. Raises
    ParkedError where a human must decide.
    """
    candidate = one.candidate
    patients = search.patients_like(run, candidate)
    apart = _told_apart(run, one, [str(json["id"]) for json in patients])
    patients = [json for json in patients if str(json["id"]) not in apart]
    table = run.mapping.addresses
    shown = [drchrono.to_person(json, table) for json in patients]
    found = people.match(candidate, [one for one in shown if one.active is not False])
    if found.one is not None:
        json = next(j for j in patients if str(j["id"]) == found.one.remote_id)
        new_patients.found(run, candidate, found.one.remote_id)
        return _meet(run, json, found.one, doctor)
    if not found.nobody:
        candidates = tuple(one.remote_id for one in found.several)
        raise _asked(run, "patient_unsure", candidate, candidates)
    if policy is None:
        raise _asked(run, "participant_unmatched", candidate)
    _refuse_former(candidate, [one for one in shown if one.active is False])
    with run.sync.store.read() as conn:
        decided = decisions.may_be_made(conn, one.known_as)
    policy = "create" if decided else policy
    made, json = new_patients.make(run, one, doctor, policy=policy, decided=decided)
    met = _meet(run, json, made, doctor, read=True)
    with run.sync.store.write() as conn:
        charts.tell_contact(conn, run.sync, met.key, one.contact, made)
    return met


def _asked(
    run: Run, cause: str, candidate: Person | Attendee, ids: tuple[str, ...] = ()
) -> ParkedError:
    """What to raise to ask who they are; a chart with their e-mail, or a candidate's, ends it."""
    also = blockers.email(run.sync.digests, people.keys(candidate)) + blockers.patients(ids)
    return ParkedError("operator", "who", cause, candidates=ids, also=also)


def _refuse_former(candidate: Person | Attendee, inactive: list[Person]) -> None:
    """Raise ParkedError where an inactive chart may be theirs: it is no reason for a second one."""
    former = people.match(candidate, inactive)
    of = [former.one] if former.one is not None else [*former.several]
    if of:
        ids = tuple(one.remote_id for one in of)
        raise ParkedError("patient", ids[0], "patient_inactive", candidates=ids)


def _said(run: Run, attendee: Attendee, doctor: str) -> ResolvedPatient | None:
    """The patient whom a person has said that this participant is."""
    sync = run.sync
    with sync.store.read() as conn:
        patient = decisions.patient_of(conn, attendee.remote_id)
    if patient is None:
        return None
    try:
        json = sync.drchrono.get_patient(run.ticket, patient)
    except Gone:
        return None
    shown = drchrono.to_person(json, run.mapping.addresses)
    return _meet(run, json, shown, doctor)


def _told_apart(run: Run, one: Someone, ids: list[str]) -> set[str]:
    with run.sync.store.read() as conn:
        return decisions.apart(conn, one.kind, one.remote_id, "patient", ids)


def from_index(run: Run, attendee: Attendee, doctor: str) -> ResolvedPatient | None:
    """Find them without a call: exactly one person has the e-mail, and the names agree too.

    Whom a webhook tells of is read first, which costs a call each.
    """
    sync = run.sync
    if not _read_those_told_of(run, attendee):
        return None
    with sync.store.read() as conn:
        person = by_index.the_only(conn, sync.digests, attendee)
        found = [] if person is None else patients.live_of(conn, person)
        if person is None or len(found) != 1:
            return None
        known = persons.get(conn, person)
    if known.excluded:
        raise ParkedError("operator", f"excluded:{found[0]}", None)
    shown = Person("drchrono", str(found[0]), "patient")
    return ResolvedPatient(person, shown.remote_id, known.version, doctor, shown)


def _read_those_told_of(run: Run, attendee: Attendee) -> bool:
    """Read the patients of whom only a caller said that they have this address, or have it no more.

    False when that is more than a search by e-mail and name costs.
    """
    sync = run.sync
    with sync.store.read() as conn:
        ids = person_index.to_be_read(conn, sync.digests, attendee)
    if len(ids) > TOLD_OF_MOST:
        return False
    for remote_id in ids:
        try:
            json = sync.drchrono.get_patient(run.ticket, remote_id)
        except Gone:
            with sync.store.write() as conn:
                told.settled(conn, "drchrono", "patient", remote_id)
            continue
        with sync.store.write() as conn:
            shown = drchrono.to_person(json)
            obj = _patient_row(conn, run, shown.remote_id)
            charts.note(conn, sync, obj, json, shown)
    return True


def _contact_differs(run: Run, attendee: Attendee, key: int) -> bool:
    """Whether the participant's contact has another birth date than the person it looks like.

    Asked only while none of the person's contacts is known: a linked one was compared.
    """
    with run.sync.store.read() as conn:
        if any(o.kind == "contact" and o.known for o in links.objects_of(conn, key)):
            return False
    _, contact = search.with_contact(run, attendee)
    if contact is None or not present(contact.birth_date, None):
        return False
    with run.sync.store.read() as conn:
        return not by_index.is_known_as(conn, run.sync.digests, key, contact, "email_name_birth")


def _meet(
    run: Run,
    json: dict[str, Json],
    shown: Person,
    doctor: str,
    *,
    read: bool = False,
) -> ResolvedPatient:
    with run.sync.store.write() as conn:
        obj = _patient_row(conn, run, shown.remote_id)
        charts.note(conn, run.sync, obj, json, shown)
        known = persons.get(conn, obj.aggregate)
    if known.excluded:
        raise ParkedError("operator", f"excluded:{shown.remote_id}", None)
    # What a list shows lacks the custom demographics: the hub reads for itself.
    return ResolvedPatient(
        obj.aggregate, shown.remote_id, known.version, doctor, shown, json if read else None
    )
