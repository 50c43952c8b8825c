"""Say by the keyed index, without a call, which of the people we have read somebody is.

Nobody else asks the index who a participant, a contact or a chart is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.core.records import Person, present
from sync.core.rules import people
from sync.core.rules.people import normal_email
from sync.store.tables import person_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from sync.core.records import Attendee
    from sync.digests import Digests


def with_email(conn: Connection, digests: Digests, email: str) -> list[int]:
    """Everybody who has an address."""
    address = normal_email(email)
    return person_index.find(conn, digests, "email", (address,)) if address else []


def with_email_and_name(conn: Connection, digests: Digests, who: Person | Attendee) -> list[int]:
    """Everybody whose e-mail and name are those of `who`."""
    keys = dict(people.keys(who))
    if "email_name" not in keys:
        return []
    return person_index.find(conn, digests, "email_name", keys["email_name"])


def the_only(conn: Connection, digests: Digests, who: Person | Attendee) -> int | None:
    """The one person who has that e-mail, when the names agree too.

    None also where the index can't say that nobody else has it: the search by the API tells.
    """
    by_email = with_email(conn, digests, present(who.email, ""))
    if len(by_email) != 1 or by_email != with_email_and_name(conn, digests, who):
        return None
    return by_email[0] if person_index.is_whole(conn, digests) else None


def nobody_else_has(conn: Connection, digests: Digests, email: str) -> bool:
    """Whether one person has an address, and nobody else can."""
    whole = person_index.is_whole(conn, digests)
    return whole and len(with_email(conn, digests, email)) == 1


def those_coming(conn: Connection, digests: Digests, attendees: Iterable[Attendee]) -> set[int]:
    """The people whom a visit's participants may be, by e-mail and name."""
    found = (with_email_and_name(conn, digests, who) for who in attendees)
    return {person for each in found for person in each}


def is_known_as(conn: Connection, digests: Digests, person: int, who: Person, what: str) -> bool:
    """Whether a person is known under that key of `who`, who must have a birth date."""
    key = dict(people.known_by(who)).get(what)
    if key is None or present(who.birth_date, None) is None:
        return False
    return person in person_index.find(conn, digests, what, key)
