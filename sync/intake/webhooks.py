"""Take in the webhooks of both systems: an item raised, an id to be read, or nothing (ADR 0017).

A DrChrono body carries the object, so what it shows is compared; OnCall's is a bare hint. Either
may be anybody's, so it raises work and explains an echo, and writes nothing on which a later
decision rests. No remote is ever asked. Each event is one transaction; the caller answers after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from sync.core.records import Person, Visit
from sync.core.rules import people
from sync.intake import bodies, sightings, woken
from sync.intake.bodies import DELETED, DRCHRONO_EVENTS, NOTE_EVENTS, ONCALL_EVENTS
from sync.intake.sightings import Receipt, Sighting, compare, counted, raise_
from sync.mapping import MappingError, out_of_scope
from sync.people import mirror
from sync.run import occurrences
from sync.run.hinted import bounds, fruitless, lists, reads, turns
from sync.runtime import Ring
from sync.store import known as stored
from sync.store.lanes import Lane
from sync.store.owed import MANY
from sync.store.tables import blockers, journal, links, person_index, told, work
from sync.store.tables.told import Told
from sync.store.tables.work import NO_WAIT

if TYPE_CHECKING:
    from collections.abc import Mapping as Map

    from sqlalchemy import Connection

    from sync.mapping import Mapping
    from sync.runtime import Sync
    from sync.store.known import Known

_RACES = 4
# Whose change may end the wait of something else.
_WAITED_FOR = {
    ("drchrono", "appointment"): blockers.VISIT,
    ("drchrono", "patient"): blockers.PATIENT,
}


def drchrono_event(
    sync: Sync,
    *,
    event: str,
    delivery_id: str | None,
    payload: Map[str, Any],
    credential: int = 0,
) -> Receipt:
    """Take in one DrChrono delivery (`payload` without its `receiver`).

    `credential` says which of the active secrets came with it: each has its own bucket.

    Raises bodies.UnusableError for a known event without an id, SQLAlchemyError when nothing was
    stored.
    """
    if event not in DRCHRONO_EVENTS:
        return _ignored(sync, "drchrono")
    mapping = _mapping(sync)
    seen = bodies.of_drchrono(
        event,
        payload,
        delivery_id=delivery_id,
        credential=credential,
        mapping=mapping,
        now=sync.clock(),
    )
    return _settled(sync, seen, mapping)


def oncall_event(sync: Sync, *, payload: Map[str, Any], credential: int = 0) -> Receipt:
    """Take in one OnCall hint.

    `credential` says which of the active tokens came with it: each has its own bucket.

    Raises bodies.UnusableError for a known event without an id, SQLAlchemyError when nothing was
    stored.
    """
    event = payload.get("event")
    if not isinstance(event, str) or event not in ONCALL_EVENTS:
        return _ignored(sync, "oncall")
    url = payload.get("url")
    seen = bodies.of_oncall(event, url, credential=credential, now=sync.clock())
    return _settled(sync, seen, None)


def _ignored(sync: Sync, source: str) -> Receipt:
    with sync.store.write() as conn:
        journal.bump(conn, "deliveries", f"source={source},outcome=ignored")
    return Receipt("ignored")


def _mapping(sync: Sync) -> Mapping | None:
    """The mapping; without a usable one an event is taken in unjudged, never refused or skipped."""
    try:
        return sync.mapping
    except MappingError:
        return None


def _settled(sync: Sync, seen: Sighting, mapping: Mapping | None) -> Receipt:
    """Run one event's transaction; two first events of one object race for its row, so again."""
    for _ in range(_RACES):
        try:
            return _once(sync, seen, mapping)
        except IntegrityError:
            continue
    return _once(sync, seen, mapping)


def _once(sync: Sync, seen: Sighting, mapping: Mapping | None) -> Receipt:
    with sync.store.write(owed_least=MANY) as conn:
        return _take_in(conn, sync, seen, mapping)


@dataclass(frozen=True, slots=True)
class _Hint:
    """A caller's sighting in its transaction, with what is stored of the object.

    `mapping` is None where it can't be used just now: then nothing is judged by it.
    """

    conn: Connection
    sync: Sync
    seen: Sighting
    known: Known | None
    mapping: Mapping | None

    @property
    def fact(self) -> Known | None:
        """What was read of the object, or listed; None of an id that only callers speak for."""
        return None if self.known is None or reads.is_unknown(self.known.obj) else self.known


def _take_in(conn: Connection, sync: Sync, seen: Sighting, mapping: Mapping | None) -> Receipt:
    """Do what follows of a caller's sighting.

    Raises IntegrityError when another first word about the same object was faster: begin again.
    """
    locked = seen.event in NOTE_EVENTS  # it shows nothing of its appointment
    waited_for = None if locked else _WAITED_FOR.get((seen.system, seen.kind))
    known, waiting = stored.load(
        conn, seen.system, seen.kind, seen.remote_id, waited_for=waited_for
    )
    wait = sync.wait(conn) if waiting else NO_WAIT
    woke = woken.wake(conn, sync, waited_for, waiting, now=seen.at, wait=wait)
    if known and known.item and known.item["aggregate"] in woke:
        known = replace(known, item=work.locked(conn, known.obj.aggregate))
    hint = _Hint(conn, sync, seen, known, mapping)
    if locked:
        return _note(hint)
    if seen.kind == "patient":
        rings = tuple(Ring(key, Lane.LIVE) for key in woke) if wait.settle == 0 else ()
        receipt = _patient(hint, woke, rings)
    elif seen.system == "oncall":
        receipt = _bare(hint)
    elif seen.event == DELETED:
        receipt = _deleted(hint)
    else:
        receipt = _appointment(hint)
    woken.spend(conn, sync, len(woke), seen.at)
    return receipt


