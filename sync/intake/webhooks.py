"""What a webhook becomes: nothing, a noted delivery, or a raised item. No remote is ever asked.

A DrChrono body carries the object, so it is digested and compared; OnCall's body is a bare hint.
Both are a caller's words (ADR 0017): they may raise work and explain an echo, and write nothing on
which a later decision rests. Each event is one transaction, and the caller answers only after it.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from sync.core.records import Absent, Person, Visit
from sync.core.rules import people
from sync.core.wire import MalformedError, identity
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.intake import woken
from sync.mapping import Mapping, MappingError, out_of_scope
from sync.oncall import translate as oncall
from sync.people import mirror
from sync.run import fruitless, hinted_ids, occurrences, rekeying
from sync.run.changes import settled
from sync.runtime import Ring, Sync
from sync.store.schema import attendance, visit
from sync.store.tables import baselines, blockers, journal, links, person_index, told, work
from sync.store.tables.links import Obj
from sync.store.tables.told import Told
from sync.store.tables.work import NO_WAIT, Hints, Lane, Wait

APPOINTMENT_EVENTS: Final = frozenset(
    {"APPOINTMENT_CREATE", "APPOINTMENT_MODIFY", "APPOINTMENT_DELETE"}
)
NOTE_EVENTS: Final = frozenset({"CLINICAL_NOTE_LOCK", "CLINICAL_NOTE_UNLOCK"})
PATIENT_EVENTS: Final = frozenset({"PATIENT_CREATE", "PATIENT_MODIFY"})
ONCALL_EVENTS: Final = frozenset({"appointment_created", "appointment_updated"})

_RACES = 4
# Numbers as both systems write them, or the day and series of a virtual occurrence (API v4).
_NUMBER = "[1-9][0-9]{0,17}"
_ID: Final = re.compile(rf"{_NUMBER}|[0-9]{{4}}-?[0-9]{{2}}-?[0-9]{{2}}_{_NUMBER}")
_WORD: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MARK: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}[Z0-9:+-]{0,7}")
# A mark is a time in an undecided zone (facts): one beyond that was never given out.
_AHEAD: Final = timedelta(days=2)


class UnusableError(ValueError):
    """A known event without a usable id."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an event, and the keys to ring for now."""

    outcome: Literal["raised", "unchanged", "skipped", "deferred", "ignored"]
    rings: tuple[Ring, ...] = ()


@dataclass(frozen=True, slots=True)
class _Event:
    source: str
    name: str
    delivery_id: str | None
    now: datetime
    wait: Wait
    credential: str
    mapping: Mapping | None = None  # None: not needed, or the file can't be used just now
    woken: list[int] = field(default_factory=list)  # what waited for what it is about


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

    Raises UnusableError for a known event without an id, SQLAlchemyError when nothing was stored.
    """
    known = event in APPOINTMENT_EVENTS | NOTE_EVENTS | PATIENT_EVENTS
    if not known:
        _count_ignored(sync, "drchrono")
        return Receipt("ignored")
    inner = payload.get("object")
    body: dict[str, Json] = inner if isinstance(inner, dict) else dict(payload)
    remote_id = _identity(body, "appointment" if event in NOTE_EVENTS else "id")
    happened = _Event(
        "drchrono",
        event,
        _short(delivery_id),
        sync.clock(),
        sync.wait(),
        f"drchrono:{credential}",
        _mapping(sync),
    )
    if event in PATIENT_EVENTS:
        return _settled(
            sync, happened, lambda conn: _patient(sync, conn, happened, remote_id, body)
        )
    if event in NOTE_EVENTS:
        return _settled(sync, happened, lambda conn: _note(sync, conn, happened, remote_id))
    return _settled(
        sync, happened, lambda conn: _appointment(sync, conn, happened, remote_id, body)
    )


def oncall_event(sync: Sync, *, payload: Map[str, Any], credential: int = 0) -> Receipt:
    """Take in one OnCall hint: the id is taken out of its `url`, which is never fetched.

    `credential` says which of the active tokens came with it: each has its own bucket.

    Raises UnusableError for a known event without an id, SQLAlchemyError when nothing was stored.
    """
    event = payload.get("event")
    if not isinstance(event, str) or event not in ONCALL_EVENTS:
        _count_ignored(sync, "oncall")
        return Receipt("ignored")
    url = payload.get("url")
    if not isinstance(url, str):
        raise UnusableError("url")
    try:
        remote_id = oncall.id_from_url(url)
    except ValueError:
        raise UnusableError("url") from None
    if not _ID.fullmatch(remote_id):
        raise UnusableError("url")
    credential_name = f"oncall:{credential}"
    happened = _Event("oncall", event, None, sync.clock(), sync.wait(), credential_name)
    return _settled(sync, happened, lambda conn: _hint(sync, conn, happened, remote_id))


def _mapping(sync: Sync) -> Mapping | None:
    """The mapping; without a usable one an event is taken in unjudged, never refused or skipped."""
    try:
        return sync.mapping
    except MappingError:
        return None


def _count_ignored(sync: Sync, source: str) -> None:
    with sync.store.write() as conn:
        journal.bump(conn, "deliveries", f"source={source},outcome=ignored")


def _identity(body: Map[str, Json], key: str) -> str:
    try:
        found = identity(body, key)
    except MalformedError:
        found = None
    if isinstance(found, Absent) or not found or not _ID.fullmatch(found):
        raise UnusableError(key)
    return found


def _short(text: str | None) -> str | None:
    return text if text and _WORD.fullmatch(text) else None


def _settled(sync: Sync, event: _Event, note: Callable[[Connection], Receipt]) -> Receipt:
    """Run one event's transaction; two first events of one object race for its row, so again."""
    for _ in range(_RACES):
        try:
            return _once(sync, event, note)
        except IntegrityError:
            continue
    return _once(sync, event, note)


