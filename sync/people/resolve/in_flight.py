"""Find a patient's create whose outcome is not known, by whatever named it.

The words of a participant change between two attempts: an address is corrected, a contact's birth
date comes. So a create is kept under digests of the e-mail, of the name, and of the participant's
id; any of them finds it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.rules import people
from sync.run import attempts
from sync.store import objects
from sync.store.tables import links, person_index

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.records import Attendee, Person
    from sync.digests import Digests
    from sync.runtime import Sync
    from sync.store.tables.links import Obj

EMAIL, NAME, FOR = "making_email", "making_name", "making_for"
UNDER = (EMAIL, NAME, FOR)
UNKNOWN = ("creating", "ambiguous")


def create_key(digests: Digests, candidate: Person | Attendee, key_id: str | None = None) -> str:
    """The unique key of a create: who it is, by e-mail and name.

    Not by birth date: a participant has none, and their contact's may come between two attempts.
    Of two people with one name and one e-mail the second is never made unasked.
    """
    email, name, _birth = dict(people.keys(candidate))["email_name_birth"]
    return "patient:" + digests.person("new_patient", email, name, key_id=key_id)


def own_keys(digests: Digests, candidate: Person | Attendee) -> list[str]:
    """Every key a create of this person may stand under: older digest keys, and an older form."""
    with_birth = dict(people.keys(candidate))["email_name_birth"]
    return [
        key
        for key_id in digests.key_ids
        for key in (
            create_key(digests, candidate, key_id),
            "patient:" + digests.person("new_patient", *with_birth, key_id=key_id),
        )
    ]


def note(
    conn: Connection,
    digests: Digests,
    person: int,
    candidate: Person | Attendee,
    participant: str,
) -> None:
    """Keep a create that begins under all that names it, until the patient is known."""
    person_index.remember(conn, digests, person, _keys(candidate, participant))


def like(sync: Sync, candidate: Person | Attendee, participant: str) -> list[Obj]:
    """The creates that may have made this person: begun, and not known to have an end."""
    with sync.store.read() as conn:
        return of(conn, sync.digests, candidate, participant)


def of(
    conn: Connection, digests: Digests, candidate: Person | Attendee, participant: str = ""
) -> list[Obj]:
    """The same within a transaction; without a participant by the candidate's words alone.

    One that has made its patient counts too where its key is the candidate's own: the patient is
    there, whatever a list shows.
    """
    found: dict[int, Obj] = {}
    for key in own_keys(digests, candidate):
        own = objects.creating(conn, key)
        if own is not None:
            found[own.id] = own
    for what, parts in _keys(candidate, participant):
        for person in person_index.find(conn, digests, what, parts):
            for row in links.objects_of(conn, person):
                if row.kind == "patient" and row.state in UNKNOWN:
                    found[row.id] = row
    return list(found.values())


def again(conn: Connection, row: Obj) -> Obj | None:
    """The row as it stands now; None when its create was dropped or its patient is gone."""
    return objects.creating(conn, str(row.create_key))


def forget(conn: Connection, row: Obj) -> None:
    """Drop a create that made nothing, and what it is found by."""
    known = objects.row(conn, row.id)
    if known is None or known.remote_id is not None:
        return
    attempts.forget(conn, row.id)
    person_index.forget(conn, row.aggregate, UNDER)


def _keys(
    candidate: Person | Attendee, participant: str
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    email, name, _birth = dict(people.keys(candidate))["email_name_birth"]
    keys = ((EMAIL, (email,)), (NAME, (name,)), (FOR, (participant,)))
    return tuple((what, parts) for what, parts in keys if parts[0])
