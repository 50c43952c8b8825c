"""Find known people by e-mail and name in the keyed index, without a call.

It holds who was read. Whom only a webhook told of is noted apart, and read before it counts.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, bindparam, delete, func, select

from sync.core.records import Attendee, Person
from sync.core.rules import people
from sync.digests import Digests
from sync.store import upsert
from sync.store.schema import ONE, object_, person_key
from sync.store.tables import blockers, told

Keys = Sequence[tuple[str, tuple[str, ...]]]


_KEYS = select(person_key.c.what, person_key.c.key_id, person_key.c.hmac).where(
    person_key.c.person == bindparam("of")
)


def remember(
    conn: Connection, digests: Digests, person: int, keys: Keys, *, now: datetime | None = None
) -> None:
    """Replace what the index knows of a person (an aggregate) by these keys.

    With `now`, visits that wait for somebody with this e-mail are raised.
    """
    rows = [
        {
            "person": person,
            "what": what,
            "key_id": digests.key_id,
            "hmac": digests.person(what, *parts),
        }
        for what, parts in dict(keys).items()
    ]
    known = {tuple(row) for row in conn.execute(_KEYS, {"of": person})}
    if known != {(row["what"], row["key_id"], row["hmac"]) for row in rows}:
        conn.execute(delete(person_key).where(person_key.c.person == person))
    else:
        rows = []
    if rows:
        # The patient's own webhook may be indexing them at this very moment.
        conn.execute(upsert.insert(conn, person_key).on_conflict_do_nothing(), rows)
    if now is not None:
        for kind, ref in blockers.email(digests, keys, older=True):
            blockers.wake(conn, kind, ref, now=now)


def remember_all(conn: Connection, digests: Digests, known: Mapping[int, Keys]) -> None:
    """The same for a page of a list, in few statements; nobody who waits is raised."""
    wanted = {
        person: {
            (what, digests.key_id, digests.person(what, *parts))
            for what, parts in dict(keys).items()
        }
        for person, keys in known.items()
    }
    stored: dict[int, set[tuple[str, str, str]]] = {}
    query = select(person_key).where(person_key.c.person.in_(list(wanted)))
    for row in conn.execute(query):
        stored.setdefault(row.person, set()).add((row.what, row.key_id, row.hmac))
    other = [person for person, rows in wanted.items() if stored.get(person, set()) != rows]
    if other:
        conn.execute(delete(person_key).where(person_key.c.person.in_(other)))
        rows = [
            {"person": person, "what": what, "key_id": key_id, "hmac": hmac}
            for person in other
            for what, key_id, hmac in sorted(wanted[person])
        ]
        conn.execute(upsert.insert(conn, person_key).on_conflict_do_nothing(), rows)


# Under another key the same words have another digest: the digest alone says which key it is of.
_FIND = (
    select(person_key.c.person)
    .where(
        person_key.c.what == bindparam("sort"),
        person_key.c.hmac.in_(bindparam("any_of", expanding=True)),
    )
    .distinct()
)


def find(conn: Connection, digests: Digests, what: str, parts: tuple[str, ...]) -> list[int]:
    """The people (aggregates) known under a key, under any configured digest key."""
    hmacs = [digests.person(what, *parts, key_id=key_id) for key_id in digests.key_ids]
    return sorted(conn.execute(_FIND, {"sort": what, "any_of": hmacs}).scalars())


def is_readable(conn: Connection, digests: Digests, person: int) -> bool:
    """Whether all that the index knows of a person is under keys of ours."""
    found = select(person_key.c.person).where(
        person_key.c.person == person, person_key.c.key_id.not_in(digests.key_ids)
    )
    return conn.execute(found.limit(ONE)).first() is None


def is_whole(conn: Connection, digests: Digests) -> bool:
    """Whether the index can say that nobody else is known by something: it can read all of it."""
    ours = sorted(digests.key_ids)
    # Before, between and behind our keys (hexadecimal, so of one order everywhere) is nothing:
    # each is looked up, as whatever lies there would have to be read through.
    ends = [None, *ours], [*ours, None]
    others = (_first_between(after, before) for after, before in zip(*ends, strict=True))
    return all(one is None for one in conn.execute(select(*others)).one())


def _first_between(after: str | None, before: str | None) -> ScalarSelect[str]:
    """The first key of the index between two, by their order.

    By its lowest value, and not by whether one exists: PostgreSQL would answer that of whatever
    keys by reading on until it meets one, which is to the end.
    """
    found = select(func.min(person_key.c.key_id))
    if after is not None:
        found = found.where(person_key.c.key_id > after)
    if before is not None:
        found = found.where(person_key.c.key_id < before)
    return found.scalar_subquery()


def is_current(conn: Connection, digests: Digests, person: int) -> bool:
    """Whether nothing that the index knows of a person is under an older key."""
    found = select(person_key.c.person).where(
        person_key.c.person == person, person_key.c.key_id != digests.key_id
    )
    return conn.execute(found.limit(ONE)).first() is None


def email_key(digests: Digests, who: Person) -> str | None:
    """The keyed digest of somebody's address, under the current key; None without an address."""
    email = dict(people.keys(who)).get("email")
    return None if email is None else digests.person("email", *email)


