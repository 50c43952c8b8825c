"""What a webhook becomes: nothing, a noted delivery, or a raised item. No remote is ever asked.

A DrChrono body carries the object, so it is digested and compared; OnCall's body is a bare hint.
Each event is one transaction, and the caller answers only after it.
"""

import re
from collections.abc import Mapping as Map
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from sync.core import people
from sync.core.group import is_group
from sync.core.records import Absent, Person, Visit
from sync.core.wire import MalformedError, identity
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.engine import everyone, index, joining, occurrences, rekeying, waiting
from sync.engine.context import Ring, Sync
from sync.engine.seen import settled
from sync.mapping import Mapping, MappingError
from sync.oncall import translate as oncall
from sync.store import baselines, journal, links, work
from sync.store.links import Obj
from sync.store.schema import attendance, visit
from sync.store.work import NO_WAIT, Hints, Lane, Wait

APPOINTMENT_EVENTS: Final = frozenset(
    {"APPOINTMENT_CREATE", "APPOINTMENT_MODIFY", "APPOINTMENT_DELETE"}
)
NOTE_EVENTS: Final = frozenset({"CLINICAL_NOTE_LOCK", "CLINICAL_NOTE_UNLOCK"})
PATIENT_EVENTS: Final = frozenset({"PATIENT_CREATE", "PATIENT_MODIFY"})
ONCALL_EVENTS: Final = frozenset({"appointment_created", "appointment_updated"})

_RACES = 4
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MARK: Final = re.compile(r"[0-9A-Za-z:.+ -]{1,40}")


class UnusableError(ValueError):
    """A known event without a usable id."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an event, and the keys to ring for now."""

    outcome: Literal["raised", "unchanged", "skipped", "ignored"]
    rings: tuple[Ring, ...] = ()


@dataclass(frozen=True, slots=True)
class _Event:
    source: str
    name: str
    delivery_id: str | None
    now: datetime
    wait: Wait
    mapping: Mapping | None = None  # None: not needed, or the file can't be used just now


def drchrono_event(
    sync: Sync, *, event: str, delivery_id: str | None, payload: Map[str, Any]
) -> Receipt:
    """Take in one DrChrono delivery (`payload` without its `receiver`).

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
        "drchrono", event, _short(delivery_id), sync.clock(), sync.wait(), _mapping(sync)
    )
    if event in PATIENT_EVENTS:
        return _settled(sync, lambda conn: _patient(sync, conn, happened, remote_id, body))
    if event in NOTE_EVENTS:
        return _settled(sync, lambda conn: _note(sync, conn, happened, remote_id))
    return _settled(sync, lambda conn: _appointment(sync, conn, happened, remote_id, body))


def oncall_event(sync: Sync, *, payload: Map[str, Any]) -> Receipt:
    """Take in one OnCall hint: the id is taken out of its `url`, which is never fetched.

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
    happened = _Event("oncall", event, None, sync.clock(), sync.wait())
    return _settled(sync, lambda conn: _hint(sync, conn, happened, remote_id))


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
    return text if text and _ID.fullmatch(text) else None


def _settled(sync: Sync, note: Any) -> Receipt:
    """Run one event's transaction; two first events of one object race for its row, so again."""
    for _ in range(_RACES):
        try:
            with sync.store.write() as conn:
                receipt: Receipt = note(conn)
                return receipt
        except IntegrityError:
            continue
    with sync.store.write() as conn:
        last: Receipt = note(conn)
        return last


# --- appointments ---------------------------------------------------------------------------------


def _appointment(
    sync: Sync, conn: Connection, event: _Event, remote_id: str, body: Json
) -> Receipt:
    obj = links.find(conn, "drchrono", "appointment", remote_id)
    waiting.wake(conn, waiting.VISIT, remote_id, now=event.now, wait=event.wait)
    if event.name == "APPOINTMENT_DELETE":
        return _deleted(sync, conn, event, obj, remote_id)
    wire, shown = _read_body(event.mapping, body)
    if obj is None:
        real = occurrences.known_as(conn, sync, shown, body)
        if real is not None:
            # Whatever else it says, it can bear our marker now.
            _note_delivery(sync, conn, event, real, {}, shown, "raised")
            return _raise(sync, conn, event, real.aggregate, shown)
        skipped = out_of_scope(event.mapping, shown)
        key = links.new_aggregate(conn, "visit", event.now)
        state = "skipped" if skipped else "live"
        obj = links.add(conn, key, "drchrono", "appointment", remote_id, now=event.now, state=state)
        if skipped and not _is_series(conn, remote_id, shown):
            return _note_delivery(sync, conn, event, obj, wire, shown, "skipped")
        occurrences.note(conn, key, shown)
    elif obj.state == "gone":
        return _note_delivery(sync, conn, event, obj, wire, shown, "skipped")
    elif obj.state == "skipped" and not _is_series(conn, remote_id, shown):
        if out_of_scope(event.mapping, shown):
            return _note_delivery(sync, conn, event, obj, wire, shown, "skipped")
        links.change(conn, obj.id, state="live")
    return _compare(sync, conn, event, obj, wire, shown)


