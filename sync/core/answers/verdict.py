"""Say what one answer means, and which exception stands for that."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sync.core.errors import (
    AuthFailed,
    Conflict,
    Gone,
    NotTheApi,
    Refused,
    RemoteError,
    Throttled,
    Transient,
    Unresolved,
)

# Codes of what something in front of the API answered: `edge_<status>`, and a page to sign in on.
EDGE = "edge_"
LOGIN_PAGE = "login_page"


class Kind(StrEnum):
    """What to do about an answer."""

    OK = "ok"
    PERMANENT = "permanent"  # refused; the same call would be refused again
    TRANSIENT = "transient"  # nothing happened; try again later
    THROTTLED = "throttled"  # nothing happened; not before `retry_at`
    AUTH = "auth"  # nothing happened; our credentials are not taken
    GONE = "gone"  # the object asked for by id does not exist (any more)
    CONFLICT = "conflict"  # another object is in the way
    AMBIGUOUS = "ambiguous"  # it may have happened: look before doing anything


@dataclass(frozen=True)
class Verdict:
    """The meaning of one answer.

    `retry_at` is an aware UTC time, or None. `fields` names the refused fields, `places` which
    objects of a list they are in (field, place from 0). `detail_code` is
    one of our own words. `other_id` is the object in the way, where the remote names it.
    """

    kind: Kind
    detail_code: str
    retry_at: datetime | None = None
    fields: tuple[str, ...] = ()
    other_id: str | None = None
    places: tuple[tuple[str, int], ...] = ()


def error_for(verdict: Verdict, call_id: int | None = None) -> RemoteError | None:
    """Give the exception that stands for a verdict, or None when the call did what it was for."""
    code = verdict.detail_code
    match verdict.kind:
        case Kind.OK:
            return None
        case Kind.TRANSIENT:
            edge = code.startswith(EDGE) or code == LOGIN_PAGE
            return (NotTheApi if edge else Transient)(code, call_id, verdict.retry_at)
        case Kind.THROTTLED if verdict.retry_at is not None:
            return Throttled(code, verdict.retry_at, call_id)
        case Kind.THROTTLED:
            return Transient(code, call_id)
        case Kind.AUTH:
            return AuthFailed(code, call_id)
        case Kind.GONE:
            return Gone(code, call_id)
        case Kind.CONFLICT:
            return Conflict(code, call_id, verdict.other_id)
        case Kind.AMBIGUOUS:
            return Unresolved(code, call_id)
        case Kind.PERMANENT:
            return Refused(code, call_id, verdict.fields, verdict.places)