# --- appointments ---------------------------------------------------------------------------------


def _appointment(hint: _Hint) -> Receipt:
    conn, sync, seen, fact = hint.conn, hint.sync, hint.seen, hint.fact
    shown = seen.shown if isinstance(seen.shown, Visit) else None
    # It is a series' base as is said, or where nothing is, as we know.
    series = shown.virtual_base if shown else bool(occurrences.of_series(conn, seen.remote_id))
    none_of_ours = out_of_scope(hint.mapping, shown) and not series
    if fact is None:
        return counted(conn, seen, "skipped") if none_of_ours else _unheard(hint, series=series)
    if fact.obj.state == "skipped" and not series:
        if none_of_ours:
            return counted(conn, seen, "skipped")
        links.change(conn, fact.obj.id, state="live")
    return compare(conn, sync, seen, fact)


def _deleted(hint: _Hint) -> Receipt:
    """A deletion names only the id. Of an unknown one it is remembered for an hour.

    So one that overtakes the answer of our own create is not lost, and nothing is silenced by it.
    """
    conn, seen, fact = hint.conn, hint.seen, hint.fact
    skipped = fact is not None and fact.obj.state == "skipped"
    series = (fact is None or skipped) and bool(occurrences.of_series(conn, seen.remote_id))
    if fact is None:
        if series:
            return _unheard(hint, series=True)  # a series' base: its occurrences go with it
        if hint.known is None and told.count(conn, seen.system, "deleted") < bounds.MOST:
            told.say(conn, _said(seen), "deleted", seen.at)
        return counted(conn, seen, "skipped")
    if skipped and not series:
        return counted(conn, seen, "skipped")
    if fruitless.puts_off(conn, hint.sync, fact.obj, seen.at, fact.item):
        return counted(conn, seen, "deferred")
    return raise_(conn, hint.sync, seen, fact)


def _note(hint: _Hint) -> Receipt:
    """A locked clinical note completes a visit, where completing is carried at all."""
    known = hint.known
    completes = hint.mapping is not None and hint.mapping.policy.fee_bearing_writes
    if known is None or known.obj.state != "live" or not completes:
        return counted(hint.conn, hint.seen, "skipped")
    return raise_(hint.conn, hint.sync, hint.seen, known)


def _bare(hint: _Hint) -> Receipt:
    """Take in that something changed: OnCall says no more."""
    if hint.fact is None:
        return _unheard(hint)
    return raise_(hint.conn, hint.sync, hint.seen, hint.fact)


# --- ids that no read has shown -------------------------------------------------------------------


def _unheard(hint: _Hint, *, series: bool = False) -> Receipt:
    """An id that no read has shown, or that a read has denied: it is read when it is its turn."""
    conn, sync, seen = hint.conn, hint.sync, hint.seen
    wait = NO_WAIT if sightings.is_soon(sync, seen.at, seen.starts) else sync.wait(conn)
    one = replace(_said(seen), series=series)
    if isinstance(seen.shown, Person):
        key = person_index.email_key(sync.digests, seen.shown)
        one = replace(one, key_id=sync.digests.key_id, email=key)
    obj = hint.known.obj if hint.known else None
    rings = turns.hear(conn, sync, one, obj, now=seen.at, wait=wait)
    journal.bump(conn, "deliveries", f"source={seen.system},outcome=raised")
    return Receipt("raised", rings)


def _said(seen: Sighting) -> Told:
    return Told(
        system=seen.system,
        kind=seen.kind,
        remote_id=seen.remote_id,
        credential=seen.word.credential,
        event=seen.event,
        delivery_id=seen.word.delivery_id,
        revision=seen.revision,
        first_at=seen.at,
        due=seen.at,
    )


# --- patients -------------------------------------------------------------------------------------


def _patient(hint: _Hint, woke: list[int], rings: tuple[Ring, ...]) -> Receipt:
    """Note of a patient without visits only the address that they are said to have.

    A visit can find them by it for an hour, at the price of one read; then a list has shown them.
    `woke`: the visits that waited for them, which may have got their e-mail; `rings`: those of them
    that are due now.
    """
    linked = hint.known is not None and hint.known.linked
    if not linked and not mirror.is_mirrored(hint.mapping):
        _note_address(hint, woke)
        skipped = counted(hint.conn, hint.seen, "skipped")
        return Receipt("raised", rings) if rings else skipped
    if hint.fact is None:
        return Receipt("raised", (*rings, *_unheard(hint).rings))
    return compare(hint.conn, hint.sync, hint.seen, hint.fact)


def _note_address(hint: _Hint, woke: list[int]) -> None:
    """Remember by what a chart is found from now on, and wake who waits for somebody like that."""
    conn, sync, seen = hint.conn, hint.sync, hint.seen
    who = seen.shown if isinstance(seen.shown, Person) else None
    key = person_index.email_key(sync.digests, who) if who is not None else None
    if key is None and hint.known is None:
        return  # nothing to be found by
    if told.count(conn, seen.system, "keys") >= bounds.MOST:
        lists.soon(conn, "drchrono_patients", seen.at)
        return
    keys = people.keys(who) if who is not None else ()
    for kind, ref in blockers.email(sync.digests, keys, older=True):
        woke += woken.by_address(conn, sync, kind, ref, now=seen.at)
    one = replace(_said(seen), key_id=sync.digests.key_id, email=key)
    told.say(conn, one, "keys", seen.at)
