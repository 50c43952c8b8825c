"""Offer nothing new to an address that more charts share than one household has.

Whoever reads that mailbox would see the visits of strangers. It is told once for each address, with
the charts that share it; who shares it is counted in the keyed index, without a call (ADR 0022).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.core.rules import inviting
from sync.core.rules.people import normal_email
from sync.people import by_index
from sync.run.outcomes import ParkedError
from sync.runtime import Ring
from sync.store import attention
from sync.store.lanes import Hints, Lane
from sync.store.people import patients
from sync.store.tables import blockers, facts, person_index, work

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

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


def refusal(conn: Connection, sync: Sync, email: str, patient: str) -> ParkedError | None:
    """Tell of an address that a crowd shares; what to raise then: its visit waits."""
    found = crowd(conn, sync, email)
    if found is None:
        return None
    _tell(conn, found, sync.clock())
    ref = sync.digests.person("email", normal_email(email))
    return ParkedError(blockers.PATIENT, patient, None, also=((blockers.ADDRESS, ref),))


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
    people = by_index.with_email(conn, sync.digests, address)
    return _crowd_of(conn, sync, people, address)


def crowds_among(conn: Connection, sync: Sync, emails: Iterable[str]) -> set[str]:
    """Which of these addresses a crowd shares, as `normal_email` has them."""
    table = sync.mapping.addresses
    if not table.families:
        return set()
    known = {normal_email(one) for one in emails} - {""}
    beyond = person_index.shared_by_more(conn, sync.digests, "email", known, table.families)
    return {one for one in beyond if crowd(conn, sync, one) is not None}


def _crowd_of(conn: Connection, sync: Sync, people: list[int], address: str) -> Crowd | None:
    table = sync.mapping.addresses
    if not table.families or len(people) <= table.families:
        return None
    living = patients.of_people(conn, people)
    keys = tuple(key for key, _ in living)
    names = person_index.most_different(conn, "family", keys)
    if not table.is_crowd(address, len(living), names):
        return None
    return Crowd(keys, tuple(remote_id for _, remote_id in living))


def _tell(conn: Connection, crowd: Crowd, now: datetime) -> None:
    """One open item for each address, on one of those who share it; the number is kept right."""
    item = attention.of_one(conn, crowd.people, CAUSE)
    if item is None:
        attention.open_item(conn, min(crowd.people), CAUSE, now=now, candidates=crowd.told)
    elif item.candidates != crowd.told:
        attention.list_anew(conn, item.id, crowd.told)


def settle(sync: Sync) -> tuple[Ring, ...]:
    """End the items whose charts are no crowd any more; who waited for that goes on."""
    with sync.store.write() as conn:
        now, keys = sync.clock(), set[int]()
        still: list[Crowd] = []
        for ref in blockers.every(conn, blockers.ADDRESS):
            people = person_index.known_by(conn, "email", [ref])
            found = None if ref in _shared(sync) else _crowd_of(conn, sync, people, "")
            if found is not None:
                still.append(found)
                continue
            keys.update(blockers.wake(conn, blockers.ADDRESS, ref, now=now, lane=Lane.CATCHUP))
        for item in attention.every_open(conn, CAUSE):
            keys.update(_settle_item(conn, sync, item, still, now))
        return tuple(Ring(key, Lane.CATCHUP) for key in sorted(keys))


def _settle_item(
    conn: Connection, sync: Sync, item: attention.Item, still: list[Crowd], now: datetime
) -> list[int]:
    """Keep the number of an open item right, or close it and raise those whom it names."""
    hmacs = person_index.digests_of(conn, item.aggregate, "email")
    people = person_index.known_by(conn, "email", hmacs)
    if not hmacs & _shared(sync) and (found := _crowd_of(conn, sync, people, "")) is not None:
        _tell(conn, found, now)
        return []
    attention.close(conn, item.id, now)
    named = set(item.named[1:])
    for other in still:
        if named & set(other.patients):
            _tell(conn, other, now)  # the one it was told on has another address by now
            return []
    keys = sorted({item.aggregate, *patients.people_of(conn, named)})
    for key in keys:
        work.raise_(conn, key, now=now, hints=Hints.both(), lane=Lane.CATCHUP)
    return keys


def mapping_changed(conn: Connection, sync: Sync, now: datetime) -> list[int]:
    """Where the mapping says anew which addresses are nobody's, who waits for one is due."""
    said = hashlib.sha256(sync.mapping.file.addresses.model_dump_json().encode()).hexdigest()[:16]
    if facts.get(conn, _FACT) == said:
        return []
    facts.put(conn, _FACT, said, now)
    attention.close_every(conn, CAUSE, now)
    keys = blockers.changed(conn, blockers.ADDRESS, None, now)
    unreachable = (inviting.NO_EMAIL, inviting.UNCLEAR_EMAIL, NOBODYS)
    return sorted({*keys, *attention.aggregates_with(conn, unreachable)})


def _shared(sync: Sync) -> set[str]:
    """The index's digests of the addresses that may stand in any number of charts."""
    digests = sync.digests
    return {
        digests.person("email", normal_email(one), key_id=key_id)
        for one in sync.mapping.addresses.shared
        for key_id in digests.key_ids
    }
