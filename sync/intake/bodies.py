"""Read the body of a webhook: which object it is about, and what it says of it.

A DrChrono body carries the object; OnCall's names only its address. A body of unusable shape is
still a hint, as long as it says which object it is about.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sync.core.records import Absent
from sync.core.wire import MalformedError, identity
from sync.drchrono import translate as drchrono
from sync.intake.sightings import Sighting, of_caller
from sync.oncall import translate as oncall

if TYPE_CHECKING:
    from collections.abc import Mapping as Map

    from sync.core.records import Person, Visit
    from sync.core.wording import Json
    from sync.mapping import Mapping

DELETED: Final = "APPOINTMENT_DELETE"
APPOINTMENT_EVENTS: Final = frozenset({"APPOINTMENT_CREATE", "APPOINTMENT_MODIFY", DELETED})
NOTE_EVENTS: Final = frozenset({"CLINICAL_NOTE_LOCK", "CLINICAL_NOTE_UNLOCK"})
PATIENT_EVENTS: Final = frozenset({"PATIENT_CREATE", "PATIENT_MODIFY"})
DRCHRONO_EVENTS: Final = APPOINTMENT_EVENTS | NOTE_EVENTS | PATIENT_EVENTS
ONCALL_EVENTS: Final = frozenset({"appointment_created", "appointment_updated"})

# Numbers as both systems write them, or the day and series of a virtual occurrence
# (docs/api-facts.md, D23).
_NUMBER = "[1-9][0-9]{0,17}"
_ID: Final = re.compile(rf"{_NUMBER}|[0-9]{{4}}-?[0-9]{{2}}-?[0-9]{{2}}_{_NUMBER}")
_WORD: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_REVISION: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}[Z0-9:+-]{0,7}")
# A revision is a time in an undecided zone (docs/api-facts.md): a later one was never given out.
_AHEAD: Final = timedelta(days=2)


class UnusableError(ValueError):
    """A known event without a usable id."""


def of_drchrono(
    event: str,
    payload: Map[str, Any],
    *,
    delivery_id: str | None,
    credential: int,
    mapping: Mapping | None,
    now: datetime,
) -> Sighting:
    """What one of DrChrono's known events shows; unjudged where the mapping can't be used.

    Raises UnusableError where no usable id is said.
    """
    inner = payload.get("object")
    body: dict[str, Json] = inner if isinstance(inner, dict) else dict(payload)
    remote_id = _identity(body, "appointment" if event in NOTE_EVENTS else "id")
    wire, shown = _read(event, body, mapping)
    return Sighting(
        system="drchrono",
        kind="patient" if event in PATIENT_EVENTS else "appointment",
        remote_id=remote_id,
        event=event,
        word=of_caller(f"drchrono:{credential}", _short(delivery_id)),
        at=now,
        wire=wire,
        shown=shown,
        revision=_revision(shown, now),
    )


def of_oncall(event: str, url: object, *, credential: int, now: datetime) -> Sighting:
    """What one of OnCall's known events says: that the object of this address changed.

    The id is taken out of `url`, which is never fetched. Raises UnusableError where there is none.
    """
    return Sighting(
        system="oncall",
        kind="appointment",
        remote_id=_id_in(url),
        event=event,
        word=of_caller(f"oncall:{credential}"),
        at=now,
    )


def _read(
    event: str, body: Json, mapping: Mapping | None
) -> tuple[dict[str, Json], Visit | Person | None]:
    """The body's wire form and what it means; nothing of one of unusable shape."""
    try:
        if event in PATIENT_EVENTS:
            return drchrono.wire("patient", body), drchrono.to_person(body)
        if event in NOTE_EVENTS or event == DELETED:
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


def _revision(shown: Visit | Person | None, now: datetime) -> str | None:
    """The revision of a body, as it was sent, if it looks like one that was given out by now."""
    revision = shown.revision if shown is not None else None
    if not revision or not _REVISION.fullmatch(revision):
        return None
    try:
        at = datetime.fromisoformat(revision[:19])
    except ValueError:
        return None
    return revision if at.replace(tzinfo=UTC) <= now + _AHEAD else None
