"""Making the patient of a participant whom nobody knew: once, by policy (the guide's flow).

The create key is a digest of who it is, so that two visits of one new person can't make two charts.
A POST whose answer was not read *has happened* until two looks apart deny it; a look is the search
for everybody with that e-mail or name, which each run makes before it comes here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sync.core import people
from sync.core.errors import Conflict
from sync.core.records import Attendee, Marker, Person, present
from sync.drchrono import bodies as drchrono_bodies
from sync.drchrono import translate as drchrono
from sync.engine import attempts, facts
from sync.engine.outcomes import LaterError, ParkedError
from sync.store import links, work
from sync.store.work import Hints

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.wording import Json
    from sync.engine.visits import VisitRun
    from sync.outbound.call import Answer
    from sync.store.links import Obj


def make(
    started: VisitRun,
    candidate: Person | Attendee,
    contact: Person | None,
    doctor: str,
    *,
    asked: bool = False,
) -> tuple[Person, dict[str, Json]]:
    """Make the patient; returns it as DrChrono answered.

    `asked`: somebody has said that it is a new patient, so the policy need not say so.
    Raises ParkedError when the policy or DrChrono is against it, LaterError while an earlier
    attempt's outcome is unknown, and the RemoteErrors of the call.
    """
    sync = started.sync
    policy = "create" if asked else started.mapping.policy.new_patients
    if policy != "create":
        cause = "new_patient" if policy == "ask" else "participant_unmatched"
        raise ParkedError("operator", "who", cause)
    row = _row(started, candidate)

    def after(conn: Connection, answer: Answer) -> None:
        if isinstance(answer.json, dict):
            made = drchrono.to_person(answer.json)
            links.created(conn, row, made.remote_id, now=sync.clock(), mark=made.mark)

    values = _values(candidate, contact, doctor)
    try:
        with attempts.attempt(sync, [row.id], lambda: _forget(started, row)):
            json = sync.drchrono.create_patient(
                started.ticket.then(after, fact=True),
                _body(started, values, row, doctor),
                object_id=row.id,
                fields=tuple(values),
                effect="create",
                doctor=doctor,
            )
    except Conflict:
        raise ParkedError("operator", "who", "duplicate_patient") from None
    return drchrono.to_person(json), json


def found(started: VisitRun, candidate: Person | Attendee, remote_id: str) -> None:
    """The search shows the patient: a create of ours without an outcome has happened."""
    with started.sync.store.write() as conn:
        row = links.creating(conn, _key(started, candidate))
        if row is not None and row.remote_id is None:
            links.created(conn, row, remote_id, now=started.sync.clock())


def _key(started: VisitRun, candidate: Person | Attendee) -> str:
    """The create's key; that of an attempt under an older digest key, while there is one."""
    digests = started.sync.digests
    identity = dict(people.keys(candidate))["email_name_birth"]
    keys = {
        key_id: "patient:" + digests.person("new_patient", *identity, key_id=key_id)
        for key_id in digests.key_ids
    }
    with started.sync.store.read() as conn:
        older = [key for key in keys.values() if links.creating(conn, key) is not None]
    return older[0] if older else keys[digests.key_id]


def _row(started: VisitRun, candidate: Person | Attendee) -> Obj:
    """The row of this create: a new one, or that of an attempt that certainly made nothing."""
    sync, key = started.sync, _key(started, candidate)
    with sync.store.write() as conn:
        now = sync.clock()
        work.hold(conn, started.state.lease, now=now, seconds=sync.settings.lease_seconds)
        row = links.creating(conn, key)
        if row is None:
            person = links.new_aggregate(conn, "person", now)
            return attempts.begin(conn, person, "drchrono", "patient", key, now=now)
        sent = attempts.last_sent(conn, row)
    if row.remote_id is not None:
        raise ParkedError("operator", "who", "patient_unsure", candidates=(row.remote_id,))
    if sent is not None:
        _denied(started, row, sent)
    return row


def _denied(started: VisitRun, row: Obj, sent: datetime) -> None:
    """Return when two looks apart have not shown the patient; else raise LaterError."""
    sync, now = started.sync, started.state.now
    ready = attempts.counts_from(sync, row, sent)
    if now < ready:
        raise LaterError(ready, Hints.both())
    if not attempts.is_denied(row):
        with sync.store.write() as conn:
            links.change(conn, row.id, state="ambiguous", looks=row.looks + 1, looked_at=now)
        raise LaterError(now + timedelta(seconds=sync.settings.apart_seconds), Hints.both())
    with sync.store.write() as conn:
        attempts.known(conn, row)
        links.change(conn, row.id, state="creating", looks=0, looked_at=None)


def _values(candidate: Person | Attendee, contact: Person | None, doctor: str) -> dict[str, object]:
    values: dict[str, object] = {
        "first_name": present(candidate.first_name, ""),
        "last_name": present(candidate.last_name, ""),
        "email": present(candidate.email, ""),
        "sex": present(contact.sex, "") if contact else "",
        "doctor": doctor,
    }
    if contact is not None and present(contact.birth_date, None):
        values["birth_date"] = contact.birth_date
    if contact is not None and present(contact.phone, ""):
        values["phone"] = contact.phone
    return values


def _body(started: VisitRun, values: dict[str, object], row: Obj, doctor: str) -> dict[str, Json]:
    """The POST's body, with our marker in it where the account has the field."""
    body = drchrono_bodies.patient_body(values)
    installation = started.sync.installation()
    with started.sync.store.read() as conn:
        field_id = facts.patient_field(conn, doctor)
    if installation is not None and field_id is not None:
        marker = Marker(installation, row.aggregate, 1, 1)
        body["custom_demographics"] = drchrono_bodies.with_marker("patient", [], field_id, marker)
    return body


def _forget(started: VisitRun, row: Obj) -> None:
    with started.sync.store.write() as conn:
        links.forget_create(conn, row.id)
