"""Say what a failure means for an item, and for the batch as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sync.core.batch.model import Outcome
from sync.core.errors import AuthFailed, Conflict, Gone, NotBefore, Refused, RemoteError, Unresolved
from sync.core.wire import MalformedError
from sync.mapping import MappingError, UnmappedError, ZoneUnknownError
from sync.outbound.brake import BrakedError
from sync.outbound.pauses import PausedError
from sync.run.outcomes import LaterError, ParkedError

if TYPE_CHECKING:
    from datetime import datetime

    from sync.runtime import Sync

# When what an operator, or somebody at the mapping, holds back is looked at again.
AGAIN: Final = timedelta(seconds=60)
_WHOLE_PARKS: Final = {"auth": "auth", "mode": "shadow", "mapping_unusable": "mapping_unusable"}
# What a park of somebody's run means here: something is to be told of the line, or asked.
_ASKED: Final = frozenset({"contact_unsure", "patient_unsure", "visit_unsure", "unsure"})


@dataclass(frozen=True, slots=True)
class Failure:
    """What follows of a failure.

    `whole`: what the batch as a whole waits for, until `due`. `outcome`: what the item comes to.
    Else it is tried again at `due`; `counts` says that this was a failure of its own.
    """

    due: datetime
    cause: str
    whole: str | None = None
    outcome: Outcome | None = None
    candidates: tuple[str, ...] = ()
    counts: bool = False
    defect: bool = False


def judged(sync: Sync, failure: Exception) -> Failure:
    """What follows of a failure of a step; `defect` where nobody foresaw it."""
    now = sync.clock()
    waits = _wait(failure, now, timedelta(seconds=sync.settings.late_seconds))
    if waits is not None:
        return waits
    soon = now + AGAIN
    match failure:
        case ParkedError():
            return _parked(failure, soon)
        case ZoneUnknownError() | UnmappedError():
            return Failure(soon, "unmapped", outcome=Outcome.PROBLEM)
        case Refused() | Conflict() | Gone() | MalformedError():
            return Failure(soon, "refused", outcome=Outcome.PROBLEM)
        case RemoteError():
            return Failure(now, "outage", counts=True)
    return Failure(now, "defect", counts=True, defect=True)


def _wait(failure: Exception, now: datetime, late: timedelta) -> Failure | None:
    """What a failure that ends by itself, or by somebody's word, is waited for."""
    soon = now + AGAIN
    match failure:
        case LaterError():
            return Failure(failure.due, "answers", counts=failure.failed)
        case NotBefore():
            known = failure.code if failure.code in {"budget", "throttled"} else "busy"
            return Failure(failure.until, known, whole=known)
        case Unresolved():
            return Failure(now + late, "answers")
        case PausedError():
            return Failure(soon, "paused", whole="paused")
        case BrakedError():
            return Failure(soon, "paused")
        case AuthFailed():
            return Failure(soon, "auth", whole="auth")
        case UnmappedError() | ZoneUnknownError():
            return None
        case MappingError():
            return Failure(soon, "mapping_unusable", whole="mapping_unusable")
    return None


def _parked(parked: ParkedError, soon: datetime) -> Failure:
    whole = _WHOLE_PARKS.get(parked.kind) or _WHOLE_PARKS.get(parked.cause or "")
    if whole is None and (parked.kind, parked.ref) == ("operator", "go-live"):
        whole = "not_accepted"
    if whole is not None:
        return Failure(soon, whole, whole=whole)
    asked = parked.cause in _ASKED
    outcome = Outcome.QUESTION if asked else Outcome.PROBLEM
    cause = parked.cause or parked.kind
    return Failure(soon, cause, outcome=outcome, candidates=parked.candidates)