def to_be_read(conn: Connection, digests: Digests, who: Attendee | Person) -> list[str]:
    """The patients to be read before the index is asked for somebody's address.

    Those who are said to have it by now, and those who had it when they were read and of whom
    something was said since.
    """
    email = dict(people.keys(who)).get("email")
    if email is None:
        return []
    said = [(key, digests.person("email", *email, key_id=key)) for key in digests.key_ids]
    had = conn.execute(
        select(object_.c.remote_id).where(
            object_.c.aggregate.in_(find(conn, digests, "email", email)),
            object_.c.system == "drchrono",
            object_.c.kind == "patient",
            object_.c.remote_id.is_not(None),
        )
    )
    doubted = told.of_patients(conn, list(had.scalars()))
    return sorted({*told.patients_with(conn, said), *doubted})


# --- by what is stored ----------------------------------------------------------------------------


def digests_of(conn: Connection, person: int, what: str) -> set[str]:
    """The digests of one sort that a person is known by, under any key."""
    own = person_key.c.person == person, person_key.c.what == what
    return set(conn.execute(select(person_key.c.hmac).where(*own)).scalars())


def known_by(conn: Connection, what: str, hmacs: Collection[str]) -> list[int]:
    """The people known by any of these digests."""
    rows = select(person_key.c.person).where(
        person_key.c.what == what, person_key.c.hmac.in_(hmacs)
    )
    return sorted(set(conn.execute(rows).scalars()))


def shared_by_more(
    conn: Connection, digests: Digests, what: str, among: Collection[str], most: int
) -> set[str]:
    """Which of these one-part keys more than so many people are known by, if under several keys."""
    hmacs = {
        digests.person(what, one, key_id=key_id): one for one in among for key_id in digests.key_ids
    }
    counted: dict[str, int] = {}
    rows = conn.execute(
        select(person_key.c.hmac, func.count(person_key.c.person.distinct()))
        .where(person_key.c.what == what, person_key.c.hmac.in_(list(hmacs)))
        .group_by(person_key.c.hmac)
    )
    for hmac, count in rows:
        counted[hmacs[hmac]] = counted.get(hmacs[hmac], 0) + count
    return {one for one, count in counted.items() if count > most}


def with_each(
    conn: Connection, digests: Digests, what: str, among: Collection[tuple[str, ...]]
) -> dict[tuple[str, ...], set[int]]:
    """The people known by each of these keys, under any configured digest key."""
    hmacs = {
        digests.person(what, *one, key_id=key_id): one
        for one in among
        for key_id in digests.key_ids
    }
    found: dict[tuple[str, ...], set[int]] = {}
    rows = conn.execute(
        select(person_key.c.hmac, person_key.c.person).where(
            person_key.c.what == what, person_key.c.hmac.in_(list(hmacs))
        )
    )
    for hmac, person in rows:
        found.setdefault(hmacs[hmac], set()).add(person)
    return found


def with_any(conn: Connection, people: Collection[int], what: str) -> set[int]:
    """Which of these people are known by a key of that sort at all."""
    rows = select(person_key.c.person).where(
        person_key.c.person.in_(people), person_key.c.what == what
    )
    return set(conn.execute(rows.distinct()).scalars())


def most_different(conn: Connection, what: str, among: Collection[int]) -> int:
    """How many digests of one sort these people have, under the key with the most of them.

    Under each digest key the same words have another digest.
    """
    counts = conn.execute(
        select(func.count(person_key.c.hmac.distinct()))
        .where(person_key.c.what == what, person_key.c.person.in_(among))
        .group_by(person_key.c.key_id)
    )
    return max(counts.scalars(), default=0)


def forget(conn: Connection, person: int, what: Collection[str]) -> None:
    """Let a person be found no more by keys of these sorts."""
    own = person_key.c.person == person, person_key.c.what.in_(what)
    conn.execute(delete(person_key).where(*own))
