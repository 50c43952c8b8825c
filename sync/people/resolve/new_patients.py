"""Make the patient of a participant whom nobody knew: once, by policy (docs/rules.md, R32).

Whoever makes one holds the lease of the new person, so that two visits of somebody new can't make
two charts. A create without an outcome is found again by each thing that named it: the e-mail, the
name, the participant. Until `lost_patients` has found or denied it, nobody like it is made.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy.exc import IntegrityError

from sync.core.errors import Conflict, Gone
from sync.core.records import Attendee, Marker, Person, present
from sync.core.rules import inviting, people
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.people.resolve import in_flight, lost_patients
from sync.run import attempts
from sync.run.evidence import sealing, staleness
from sync.run.outcomes import LaterError, ParkedError
from sync.store.lanes import Hints
from sync.store.tables import blockers, claims, facts, links
from sync.store.visits import moves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from sync.core.wording import Json
    from sync.outbound.call import Answer
    from sync.outbound.gate import Ticket
    from sync.run.context import Run
    from sync.runtime import Sync
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj

BUSY = timedelta(seconds=1)
LOOK = "look"


@dataclass(frozen=True)
class Someone:
    """Whom OnCall shows: a participant of a visit, or a contact without one.

    `kind` and `remote_id` name them there. `candidate` is compared with charts, `contact` what
    OnCall knows of them besides.
    """

    kind: Literal["participant", "contact"]
    remote_id: str
    candidate: Person | Attendee
    contact: Person | None = None

    @property
    def known_as(self) -> str:
        """What a create of them is found by, besides their words: ids of two kinds may be equal."""
        return self.remote_id if self.kind == "participant" else f"contact:{self.remote_id}"


def make(
    run: Run, one: Someone, doctor: str, *, policy: str, decided: bool = False
) -> tuple[Person, dict[str, Json]]:
    """Make the patient; returns it as DrChrono answered, or as it is read when it was made before.

    `policy` says whether one may be made, in the mapping's words for `new_patients`; with LOOK an
    earlier create is looked for and none is begun. `decided`: somebody has said that it is a new
    patient.
    Raises ParkedError when the policy or DrChrono is against it, LaterError while an earlier
    attempt's outcome is unknown or another run is at it, and the RemoteErrors of the calls.
    """
    candidate = one.candidate
    if policy not in {"create", LOOK}:
        cause = "new_patient" if policy == "ask" else "participant_unmatched"
        raise _asked(run, cause, candidate)
    for row in in_flight.like(run.sync, candidate, one.known_as):
        with _held(run.sync, _lease(run, row.aggregate)) as lease:
            ticket = replace(run.ticket, lease=lease)
            made = _earlier(run, ticket, row, candidate)
        if made is not None:
            return made
    if policy == LOOK:
        raise _asked(run, "participant_unmatched", candidate)
    lacking = inviting.missing(candidate, decided=decided)
    if lacking:
        raise _asked(run, "identity_incomplete", candidate, lacking)
    row, own = _begin(run, candidate, one.known_as)
    with _held(run.sync, own) as lease:
        return _post(run, replace(run.ticket, lease=lease), row, one, doctor)


def _asked(
    run: Run, cause: str, candidate: Person | Attendee, fields: tuple[str, ...] = ()
) -> ParkedError:
    """A person is asked, until a chart with that e-mail comes. `fields` is what lacks."""
    also = blockers.email(run.sync.digests, people.keys(candidate))
    return ParkedError("operator", "who", cause, candidates=fields, also=also)


def found(run: Run, candidate: Person | Attendee, remote_id: str) -> None:
    """The search shows the patient: a create of ours without an outcome has happened."""
    sync = run.sync
    with sync.store.write() as conn:
        for row in in_flight.of(conn, sync.digests, candidate):
            if row.remote_id is None:
                moves.created(conn, row, remote_id, now=sync.clock())


@contextmanager
def _held(sync: Sync, lease: Lease) -> Iterator[Lease]:
    try:
        yield lease
    finally:
        with sync.store.write() as conn:
            claims.give_back(conn, lease)


def _lease(run: Run, key: int) -> Lease:
    """Take the new person's lease. Raises LaterError while another run has it."""
    sync = run.sync
    with sync.store.write() as conn:
        now = sync.clock()
        claims.hold(conn, run.lease, now=now, seconds=sync.settings.lease_seconds)
        lease = claims.try_lock(
            conn, key, owner=sync.owner, now=now, seconds=sync.settings.lease_seconds
        )
    if lease is None:
        raise LaterError(now + BUSY, Hints.both())
    return lease


