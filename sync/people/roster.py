"""Make, find and bring up to date contacts of people who have no chart: whom a file names.

Each has a person of its own, so that leases, writes and the ladder of a lost answer are those of
any contact. When a chart comes, that person becomes the chart's (`chartless`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from sync.core.records import present
from sync.core.rules import people
from sync.people import by_index, chartless, contacts
from sync.run import attempts
from sync.run.outcomes import BUSY, LaterError
from sync.store.tables import claims, links

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.core.records import Person
    from sync.outbound.gate import Ticket
    from sync.runtime import Sync
    from sync.store.tables.claims import Lease
    from sync.store.tables.links import Obj


def begin(sync: Sync, person: Person, place: tuple[str, str]) -> tuple[Obj, Lease]:
    """Write the making of somebody's contact down, under a new person whose lease is ours.

    Raises LaterError where somebody else does so at this moment, or they have a chart by now.
    """
    try:
        with sync.store.write() as conn:
            now = sync.clock()
            chartless.take_turn(conn, sync.digests, person)
            _refuse_chart(conn, sync, person)
            key = links.new_aggregate(conn, "person", now)
            row = _add(conn, sync, key, person, place)
            lease = claims.try_lock(
                conn, key, owner=sync.owner, now=now, seconds=sync.settings.lease_seconds
            )
    except IntegrityError:
        lease = None
    if lease is None:
        raise LaterError(sync.clock() + BUSY)
    return row, lease


def _add(conn: Connection, sync: Sync, key: int, person: Person, place: tuple[str, str]) -> Obj:
    chartless.note(conn, sync.digests, key, person)
    return attempts.begin(
        conn,
        key,
        "oncall",
        "contact",
        chartless.create_key(sync.digests, person, place),
        now=sync.clock(),
        provider=place[0],
        division=place[1],
    )


def _refuse_chart(conn: Connection, sync: Sync, person: Person) -> None:
    """Raise LaterError for whoever has a chart by now: the next look finds it."""
    named = by_index.with_email_and_name(conn, sync.digests, person)
    if any(links.patient_row(conn, one) is not None for one in named):
        raise LaterError(sync.clock() + BUSY)


def keep(sync: Sync, person: Person, place: tuple[str, str], remote_id: str) -> Obj:
    """The row of a contact that is there, under a person of its own where it has none."""
    with sync.store.write() as conn:
        chartless.take_turn(conn, sync.digests, person)
        known = links.find(conn, "oncall", "contact", remote_id)
        if known is not None:
            return known
        now = sync.clock()
        key = links.new_aggregate(conn, "person", now)
        chartless.note(conn, sync.digests, key, person)
        return links.add(
            conn,
            key,
            "oncall",
            "contact",
            remote_id,
            now=now,
            provider=place[0],
            division=place[1],
            seen_at=now,
        )


def make(
    sync: Sync, ticket: Ticket, row: Obj, person: Person, doctor: str, record: str | None
) -> Obj | None:
    """Make the contact that `begin` has written down. Raises the RemoteErrors of the POST."""
    return contacts.post(sync, ticket, row, person, doctor, record)


def is_named(shown: Person, person: Person) -> bool:
    """Whether a contact still bears the e-mail and the name by which it was found."""
    emails = {people.normal_email(present(one.email, "")) for one in (shown, person)}
    names = {dict(people.keys(one))["email_name_birth"][1] for one in (shown, person)}
    return len(emails) == 1 and len(names) == 1
