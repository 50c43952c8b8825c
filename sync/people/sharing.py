"""An address that more charts share than one household has: nothing new is offered to it.

Whoever reads that mailbox would see the visits of strangers. It is told once for each address, with
the charts that share it; who shares it is counted in the keyed index, without a call (ADR 0022).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from sync.core.rules import inviting
from sync.core.rules.people import normal_email
from sync.run.outcomes import ParkedError
from sync.runtime import Ring
from sync.store.schema import attention, blocker, object_, person_key
from sync.store.tables import blockers, facts, journal, links, person_index, work
from sync.store.tables.work import Hints, Lane

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sync.runtime import Sync

CAUSE = "email_shared"
NOBODYS = "participant_without_email"
_MOST_NAMED = 200
_FACT = "addresses"


@dataclass(frozen=True)
class Crowd:
    """Who shares one address: aggregates, and their patients' ids."""

    people: tuple[int, ...]
    patients: tuple[str, ...]

    @property
    def told(self) -> list[str]:
        """What the item says: how many charts, and which."""
        return [f"{len(self.patients)} charts", *self.patients[:_MOST_NAMED]]


def refuse(sync: Sync, email: str, patient: str) -> None:
    """Tell of an address that a crowd shares, and raise ParkedError: its visit waits."""
    if is_told(sync, email):
        ref = sync.digests.person("email", normal_email(email))
        raise ParkedError(blockers.PATIENT, patient, None, also=((blockers.ADDRESS, ref),))


def is_told(sync: Sync, email: str) -> bool:
    """Whether a crowd shares an address; it is told of then, once."""
    with sync.store.read() as conn:
        found = crowd(conn, sync, email)
    if found is None:
        return False
    with sync.store.write() as conn:
        _tell(conn, found, sync.clock())
    return True


def crowd(conn: Connection, sync: Sync, email: str) -> Crowd | None:
    """Who shares an address, where that is more than one household."""
    address = normal_email(email)
    people = person_index.find(conn, sync.digests, "email", (address,)) if address else []
    return _crowd_of(conn, sync, people, address)


def _crowd_of(conn: Connection, sync: Sync, people: list[int], address: str) -> Crowd | None:
    table = sync.mapping.addresses
    if not table.families or len(people) <= table.families:
        return None
    rows = conn.execute(
        select(object_.c.aggregate, object_.c.remote_id)
        .where(object_.c.aggregate.in_(people), object_.c.kind == "patient")
        .where(object_.c.state == "live", object_.c.remote_id.is_not(None))
        .order_by(object_.c.id)
    ).all()
    living = [row.aggregate for row in rows]
    # Under each digest key the same family has another digest.
    names = conn.execute(
        select(func.count(person_key.c.hmac.distinct()))
        .where(person_key.c.what == "family", person_key.c.person.in_(living))
        .group_by(person_key.c.key_id)
    ).scalars()
    if not table.is_crowd(address, len(rows), max(names, default=0)):
        return None
    return Crowd(tuple(living), tuple(row.remote_id for row in rows))


def _tell(conn: Connection, found: Crowd, now: datetime) -> None:
    """One open item for each address, on one of those who share it; the number is kept right."""
    item = conn.execute(
        select(attention.c.id, attention.c.candidates).where(
            attention.c.cause == CAUSE,
            attention.c.aggregate.in_(found.people),
            attention.c.closed_at.is_(None),
        )
    ).first()
    if item is None:
        journal.open_attention(conn, min(found.people), CAUSE, now=now, candidates=found.told)
    elif item.candidates != found.told:
        conn.execute(
            update(attention).where(attention.c.id == item.id).values(candidates=found.told)
        )


def settle(sync: Sync) -> tuple[Ring, ...]:
    """End the items whose charts are no crowd any more; who waited for that goes on."""
    with sync.store.write() as conn:
        now, keys = sync.clock(), set[int]()
        still: list[Crowd] = []
        refs = select(blocker.c.ref).where(blocker.c.kind == blockers.ADDRESS).distinct()
        for ref in conn.execute(refs).scalars().all():
            people = _known_by(conn, [ref])
            found = None if ref in _shared(sync) else _crowd_of(conn, sync, people, "")
            if found is not None:
                still.append(found)
                continue
            keys.update(blockers.wake(conn, blockers.ADDRESS, ref, now=now, lane=Lane.CATCHUP))
        for item in conn.execute(select(attention).where(*_open())).all():
            keys.update(_settle_item(conn, sync, item, still, now))
        return tuple(Ring(key, Lane.CATCHUP) for key in sorted(keys))


def _settle_item(
    conn: Connection, sync: Sync, item: Row[Any], still: list[Crowd], now: datetime
) -> list[int]:
    """Keep the number of an open item right, or close it and raise those whom it names."""
    own = select(person_key.c.hmac).where(
        person_key.c.person == item.aggregate, person_key.c.what == "email"
    )
    hmacs = set(conn.execute(own).scalars())
    people = _known_by(conn, hmacs)
    if not hmacs & _shared(sync) and (found := _crowd_of(conn, sync, people, "")) is not None:
        _tell(conn, found, now)
        return []
    conn.execute(update(attention).where(attention.c.id == item.id).values(closed_at=now))
    named = set((item.candidates or [])[1:])
    for other in still:
        if named & set(other.patients):
            _tell(conn, other, now)  # the one it was told on has another address by now
            return []
    rows = select(object_.c.aggregate).where(
        object_.c.kind == "patient", object_.c.remote_id.in_(named)
    )
    keys = sorted({item.aggregate, *conn.execute(rows).scalars()})
    for key in keys:
        work.raise_(conn, key, now=now, hints=Hints.both(), lane=Lane.CATCHUP)
    return keys


def mapping_changed(conn: Connection, sync: Sync, now: datetime) -> list[int]:
    """Where the mapping says anew which addresses are nobody's, who waits for one is due."""
    said = hashlib.sha256(sync.mapping.file.addresses.model_dump_json().encode()).hexdigest()[:16]
    if facts.get(conn, _FACT) == said:
        return []
    facts.put(conn, _FACT, said, now)
    conn.execute(update(attention).where(*_open()).values(closed_at=now))
    keys = links.blocked_on(conn, blockers.ADDRESS)
    told = select(attention.c.aggregate).where(
        attention.c.cause.in_((inviting.NO_EMAIL, inviting.UNCLEAR_EMAIL, NOBODYS)),
        attention.c.closed_at.is_(None),
    )
    return sorted({*keys, *conn.execute(told).scalars()})


def _known_by(conn: Connection, hmacs: Iterable[str]) -> list[int]:
    rows = select(person_key.c.person).where(
        person_key.c.what == "email", person_key.c.hmac.in_(list(hmacs))
    )
    return sorted(set(conn.execute(rows).scalars()))


def _shared(sync: Sync) -> set[str]:
    """The index's digests of the addresses that may stand in any number of charts."""
    digests = sync.digests
    return {
        digests.person("email", normal_email(one), key_id=key_id)
        for one in sync.mapping.addresses.shared
        for key_id in digests.key_ids
    }


def _open() -> tuple[ColumnElement[bool], ...]:
    return attention.c.cause == CAUSE, attention.c.closed_at.is_(None)
