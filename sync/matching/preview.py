"""Count what going live would match and make, and take the word to do it.

The preview is the matching's own comparison, without storing anything. Nothing is made for anybody
before `accept` (or before the matching itself where GO_LIVE is `auto`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sync.core.addresses import is_sure
from sync.core.records import Absent, Attendee, Life, Person, State, Visit, present
from sync.core.rules import inviting, people
from sync.core.rules.people import normal_email
from sync.core.rules.place import Slot, slot_of
from sync.matching import untimed
from sync.matching.compare import compare, patients_like, read_contacts, read_patients
from sync.matching.scan import ListedVisit, Scan, Together, new_scan
from sync.oncall.bodies import MOST_PARTICIPANTS
from sync.people import charts, mirror, sharing
from sync.runtime import Ring, Sync
from sync.store.lanes import Lane
from sync.store.service import installation
from sync.store.tables import blockers, facts
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed
from sync.store.visits import visits

# The calls of a new visit (DrChrono, OnCall), echoes included (docs/costs.md, C5 to C7).
TO_BE_INVITED = (3, 0)
MADE_IN_ONCALL = (0, 2)
MADE_IN_DRCHRONO = (1, 3)
NEW_CONTACT = (1, 2)
NEW_PATIENT = (3, 0)
LINKED = (2, 3)
MARKED_MEMBER = (2, 0)
MARKED_GROUP = (0, 3)


class NotConnectedError(LookupError):
    """The two accounts are not tied to this installation yet."""


@dataclass(frozen=True, slots=True)
class GoLivePreview:
    """What going live would do, in counts: calls as they usually are, mails at the most.

    `visits_linked` were matched before; `visits_matched` would be linked now. `to_decide` is by the
    cause of the attention item that a person will find. `charts_sharing_an_address` says how many
    charts the addresses have that more people share than one household has.
    """

    accepted: bool
    people_matched: int
    visits_linked: int
    visits_matched: int
    create_in_oncall: int
    create_in_drchrono: int
    new_patients: int
    new_contacts: int
    drchrono_calls: int
    oncall_calls: int
    mails: int
    to_decide: dict[str, int]
    charts_sharing_an_address: int = 0


def preview(sync: Sync) -> GoLivePreview:
    """Read both systems and count what going live would do; stores nothing but the calls.

    Raises NotConnectedError, MappingError and the RemoteErrors of the reads.
    """
    with sync.store.read() as conn:
        if installation.name(conn) is None:
            raise NotConnectedError("The accounts are not connected: drchrono-oncall connect")
    scan = new_scan(sync)
    for _page in read_patients(scan):
        pass
    counts = _Counts(scan)
    counts.contacts()
    found = compare(scan)
    waiting = {remote_id for _met, hits in found.unsure for remote_id in hits}
    counts.tell("visit_unsure", len(found.unsure))
    for _system, cause, _met in untimed.found(scan):
        counts.tell(cause)
    counts.groups(found.groups)
    counts.to_oncall(found.only_drchrono)
    counts.to_drchrono(one for one in found.only_oncall if one.visit.remote_id not in waiting)
    return counts.result(len(found.same), found.groups)


def waits(sync: Sync) -> bool:
    """Whether both systems were matched and nothing is made because nobody has accepted it yet."""
    with sync.store.read() as conn:
        pinned = installation.get(conn)
        return bool(pinned and pinned.accepted_at is None and facts.matched_doctors(conn))


def accept(sync: Sync) -> tuple[Ring, ...]:
    """Allow creating from now on, and raise what waited for that. Returns what to ring.

    Of a doctor whose visits were not matched yet nothing is made until they are. Accepting twice is
    once. Raises NotConnectedError.
    """
    with sync.store.write() as conn:
        now = sync.clock()
        if not installation.accept(conn, now):
            raise NotConnectedError("The accounts are not connected: drchrono-oncall connect")
        deeds.note(conn, Deed("go_live"), now)
        waiting = blockers.wake(conn, blockers.OPERATOR, "go-live", now=now, lane=Lane.BULK)
    return tuple(Ring(key, Lane.BULK) for key in waiting)


class _Counts:
    """What is counted along the way."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._decide: dict[str, int] = {}
        self._matched: set[tuple[str, str]] = set()  # contact id, patient id
        self._met: set[str] = set()  # patients with a contact
        self._contacts: dict[str, list[Person]] = {}  # by e-mail
        self._oncall = self._drchrono = self._invited = 0
        self._groups: dict[Slot, int] = {}  # members by where a group stands or will
        self._new_contacts: set[str] = set()
        self._new_patients: set[object] = set()
        self._crowds: set[str] = set()  # addresses

    def tell(self, cause: str, count: int = 1) -> None:
        if count:
            self._decide[cause] = self._decide.get(cause, 0) + count

    def contacts(self) -> None:
        for json in read_contacts(self._scan):
            shown = charts.contact(self._scan.sync, json)
            email = normal_email(present(shown.email, ""))
            self._contacts.setdefault(email, []).append(shown)
            one = patients_like(self._scan, shown).one
            if one is not None:
                self._matched.add((shown.remote_id, one.remote_id))
                self._met.add(one.remote_id)

    def groups(self, matched: Iterable[Together]) -> None:
        """Groups that stand in both systems; participants without an appointment get one."""
        with self._scan.sync.store.read() as conn:
            self._groups.update(visits.standing_groups(conn))
        for one in matched:
            coming = [who for who in one.visit.visit.attendees if who.cancelled is not True]
            self._groups[one.slot] = len(coming)
            known = {who.remote_id for _, who in one.members}
            for who in coming:
                if who.remote_id not in known:
                    self._participant(one.visit.visit, who, only=False)

    def to_oncall(self, alone: Iterable[ListedVisit]) -> None:
        """Appointments whose patient can be invited; the others wait for their chart."""
        for met in alone:
            if isinstance(met.visit.state, State) and met.visit.state.life is not Life.OPEN:
                continue  # rescheduled, and nothing stands for it
            patient = self._scan.people.get(str(met.visit.patient))
            cause = _cannot_be_invited(patient)
            if patient is None or cause:
                self.tell(cause)
                continue
            if self._scan.is_crowd(patient):
                # One question for each address, as the runs tell it.
                self._crowds.add(normal_email(present(patient.email, "")))
                continue
            slot = slot_of(met.visit) if met.visit.group else None
            there = self._groups.get(slot, 0) if slot is not None else 0
            if there >= MOST_PARTICIPANTS:
                self.tell("group_full")
                continue
            self._invited += 1
            self._oncall += there == 0
            if slot is not None:
                self._groups[slot] = there + 1
            if patient.remote_id not in self._met:
                self._new_contacts.add(patient.remote_id)

    def to_drchrono(self, alone: Iterable[ListedVisit]) -> None:
        """OnCall visits of patients who are known, or of one who is surely nobody known."""
        for met in alone:
            staying = [one for one in met.visit.attendees if one.cancelled is not True]
            if not staying:
                self.tell("no_participants")
            for one in staying:
                self._participant(met.visit, one, only=len(staying) == 1)

    def _participant(self, shown: Visit, attendee: Attendee, *, only: bool) -> None:
        """The appointment of one participant; among several, nobody becomes a new patient."""
        who = self._with_birth_date(attendee)
        found = people.match(who, list(self._scan.people.values()))
        if found.several:
            self.tell("patient_unsure")
        elif found.nobody and not only:
            self.tell("participant_unmatched")
        elif found.nobody and self._scan.mapping.policy.new_patients == "ask":
            self.tell("new_patient")
        elif found.nobody and self._scan.mapping.policy.new_patients == "never":
            self.tell("participant_unmatched")
        elif not normal_email(present(attendee.email, "")):
            self.tell("participant_without_email")
        elif not is_sure(present(attendee.email, "")):
            self.tell("participant_email_unclear")
        elif found.nobody and inviting.missing(who):
            self.tell("identity_incomplete")
        elif cause := self._without_doctor(shown, found.one):
            self.tell(cause)
        else:
            self._drchrono += 1
            if found.nobody:
                self._new_patients.add(people.keys(who))

    def _without_doctor(self, shown: Visit, patient: Person | None) -> str:
        """The cause for which nobody can be booked, else nothing; as `meeting.doctor_for` says."""
        mapping, division = self._scan.mapping, shown.division or ""
        if not isinstance(shown.provider, Absent):
            return ""
        if shown.provider_wire is not None:
            return "provider_unmapped"
        with self._scan.sync.store.read() as conn:
            alone = facts.get(conn, f"division_providers:{division}") in {None, "1"}
        entry = mapping.doctor(present(patient.doctor, "")) if patient else None
        own = entry is not None and entry.oncall_division == division
        known = own or (alone and mapping.only_doctor_in(division) is not None)
        return "" if known else "provider_unknown"

    def _mirror(self) -> None:
        """Everybody whose own doctor is mapped gets a contact."""
        for patient in self._scan.people.values():
            mapped = self._scan.mapping.doctor(present(patient.doctor, "")) is not None
            reachable = not _cannot_be_invited(patient) and not self._scan.is_crowd(patient)
            if mapped and patient.remote_id not in self._met and reachable:
                self._new_contacts.add(patient.remote_id)

    def _with_birth_date(self, who: Attendee) -> Attendee | Person:
        """Give the birth date of the contact with a participant's e-mail and name.

        A participant has none (docs/rules.md, R31).
        """
        same = self._contacts.get(normal_email(present(who.email, "")), [])
        return people.match(who, same).one or who

    def result(self, same: int, groups: list[Together]) -> GoLivePreview:
        scan = self._scan
        self.tell(sharing.CAUSE, len(self._crowds))
        with scan.sync.store.read() as conn:
            linked = visits.count_linked(conn, scan.now)
            accepted = installation.accepted_at(conn)
        if mirror.is_mirrored(scan.mapping):
            self._mirror()
        contacts = len(self._new_contacts) + len(self._new_patients)
        times = (
            (self._invited, TO_BE_INVITED),
            (self._oncall, MADE_IN_ONCALL),
            (self._drchrono, MADE_IN_DRCHRONO),
            (contacts, NEW_CONTACT),
            (len(self._new_patients), NEW_PATIENT),
            (same, LINKED),
            (sum(len(one.members) for one in groups), MARKED_MEMBER),
            (len(groups), MARKED_GROUP),
        )
        return GoLivePreview(
            accepted=accepted is not None,
            people_matched=len(self._matched),
            visits_linked=linked,
            visits_matched=same + len(groups),
            create_in_oncall=self._oncall,
            create_in_drchrono=self._drchrono,
            new_patients=len(self._new_patients),
            new_contacts=contacts,
            drchrono_calls=sum(count * cost[0] for count, cost in times),
            oncall_calls=sum(count * cost[1] for count, cost in times),
            mails=self._invited,
            to_decide=dict(sorted(self._decide.items())),
            charts_sharing_an_address=sum(len(scan.by_email[one]) for one in self._crowds),
        )


def _cannot_be_invited(patient: Person | None) -> str:
    """The cause for which an appointment's patient gets no invitation, else nothing."""
    return "patient_gone" if patient is None else inviting.refusal(patient)