def _is_series(conn: Connection, remote_id: str, shown: Visit | None) -> bool:
    """Whether it is a series' base, as is said, or where nothing is, as we know."""
    return shown.virtual_base if shown else bool(occurrences.of_series(conn, remote_id))


def _read_body(mapping: Mapping | None, body: Json) -> tuple[dict[str, Json], Visit | None]:
    """The body's wire form and visit; a body of unusable shape is still a hint."""
    try:
        wire = drchrono.wire("appointment", body)
        return wire, None if mapping is None else drchrono.to_visit(body, mapping)
    except MalformedError:
        return {}, None


def out_of_scope(mapping: Mapping | None, shown: Visit | None) -> bool:
    """Whether the body alone shows that the appointment is none of ours."""
    if mapping is None or shown is None:
        return False
    if shown.is_break or shown.virtual_base or shown.type is None:
        return True
    doctor, office = shown.provider, shown.office
    if isinstance(doctor, Absent):
        return False
    if mapping.doctor(doctor) is None:
        return True
    return not isinstance(office, Absent) and not mapping.works_in(doctor, office)


def _compare(
    sync: Sync,
    conn: Connection,
    event: _Event,
    obj: Obj,
    wire: dict[str, Json],
    shown: Visit | None,
) -> Receipt:
    item = work.locked(conn, obj.aggregate)
    stored = baselines.stored_fields(conn, [obj.id])
    rekeying.shown(conn, sync.digests, obj.id, wire, stored)
    if work.idle(item) and settled(sync.digests, obj.id, wire, stored):
        if not links.is_blocked(conn, obj.aggregate, "operator"):
            return _note_delivery(sync, conn, event, obj, wire, shown, "unchanged")
        # What somebody is asked about may have been taken back: nothing explains this but a read.
        wire = {}
    _note_delivery(sync, conn, event, obj, wire, shown, "raised")
    if item is None and shown is not None:
        joining.note_place(conn, obj.aggregate, shown)
    return _raise(sync, conn, event, obj.aggregate, shown)


def _note_delivery(
    sync: Sync,
    conn: Connection,
    event: _Event,
    obj: Obj,
    wire: dict[str, Json],
    shown: Visit | Person | None,
    outcome: Literal["raised", "unchanged", "skipped"],
) -> Receipt:
    journal.note_delivery(
        conn,
        source=event.source,
        event=event.name,
        now=event.now,
        delivery_id=event.delivery_id,
        object=obj.id,
        mark=_mark(shown),
        key_id=sync.digests.key_id if wire else None,
        digests=sync.digests.fields(obj.id, wire) if wire else None,
        outcome=outcome,
    )
    return Receipt(outcome)


def _mark(shown: Visit | Person | None) -> str | None:
    """The order mark of a body, if it looks like one: it is kept as it was sent."""
    mark = shown.mark if shown is not None else None
    return mark if mark and _MARK.fullmatch(mark) else None


def _raise(
    sync: Sync, conn: Connection, event: _Event, aggregate: int, shown: Visit | None = None
) -> Receipt:
    wait = _wait(sync, conn, event, aggregate)
    wait = NO_WAIT if _imminent(sync, conn, aggregate, event.now, shown) else wait
    due = work.raise_(
        conn, aggregate, now=event.now, hints=Hints.of(event.source), lane=Lane.LIVE, wait=wait
    )
    rings = (Ring(aggregate, Lane.LIVE),) if due <= event.now else ()
    return Receipt("raised", rings)


def _wait(sync: Sync, conn: Connection, event: _Event, aggregate: int) -> Wait:
    """How long it settles: a group's members are moved one by one, and are one move."""
    slot = conn.execute(
        select(visit.c.slot_key).where(visit.c.aggregate == aggregate)
    ).scalar_one_or_none()
    group = sync.settings.group_settle_seconds
    if event.source != "drchrono" or not is_group(slot) or group <= event.wait.settle:
        return event.wait
    return Wait(group, max(group, event.wait.longest))


