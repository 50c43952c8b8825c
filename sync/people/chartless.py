"""Know the contacts of people whom only a file named: a patient's create takes them over.

Such a contact has a person of its own, without a patient. Both creates, the file's and the
chart's, take one turn for each e-mail and name: so neither begins without seeing the other's row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.rules import people
from sync.run import transfer
from sync.run.outcomes import BUSY, LaterError
from sync.store import objects
from sync.store.lanes import Hints
from sync.store.people import turns
from sync.store.tables import links, person_index

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.records import Person
    from sync.digests import Digests
    from sync.runtime import Sync
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj

# What the keyed index finds them under: e-mail and name, and e-mail alone.
NAMED, REACHED = "roster", "roster_email"
_HINTS = Hints.of("drchrono")


def create_key(
    digests: Digests, person: Person, place: tuple[str, str], key_id: str | None = None
) -> str:
    """The unique key of such a contact: who it is of, and their provider and division."""
    who = dict(people.keys(person))["email_name_birth"]
    return "roster:" + digests.person("roster_contact", *who, *place, key_id=key_id)


def row_of(
    conn: Connection, digests: Digests, person: Person, place: tuple[str, str]
) -> Obj | None:
    """The row of somebody's contact that a file asked for, made or in the making."""
    for key_id in digests.key_ids:
        row = objects.creating(conn, create_key(digests, person, place, key_id))
        if row is not None:
            return row
    return None


def take_turn(conn: Connection, digests: Digests, person: Person) -> None:
    """Have nobody else begin a contact of this e-mail and name until the transaction ends."""
    email, name, _birth = dict(people.keys(person))["email_name_birth"]
    turns.take(conn, digests.person(NAMED, email, name))


def note(conn: Connection, digests: Digests, key: int, person: Person) -> None:
    """Keep a person whom a file named under what a chart's create finds them by."""
    email, name, _birth = dict(people.keys(person))["email_name_birth"]
    person_index.remember(conn, digests, key, ((NAMED, (email, name)), (REACHED, (email,))))


def is_free(conn: Connection, row: Obj | None) -> bool:
    """Whether a contact is nobody's by our rows: it has none, or its person no patient."""
    if row is None:
        return True
    return not any(one.kind == "patient" for one in links.objects_of(conn, row.aggregate))


def is_any_open(conn: Connection, digests: Digests, person: Person) -> bool:
    """Whether a contact of that e-mail is being made for a file: what a list shows may be it."""
    email = dict(people.keys(person)).get("email")
    if email is None:
        return False
    found = person_index.find(conn, digests, REACHED, email)
    return any(
        row.kind == "contact" and row.remote_id is None
        for key in found
        for row in links.objects_of(conn, key)
    )


def absorb(
    conn: Connection, sync: Sync, lease: Lease, person: Person, place: tuple[str, str]
) -> bool:
    """Take over what a file began or made for this very person, before a chart's create begins.

    Whether there was any. In the transaction in which that create is written down. Raises
    LaterError while a worker is at it, or one for somebody of that e-mail and name is being made.
    """
    keys = dict(people.keys(person))
    if "email_name" not in keys:
        return False
    take_turn(conn, sync.digests, person)
    found = person_index.find(conn, sync.digests, NAMED, keys["email_name"])
    rows = [row for key in found for row in links.objects_of(conn, key) if _stands(row, place)]
    own = {create_key(sync.digests, person, place, one) for one in sync.digests.key_ids}
    theirs = sorted({row.aggregate for row in rows if row.create_key in own} - {lease.aggregate})
    if theirs:
        held = transfer.hold(conn, sync, *theirs, lease=lease, hints=_HINTS)
        for key in theirs:
            transfer.absorb(held, key, lease.aggregate, hints=_HINTS)
        return True
    if any(row.remote_id is None for row in rows):
        raise LaterError(sync.clock() + BUSY, _HINTS)
    return False


def _stands(row: Obj, place: tuple[str, str]) -> bool:
    there = (row.provider, row.division) == place
    return row.kind == "contact" and row.state != "gone" and there