def _once(sync: Sync, event: _Event, note: Callable[[Connection], Receipt]) -> Receipt:
    event.woken.clear()
    with sync.store.write() as conn:
        receipt = note(conn)
        woken.spend(conn, sync, len(event.woken), event.now)
        return receipt


def _woken(
    sync: Sync, conn: Connection, event: _Event, kind: str, ref: str, wait: Wait = NO_WAIT
) -> list[int]:
    """Raise what waits for what a caller says has changed."""
    keys = woken.wake(conn, sync, kind, ref, now=event.now, wait=wait)
    event.woken.extend(keys)
    return keys


# --- appointments ---------------------------------------------------------------------------------


def _appointment(
    sync: Sync, conn: Connection, event: _Event, remote_id: str, body: Json
) -> Receipt:
    obj = links.find(conn, "drchrono", "appointment", remote_id)
    _woken(sync, conn, event, blockers.VISIT, remote_id, event.wait)
    if event.name == "APPOINTMENT_DELETE":
        return _deleted(sync, conn, event, obj, remote_id)
    wire, shown = _read_body(event.mapping, body)
    series = _is_series(conn, remote_id, shown)
    none_of_ours = out_of_scope(event.mapping, shown) and not series
    if obj is None or hinted_ids.is_unknown(obj):
        if none_of_ours:
            return _skipped(conn, event)
        return _unheard(sync, conn, event, remote_id, obj, shown, series=series)
    if obj.state == "skipped" and not series:
        if none_of_ours:
            return _skipped(conn, event)
        links.change(conn, obj.id, state="live")
    return _compare(sync, conn, event, obj, wire, shown)


def _is_series(conn: Connection, remote_id: str, shown: Visit | None) -> bool:
    """Whether it is a series' base, as is said, or where nothing is, as we know."""
    return shown.virtual_base if shown else bool(occurrences.of_series(conn, remote_id))


def _skipped(conn: Connection, event: _Event) -> Receipt:
    """None of ours by what was said: counted, and nothing is kept, so nothing rests on it."""
    journal.bump(conn, "deliveries", f"source={event.source},outcome=skipped")
    return Receipt("skipped")


def _deferred(conn: Connection, event: _Event) -> Receipt:
    """Said of an object that was read in vain lately, too often: the next list tells."""
    journal.bump(conn, "deliveries", f"source={event.source},outcome=deferred")
    return Receipt("deferred")


def _unheard(
    sync: Sync,
    conn: Connection,
    event: _Event,
    remote_id: str,
    obj: Obj | None,
    shown: Visit | Person | None = None,
    kind: str = "appointment",
    *,
    series: bool = False,
) -> Receipt:
    """An id that no read has shown, or that a read has denied: it is read when it is its turn."""
    starts = shown.starts if isinstance(shown, Visit) else None
    wait = NO_WAIT if _is_soon(sync, event.now, starts) else event.wait
    one = replace(_said(event, kind, remote_id, shown), series=series)
    if isinstance(shown, Person):
        key = person_index.email_key(sync.digests, shown)
        one = replace(one, key_id=sync.digests.key_id, email=key)
    rings = hinted_ids.hear(conn, sync, one, obj, now=event.now, wait=wait)
    journal.bump(conn, "deliveries", f"source={event.source},outcome=raised")
    return Receipt("raised", rings)