def _imminent(
    sync: Sync, conn: Connection, aggregate: int, now: datetime, shown: Visit | None
) -> bool:
    """Whether the visit, as it stands or as it is moved to, begins soon: then nothing waits."""
    known = conn.execute(
        select(visit.c.starts_at).where(visit.c.aggregate == aggregate)
    ).scalar_one_or_none()
    starts = [known, shown.starts if shown is not None else None]
    return any(
        isinstance(at, datetime) and now <= at <= now + sync.settings.imminent for at in starts
    )


def _deleted(
    sync: Sync, conn: Connection, event: _Event, obj: Obj | None, remote_id: str
) -> Receipt:
    """A deletion names only the id. One we never heard of leaves a tombstone that stays."""
    if (obj is None or obj.state == "skipped") and occurrences.of_series(conn, remote_id):
        # A series' base: its occurrences go with it.
        obj = links.first_sight(conn, "drchrono", "appointment", remote_id, now=event.now)
        links.change(conn, obj.id, state="skipped")
        _note_delivery(sync, conn, event, obj, {}, None, "raised")
        return _raise(sync, conn, event, obj.aggregate)
    if obj is None:
        key = links.new_aggregate(conn, "visit", event.now)
        obj = links.add(
            conn, key, "drchrono", "appointment", remote_id, now=event.now, state="gone"
        )
    if obj.state != "live":
        links.change(conn, obj.id, state="gone")
        return _note_delivery(sync, conn, event, obj, {}, None, "skipped")
    _note_delivery(sync, conn, event, obj, {}, None, "raised")
    return _raise(sync, conn, event, obj.aggregate)


def _note(sync: Sync, conn: Connection, event: _Event, remote_id: str) -> Receipt:
    """A locked clinical note completes a visit, where completing is carried at all."""
    obj = links.find(conn, "drchrono", "appointment", remote_id)
    if obj is None or obj.state != "live" or not _completes(event):
        journal.bump(conn, "deliveries", "source=drchrono,outcome=skipped")
        return Receipt("skipped")
    _note_delivery(sync, conn, event, obj, {}, None, "raised")
    return _raise(sync, conn, event, obj.aggregate)


def _completes(event: _Event) -> bool:
    return event.mapping is not None and event.mapping.policy.fee_bearing_writes


# --- patients -------------------------------------------------------------------------------------


def _patient(sync: Sync, conn: Connection, event: _Event, remote_id: str, body: Json) -> Receipt:
    """A patient nobody has a visit with is only indexed, so that a visit can find them later."""
    try:
        wire, shown = drchrono.wire("patient", body), drchrono.to_person(body)
    except MalformedError:
        wire, shown = {}, None
    obj = links.first_sight(conn, "drchrono", "patient", remote_id, now=event.now)
    rings = _wake(conn, event, remote_id)
    if not is_linked(conn, obj.aggregate) and not everyone.is_mirrored(_mapping(sync)):
        newer = shown is not None and (obj.mark or "") <= (shown.mark or "")
        if shown is not None and newer:
            index.remember(conn, sync.digests, obj.aggregate, people.known_by(shown), now=event.now)
            links.change(conn, obj.id, mark=_mark(shown))
        _note_delivery(sync, conn, event, obj, wire, shown, "skipped")
        return Receipt("raised" if rings else "skipped", rings)
    item = work.locked(conn, obj.aggregate)
    stored = baselines.stored_fields(conn, [obj.id])
    rekeying.shown(conn, sync.digests, obj.id, wire, stored)
    if work.idle(item) and settled(sync.digests, obj.id, wire, stored):
        return _note_delivery(sync, conn, event, obj, wire, shown, "unchanged")
    _note_delivery(sync, conn, event, obj, wire, shown, "raised")
    return _raise(sync, conn, event, obj.aggregate)


def _wake(conn: Connection, event: _Event, remote_id: str) -> tuple[Ring, ...]:
    """Raise the visits that wait for this patient: they may have got their e-mail."""
    waiting = links.blocked_on(conn, "patient", remote_id)
    for key in waiting:
        work.raise_(conn, key, now=event.now, hints=Hints.both(), wait=event.wait)
    return tuple(Ring(key, Lane.LIVE) for key in waiting if event.wait.settle == 0)


def is_linked(conn: Connection, person: int) -> bool:
    if any(o.system == "oncall" for o in links.objects_of(conn, person)):
        return True
    attends = conn.execute(
        select(attendance.c.id).where(attendance.c.person == person).limit(1)
    ).first()
    return attends is not None


# --- OnCall's hints -------------------------------------------------------------------------------


def _hint(sync: Sync, conn: Connection, event: _Event, remote_id: str) -> Receipt:
    obj = links.first_sight(conn, "oncall", "appointment", remote_id, now=event.now)
    _note_delivery(sync, conn, event, obj, {}, None, "raised")
    return _raise(sync, conn, event, obj.aggregate)
