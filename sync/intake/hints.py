"""Decide what follows of one caller's hint, in a transaction that others may share (ADR 0017)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync.core.records import Person, Visit
from sync.core.rules import people
from sync.intake import sightings, woken
from sync.intake.bodies import DELETED, NOTE_EVENTS
from sync.intake.sightings import Receipt, Sighting, compare, counted, raise_
from sync.mapping import out_of_scope
from sync.people import mirror
from sync.run import occurrences
from sync.run.hinted import bounds, fruitless, lists, reads
from sync.runtime import Ring
from sync.store.at_end import signals
from sync.store.lanes import Lane
from sync.store.tables import at_the_end, blockers, journal, links, person_index, told, work
from sync.store.tables.told import Told
from sync.store.tables.work import NO_WAIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from sync.mapping import Mapping
    from sync.run.hinted.turns import Hearing
    from sync.runtime import Sync
    from sync.store.known import Known


@dataclass(frozen=True, slots=True)
class Hint:
    """A caller's sighting in its transaction, with what is stored of the object.

    `mapping` is None where it can't be used just now: then nothing is judged by it.
    """

    conn: Connection
    sync: Sync
    seen: Sighting
    known: Known | None
    mapping: Mapping | None
    hearing: Hearing

    @property
    def fact(self) -> Known | None:
        """What was read of the object, or listed; None of an id that only callers speak for."""
        return None if self.known is None or reads.is_unknown(self.known.obj) else self.known


def taken_in(hint: Hint, waited_for: str | None, waiting: Sequence[RowMapping]) -> Receipt:
    """Do what follows of a hint; `waiting` are the items that wait for what it is about.

    Raises IntegrityError when another first word about the same object was faster.
    """
    conn, sync, seen, known = hint.conn, hint.sync, hint.seen, hint.known
    wait = sync.wait(conn) if waiting else NO_WAIT
    woke = woken.wake(conn, sync, waited_for, waiting, now=seen.at, wait=wait)
    if known and known.item and known.item["aggregate"] in woke:
        at_the_end.flush(conn)
        hint = replace(hint, known=replace(known, item=work.locked(conn, known.obj.aggregate)))
    if seen.event in NOTE_EVENTS:
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
    if waited_for is not None and (woke or receipt.outcome == "skipped"):
        # No run of its own follows, whose end would tell whoever looks at it just now.
        signals.note(conn, waited_for, seen.remote_id, seen.at)
    woken.spend(conn, sync, len(woke), seen.at)
    return receipt


# --- appointments ---------------------------------------------------------------------------------


def _appointment(hint: Hint) -> Receipt:
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


def _deleted(hint: Hint) -> Receipt:
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


def _note(hint: Hint) -> Receipt:
    """A locked clinical note completes a visit, where completing is carried at all."""
    known = hint.known
    completes = hint.mapping is not None and hint.mapping.policy.fee_bearing_writes
    if known is None or known.obj.state != "live" or not completes:
        return counted(hint.conn, hint.seen, "skipped")
    return raise_(hint.conn, hint.sync, hint.seen, known)


def _bare(hint: Hint) -> Receipt:
    """Take in that something changed: OnCall says no more."""
    if hint.fact is None:
        return _unheard(hint)
    return raise_(hint.conn, hint.sync, hint.seen, hint.fact)


# --- ids that no read has shown -------------------------------------------------------------------


def _unheard(hint: Hint, *, series: bool = False) -> Receipt:
    """An id that no read has shown, or that a read has denied: it is read when it is its turn."""
    conn, sync, seen = hint.conn, hint.sync, hint.seen
    wait = NO_WAIT if sightings.is_soon(sync, seen.at, seen.starts) else sync.wait(conn)
    one = replace(_said(seen), series=series)
    if isinstance(seen.shown, Person):
        key = person_index.email_key(sync.digests, seen.shown)
        one = replace(one, key_id=sync.digests.key_id, email=key)
    obj = hint.known.obj if hint.known else None
    rings = hint.hearing.hear(one, obj, wait)
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


def _patient(hint: Hint, woke: list[int], rings: tuple[Ring, ...]) -> Receipt:
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


def _note_address(hint: Hint, woke: list[int]) -> None:
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