def _begin(run: Run, candidate: Person | Attendee, participant: str) -> tuple[Obj, Lease]:
    """Write the create down under all that names it, with its lease; another run may do so too."""
    sync = run.sync
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            claims.hold(conn, run.lease, now=now, seconds=sync.settings.lease_seconds)
            person = links.new_aggregate(conn, "person", now)
            key = in_flight.create_key(sync.digests, candidate)
            row = attempts.begin(conn, person, "drchrono", "patient", key, now=now)
            in_flight.note(conn, sync.digests, person, candidate, participant)
            lease = claims.try_lock(
                conn, person, owner=sync.owner, now=now, seconds=sync.settings.lease_seconds
            )
    except IntegrityError:
        lease = None
    if lease is None:
        raise LaterError(sync.clock() + BUSY, Hints.both())
    return row, lease


def _earlier(
    run: Run, ticket: Ticket, row: Obj, candidate: Person | Attendee
) -> tuple[Person, dict[str, Json]] | None:
    """The patient of an earlier create like this one; None when it certainly made nothing.

    The row of one that made nothing is dropped: the next is written down under its own names.
    """
    sync = run.sync
    with sync.store.read() as conn:
        here = in_flight.again(conn, row)
        sent = attempts.last_sent(conn, here) if here is not None else None
    if here is None:
        return None
    if here.remote_id is None and sent is not None:
        here = lost_patients.resolve(sync, ticket, here, sent)
    if here is None or here.remote_id is None:
        with sync.store.write() as conn:
            in_flight.forget(conn, row)
        return None
    try:
        json = sync.drchrono.get_patient(ticket, here.remote_id, verbose=True)
    except Gone:
        staleness.believe_gone(sync, run.lease, here)
        raise ParkedError("patient", here.remote_id, "patient_gone") from None
    shown = drchrono.to_person(json, run.mapping.addresses)
    if people.match(candidate, [shown]).one is None:
        # Made for somebody of these words, and called otherwise now: asked, not guessed.
        raise ParkedError("patient", here.remote_id, "patient_unsure", candidates=(here.remote_id,))
    return shown, json


def _post(
    run: Run,
    ticket: Ticket,
    row: Obj,
    one: Someone,
    doctor: str,
) -> tuple[Person, dict[str, Json]]:
    sync = run.sync

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            made = drchrono.to_person(answer.json)
            moves.created(conn, row, made.remote_id, now=sync.clock(), revision=made.revision)

    def forget() -> None:
        with sync.store.write() as conn:
            in_flight.forget(conn, row)

    values = _values(one.candidate, one.contact, doctor)
    try:
        with attempts.attempt(sync, [row.id], forget):
            json = sync.drchrono.create_patient(
                ticket.then(after, fact=True),
                _body(run, values, row, doctor),
                object_id=row.id,
                fields=tuple(values),
                effect="create",
                doctor=doctor,
            )
    except Conflict:
        raise _asked(run, "duplicate_patient", one.candidate) from None
    return drchrono.to_person(json, run.mapping.addresses), json


def _values(candidate: Person | Attendee, contact: Person | None, doctor: str) -> dict[str, object]:
    values: dict[str, object] = {
        "first_name": present(candidate.first_name, ""),
        "last_name": present(candidate.last_name, ""),
        "email": present(candidate.email, ""),
        "sex": present(contact.sex, "") if contact else "",
        "doctor": doctor,
    }
    born = present(contact.birth_date, None) if contact else None
    if born is not None:
        values["birth_date"] = born
    if contact is not None and present(contact.phone, ""):
        values["phone"] = contact.phone
    return values


def _body(run: Run, values: dict[str, object], row: Obj, doctor: str) -> dict[str, Json]:
    """The POST's body, with our marker in it where the account has the field."""
    body = drchrono_bodies.patient_body(values)
    installation = run.sync.installation()
    with run.sync.store.read() as conn:
        field_id = facts.patient_field(conn, doctor)
    if installation is not None and field_id is not None:
        marker = Marker(installation, row.aggregate, 1, 1)
        marker = sealing.seal(run.sync.digests, marker, "drchrono", "patient")
        body["custom_demographics"] = drchrono_bodies.with_marker("patient", [], field_id, marker)
    return body
