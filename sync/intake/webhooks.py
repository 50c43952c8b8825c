"""Turn a webhook into nothing, a noted delivery, or a raised item. No remote is asked.

A DrChrono body carries the object, so what it shows is compared; OnCall's is a bare hint. No remote
is ever asked. Each event is one transaction, and the caller answers only after it.
"""

import re
from collections.abc import Mapping as Map
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from sync.core.records import Absent, Person, Visit
from sync.core.wire import MalformedError, identity
from sync.core.wording import Json
from sync.drchrono import translate as drchrono
from sync.intake import hints
from sync.intake.sightings import Receipt, Sighting, of_caller
from sync.mapping import Mapping, MappingError
from sync.oncall import translate as oncall
from sync.runtime import Sync
from sync.store.tables import journal

APPOINTMENT_EVENTS: Final = frozenset({"APPOINTMENT_CREATE", "APPOINTMENT_MODIFY", hints.DELETED})
NOTE_EVENTS: Final = frozenset({"CLINICAL_NOTE_LOCK", "CLINICAL_NOTE_UNLOCK"})
PATIENT_EVENTS: Final = frozenset({"PATIENT_CREATE", "PATIENT_MODIFY"})
DRCHRONO_EVENTS: Final = APPOINTMENT_EVENTS | NOTE_EVENTS | PATIENT_EVENTS
ONCALL_EVENTS: Final = frozenset({"appointment_created", "appointment_updated"})

_RACES = 4
# Numbers as both systems write them, or the day and series of a virtual occurrence
# (docs/api-facts.md, D23).
_NUMBER = "[1-9][0-9]{0,17}"
_ID: Final = re.compile(rf"{_NUMBER}|[0-9]{{4}}-?[0-9]{{2}}-?[0-9]{{2}}_{_NUMBER}")
_WORD: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MARK: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}[Z0-9:+-]{0,7}")
# A mark is a time in an undecided zone (docs/api-facts.md): one beyond that was never given out.
_AHEAD: Final = timedelta(days=2)


class UnusableError(ValueError):
    """A known event without a usable id."""


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
    if event not in DRCHRONO_EVENTS:
        return _ignored(sync, "drchrono")
    inner = payload.get("object")
    body: dict[str, Json] = inner if isinstance(inner, dict) else dict(payload)
    remote_id = _identity(body, "appointment" if event in NOTE_EVENTS else "id")
    mapping = _mapping(sync)
    wire, shown = _read(event, body, mapping)
    now = sync.clock()
    seen = Sighting(
        system="drchrono",
        kind="patient" if event in PATIENT_EVENTS else "appointment",
        remote_id=remote_id,
        event=event,
        word=of_caller(f"drchrono:{credential}", sync.wait(), _short(delivery_id)),
        at=now,
        wire=wire,
        shown=shown,
        mark=_mark(shown, now),
    )
    return _settled(sync, seen, mapping)


def oncall_event(sync: Sync, *, payload: Map[str, Any], credential: int = 0) -> Receipt:
    """Take in one OnCall hint: the id is taken out of its `url`, which is never fetched.

    `credential` says which of the active tokens came with it: each has its own bucket.

    Raises UnusableError for a known event without an id, SQLAlchemyError when nothing was stored.
    """
    event = payload.get("event")
    if not isinstance(event, str) or event not in ONCALL_EVENTS:
        return _ignored(sync, "oncall")
    seen = Sighting(
        system="oncall",
        kind="appointment",
        remote_id=_id_in(payload.get("url")),
        event=event,
        word=of_caller(f"oncall:{credential}", sync.wait()),
        at=sync.clock(),
    )
    return _settled(sync, seen, None)


def _ignored(sync: Sync, source: str) -> Receipt:
    with sync.store.write() as conn:
        journal.bump(conn, "deliveries", f"source={source},outcome=ignored")
    return Receipt("ignored")


def _settled(sync: Sync, seen: Sighting, mapping: Mapping | None) -> Receipt:
    """Run one event's transaction; two first events of one object race for its row, so again."""
    for _ in range(_RACES):
        try:
            return _once(sync, seen, mapping)
        except IntegrityError:
            continue
    return _once(sync, seen, mapping)


def _once(sync: Sync, seen: Sighting, mapping: Mapping | None) -> Receipt:
    with sync.store.write() as conn:
        return hints.take_in(conn, sync, seen, mapping, locked=seen.event in NOTE_EVENTS)


def _mapping(sync: Sync) -> Mapping | None:
    """The mapping; without a usable one an event is taken in unjudged, never refused or skipped."""
    try:
        return sync.mapping
    except MappingError:
        return None


# --- what a body says -----------------------------------------------------------------------------


def _read(
    event: str, body: Json, mapping: Mapping | None
) -> tuple[dict[str, Json], Visit | Person | None]:
    """The body's wire form and what it means; a body of unusable shape is still a hint."""
    try:
        if event in PATIENT_EVENTS:
            return drchrono.wire("patient", body), drchrono.to_person(body)
        if event in NOTE_EVENTS or event == hints.DELETED:
            return {}, None  # it names only the id
        wire = drchrono.wire("appointment", body)
        return wire, None if mapping is None else drchrono.to_visit(body, mapping)
    except MalformedError:
        return {}, None


def _identity(body: Map[str, Json], key: str) -> str:
    try:
        found = identity(body, key)
    except MalformedError:
        found = None
    if isinstance(found, Absent) or not found or not _ID.fullmatch(found):
        raise UnusableError(key)
    return found


def _id_in(url: object) -> str:
    try:
        found = oncall.id_from_url(url) if isinstance(url, str) else ""
    except ValueError:
        found = ""
    if not _ID.fullmatch(found):
        raise UnusableError("url")
    return found


def _short(text: str | None) -> str | None:
    return text if text and _WORD.fullmatch(text) else None


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