def _said(event: _Event, kind: str, remote_id: str, shown: Visit | Person | None = None) -> Told:
    return Told(
        system=event.source,
        kind=kind,
        remote_id=remote_id,
        credential=event.credential,
        event=event.name,
        delivery_id=event.delivery_id,
        mark=_mark(shown, event.now),
        first_at=event.now,
        due=event.now,
    )


def _read_body(mapping: Mapping | None, body: Json) -> tuple[dict[str, Json], Visit | None]:
    """The body's wire form and visit; a body of unusable shape is still a hint."""
    try:
        wire = drchrono.wire("appointment", body)
        return wire, None if mapping is None else drchrono.to_visit(body, mapping)
    except MalformedError:
        return {}, None


def _compare(
    sync: Sync,
    conn: Connection,
    event: _Event,
    obj: Obj,
    wire: dict[str, Json],
    shown: Visit | Person | None,
) -> Receipt:
    item = work.locked(conn, obj.aggregate)
    stored = baselines.stored_fields(conn, [obj.id])
    rekeying.shown(conn, sync.digests, obj.id, wire, stored)
    if work.idle(item) and settled(sync.digests, obj.id, wire, stored):
        if obj.kind == "patient" or not blockers.is_asked(conn, obj.aggregate):
            return _note_delivery(sync, conn, event, obj, wire, shown, "unchanged")
        # What somebody is asked about may have been taken back: nothing explains this but a read.
        wire = {}
    if fruitless.puts_off(conn, sync, obj, event.now):
        return _deferred(conn, event)
    return _raise(sync, conn, event, obj, wire, shown)


def _note_delivery(
    sync: Sync,
    conn: Connection,
    event: _Event,
    obj: Obj,
    wire: dict[str, Json],
    shown: Visit | Person | None,
    outcome: Literal["raised", "unchanged"],
) -> Receipt:
    journal.note_delivery(
        conn,
        source=event.source,
        event=event.name,
        now=event.now,
        delivery_id=event.delivery_id,
        object=obj.id,
        mark=_mark(shown, event.now),
        key_id=sync.digests.key_id if wire else None,
        digests=sync.digests.fields(obj.id, wire) if wire else None,
        outcome=outcome,
    )
    return Receipt(outcome)


def _mark(shown: Visit | Person | None, now: datetime) -> str | None:
    """The order mark of a body, as it was sent, if it looks like one that was given out by now."""
    mark = shown.mark if shown is not None else None
    if not mark or not _MARK.fullmatch(mark):
        return None
    try:
        at = datetime.fromisoformat(mark[:19])
    except ValueError:
        return None
    return mark if at.replace(tzinfo=UTC) <= now + _AHEAD else None


def _raise(
    sync: Sync,
    conn: Connection,
    event: _Event,
    obj: Obj,
    wire: dict[str, Json] | None = None,
    shown: Visit | Person | None = None,
) -> Receipt:
    """Raise the object's aggregate, then note the delivery.

    In this order: whoever works on the aggregate holds its work item when they explain deliveries.
    """
    starts = shown.starts if isinstance(shown, Visit) else None
    wait = _wait(sync, conn, event, obj.aggregate)
    wait = NO_WAIT if _imminent(sync, conn, obj.aggregate, event.now, starts) else wait
    lane = fruitless.lane_of(conn, sync, obj, event.now)
    if event.source == "oncall" and not fruitless.may_be_read(conn, sync, obj, event.now):
        wait = fruitless.SLOW
    due = work.raise_(
        conn,
        obj.aggregate,
        now=event.now,
        hints=Hints.of(event.source),
        lane=lane,
        wait=wait,
        told=True,
    )
    _note_delivery(sync, conn, event, obj, wire or {}, shown, "raised")
    rings = (Ring(obj.aggregate, lane),) if due <= event.now else ()
    return Receipt("raised", rings)


def _wait(sync: Sync, conn: Connection, event: _Event, aggregate: int) -> Wait:
    """How long it settles: a group's members are moved one by one, and are one move."""
    shared = conn.execute(
        select(visit.c.shared).where(visit.c.aggregate == aggregate)
    ).scalar_one_or_none()
    group = sync.settings.group_settle_seconds
    if event.source != "drchrono" or not shared or group <= event.wait.settle:
        return event.wait
    return Wait(group, max(group, event.wait.longest))


def _imminent(sync: Sync, conn: Connection, aggregate: int, now: datetime, starts: object) -> bool:
    """Whether the visit, as it stands or as it is moved to (`starts`), begins soon."""
    known = conn.execute(
        select(visit.c.starts_at).where(visit.c.aggregate == aggregate)
    ).scalar_one_or_none()
    return any(_is_soon(sync, now, at) for at in (known, starts))


