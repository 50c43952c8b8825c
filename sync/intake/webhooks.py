"""Take in the webhooks of both systems: an item raised, an id to be read, or nothing (ADR 0017).

A DrChrono body carries the object, so what it shows is compared; OnCall's is a bare hint. Either
may be anybody's, so it raises work and explains an echo, and writes nothing on which a later
decision rests. No remote is ever asked. The caller answers after the transaction, which events
that wait at once share (ADR 0041).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sync.intake import bodies, hints
from sync.intake.bodies import DRCHRONO_EVENTS, NOTE_EVENTS, ONCALL_EVENTS
from sync.intake.hints import Hint
from sync.intake.sightings import Receipt, Sighting
from sync.intake.together import Together, Turn
from sync.mapping import MappingError
from sync.run.hinted import turns
from sync.store import known as stored
from sync.store import races, trouble
from sync.store.at_end.owed import MANY
from sync.store.known import Ask, Name
from sync.store.tables import at_the_end, baselines, blockers, journal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Mapping as Map

    from sqlalchemy import Connection

    from sync.mapping import Mapping
    from sync.runtime import Ring, Sync
    from sync.store.known import Loaded
    from sync.store.tables.baselines import StoredFields

_MOST = 32  # events of one transaction
# Whose change may end the wait of something else.
_WAITED_FOR = {
    ("drchrono", "appointment"): blockers.VISIT,
    ("drchrono", "patient"): blockers.PATIENT,
}


class _Event(NamedTuple):
    """What a caller says, and by which mapping it is judged: None where none can be used now."""

    seen: Sighting
    mapping: Mapping | None

    @property
    def ask(self) -> Ask:
        """What is to be loaded of it."""
        seen = self.seen
        name = Name(seen.system, seen.kind, seen.remote_id)
        # A locked note shows nothing of its appointment.
        sort = None if seen.event in NOTE_EVENTS else (seen.system, seen.kind)
        return Ask(name, _WAITED_FOR.get(sort) if sort else None)


class Intake:
    """Takes in the webhooks of one process, and rings for what is due.

    Those that wait at once share one transaction.
    """

    def __init__(self, sync: Sync, ring: Callable[[Sequence[Ring]], object]) -> None:
        """`ring` tells workers of what is due now; it never fails, as it may be lost."""
        self._sync = sync
        self._ring = ring
        self.together: Together[_Event, Receipt] = Together(
            self._taken_in, most=_MOST, apart=_is_of_one
        )

    def drchrono(
        self, *, event: str, delivery_id: str | None, payload: Map[str, Any], credential: int = 0
    ) -> Receipt:
        """Take in one DrChrono delivery (`payload` without its `receiver`).

        `credential` says which of the active secrets came with it: each has its own bucket.

        Raises bodies.UnusableError for a known event without an id, SQLAlchemyError when nothing
        was stored.
        """
        if event not in DRCHRONO_EVENTS:
            return self._ignored("drchrono")
        mapping = _mapping(self._sync)
        seen = bodies.of_drchrono(
            event,
            payload,
            delivery_id=delivery_id,
            credential=credential,
            mapping=mapping,
            now=self._sync.clock(),
        )
        return self.together.do(_Event(seen, mapping))

    def oncall(self, *, payload: Map[str, Any], credential: int = 0) -> Receipt:
        """Take in one OnCall hint.

        `credential` says which of the active tokens came with it: each has its own bucket.

        Raises bodies.UnusableError for a known event without an id, SQLAlchemyError when nothing
        was stored.
        """
        event = payload.get("event")
        if not isinstance(event, str) or event not in ONCALL_EVENTS:
            return self._ignored("oncall")
        url = payload.get("url")
        seen = bodies.of_oncall(event, url, credential=credential, now=self._sync.clock())
        return self.together.do(_Event(seen, None))

    def _ignored(self, source: str) -> Receipt:
        with self._sync.store.write() as conn:
            journal.bump(conn, "deliveries", f"source={source},outcome=ignored")
        return Receipt("ignored")

    def _taken_in(self, events: Sequence[_Event]) -> list[Receipt | Turn]:
        receipts = self._settled(events)
        taken = (one for one in receipts if isinstance(one, Receipt))
        self._ring([ring for receipt in taken for ring in receipt.rings])
        return receipts

    def _settled(self, events: Sequence[_Event]) -> list[Receipt | Turn]:
        """Run one transaction; one event that met another transaction begins again."""
        store = self._sync.store
        if len(events) == 1:
            return races.again(store, lambda conn: self._once(conn, events), owed_least=MANY)
        with store.write(owed_least=MANY) as conn:
            return self._once(conn, events)

    def _once(self, conn: Connection, events: Sequence[_Event]) -> list[Receipt | Turn]:
        with at_the_end.gathered(conn):
            return _take_in(conn, self._sync, events)


def _mapping(sync: Sync) -> Mapping | None:
    """The mapping; without a usable one an event is taken in unjudged, never refused or skipped."""
    try:
        return sync.mapping
    except MappingError:
        return None


def _is_of_one(failure: BaseException) -> bool:
    """Whether one event of several may be why a transaction failed: the others must not suffer."""
    if races.is_race(failure):
        return True
    return isinstance(failure, Exception) and not trouble.of_the_database(failure)


def _take_in(conn: Connection, sync: Sync, events: Sequence[_Event]) -> list[Receipt | Turn]:
    """Do what follows of callers' sightings, of each aggregate of one: the next come afterwards.

    So none sees an aggregate as it was before another's effect. They are taken in one order of
    names, in which every process comes by its rows. What another process holds, several don't wait
    for: that one is taken in alone. Raises IntegrityError when another first word
    about the same object was faster: begin again.
    """
    loaded = stored.load(conn, [event.ask for event in events], waits=len(events) == 1)
    fields = _fields(conn, events, loaded)
    hearing = turns.Hearing(conn, sync, (event.ask.name[::2] for event in events))
    receipts: list[Receipt | Turn] = [Turn.NEXT] * len(events)
    touched: set[object] = set()
    for place in sorted(range(len(events)), key=lambda n: events[n].ask.name):
        event, one = events[place], loaded[place]
        touches = _touches(event, one)
        if one.is_held:
            receipts[place] = Turn.ALONE
        elif touched.isdisjoint(touches):
            touched |= touches
            known = one.known and replace(one.known, fields=fields)
            hint = Hint(conn, sync, event.seen, known, event.mapping, hearing)
            receipts[place] = hints.taken_in(hint, event.ask.waited_for, one.waiting)
    hearing.end()
    return receipts


def _fields(conn: Connection, events: Sequence[_Event], loaded: Sequence[Loaded]) -> StoredFields:
    """What is stored of the fields of those that are shown."""
    return baselines.stored_fields(
        conn,
        [
            one.known.obj.id
            for event, one in zip(events, loaded, strict=True)
            if one.known is not None and event.seen.wire
        ],
    )


def _touches(event: _Event, one: Loaded) -> set[object]:
    """The aggregates of an event; of an id without one, the id."""
    own = event.ask.name if one.known is None else one.known.obj.aggregate
    return {own, *(int(item["aggregate"]) for item in one.waiting)}