def _is_soon(sync: Sync, now: datetime, at: object) -> bool:
    return isinstance(at, datetime) and now <= at <= now + sync.settings.imminent


def _deleted(
    sync: Sync, conn: Connection, event: _Event, obj: Obj | None, remote_id: str
) -> Receipt:
    """A deletion names only the id. Of an unknown one it is remembered for an hour.

    So one that overtakes the answer of our own create is not lost, and nothing is silenced by it.
    """
    known = obj is not None and not hinted_ids.is_unknown(obj)
    maybe = obj is None or not known or obj.state == "skipped"
    series = maybe and bool(occurrences.of_series(conn, remote_id))
    if series and not known:
        # A series' base: its occurrences go with it.
        return _unheard(sync, conn, event, remote_id, obj, series=True)
    if obj is None or not known:
        if obj is None and told.count(conn, event.source, "deleted") < hinted_ids.MOST:
            told.say(conn, _said(event, "appointment", remote_id), "deleted", event.now)
        return _skipped(conn, event)
    if obj.state == "skipped" and not series:
        return _skipped(conn, event)
    if fruitless.puts_off(conn, sync, obj, event.now):
        return _deferred(conn, event)
    return _raise(sync, conn, event, obj)


def _note(sync: Sync, conn: Connection, event: _Event, remote_id: str) -> Receipt:
    """A locked clinical note completes a visit, where completing is carried at all."""
    obj = links.find(conn, "drchrono", "appointment", remote_id)
    if obj is None or obj.state != "live" or not _completes(event):
        return _skipped(conn, event)
    return _raise(sync, conn, event, obj)


def _completes(event: _Event) -> bool:
    return event.mapping is not None and event.mapping.policy.fee_bearing_writes


# --- patients -------------------------------------------------------------------------------------


def _patient(sync: Sync, conn: Connection, event: _Event, remote_id: str, body: Json) -> Receipt:
    """Of a patient nobody has a visit with, only the address they are said to have is noted.

    A visit can find them by it for an hour, at the price of one read; then a list has shown them.
    """
    try:
        wire, shown = drchrono.wire("patient", body), drchrono.to_person(body)
    except MalformedError:
        wire, shown = {}, None
    obj = links.find(conn, "drchrono", "patient", remote_id)
    rings = _wake(sync, conn, event, remote_id)
    linked = obj is not None and is_linked(conn, obj.aggregate)
    if not linked and not mirror.is_mirrored(event.mapping):
        _note_address(sync, conn, event, remote_id, obj, shown)
        skipped = _skipped(conn, event)
        return Receipt("raised", rings) if rings else skipped
    if obj is None or hinted_ids.is_unknown(obj):
        raised = _unheard(sync, conn, event, remote_id, obj, shown, "patient")
        return Receipt("raised", (*rings, *raised.rings))
    return _compare(sync, conn, event, obj, wire, shown)


def _note_address(
    sync: Sync,
    conn: Connection,
    event: _Event,
    remote_id: str,
    obj: Obj | None,
    shown: Person | None,
) -> None:
    key = person_index.email_key(sync.digests, shown) if shown is not None else None
    if key is None and obj is None:
        return  # nothing to be found by
    if told.count(conn, event.source, "keys") >= hinted_ids.MOST:
        hinted_ids.list_soon(conn, "drchrono_patients", event.now)
        return
    keys = people.keys(shown) if shown is not None else ()
    for kind, ref in blockers.email(sync.digests, keys, older=True):
        _woken(sync, conn, event, kind, ref)
    one = _said(event, "patient", remote_id, shown)
    told.say(conn, replace(one, key_id=sync.digests.key_id, email=key), "keys", event.now)


def _wake(sync: Sync, conn: Connection, event: _Event, remote_id: str) -> tuple[Ring, ...]:
    """Raise the visits that wait for this patient: they may have got their e-mail."""
    keys = _woken(sync, conn, event, blockers.PATIENT, remote_id, event.wait)
    return tuple(Ring(key, Lane.LIVE) for key in keys if event.wait.settle == 0)


def is_linked(conn: Connection, person: int) -> bool:
    if any(o.system == "oncall" for o in links.objects_of(conn, person)):
        return True
    attends = conn.execute(
        select(attendance.c.id).where(attendance.c.person == person).limit(1)
    ).first()
    return attends is not None


# --- OnCall's hints -------------------------------------------------------------------------------


def _hint(sync: Sync, conn: Connection, event: _Event, remote_id: str) -> Receipt:
    obj = links.find(conn, "oncall", "appointment", remote_id)
    if obj is None or hinted_ids.is_unknown(obj):
        return _unheard(sync, conn, event, remote_id, obj)
    return _raise(sync, conn, event, obj)
