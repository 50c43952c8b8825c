"""Admit a page that DrChrono frames: its parameters are signed with our client secret.

DrChrono adds the parameters to the page's address and repeats them in a JWT (HS256). Only what is
signed is believed; the JWT has no end, so the age of `iat` is ours to check (docs/api-facts.md,
D72, D73).
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import jwt
import jwt.types
from jwt.utils import base64url_decode
from sqlalchemy.exc import IntegrityError

from sync.operations.lookup import REMOTE_ID
from sync.operations.why.known import mapping as mapping_of
from sync.runtime import Sync
from sync.store.service import installation
from sync.store.tables import facts

Page = Literal["patient", "clinical-note"]

AGE: Final = timedelta(seconds=60)
_ALGORITHM: Final = "HS256"
_TOKEN: Final = "jwt"  # noqa: S105 - the parameter's name
_LONGEST: Final = 4096
_IDS: Final[Mapping[Page, tuple[str, ...]]] = {
    "patient": ("doctor_id", "patient_id"),
    "clinical-note": ("doctor_id", "patient_id", "appointment_id"),
}
# Of the times only `iat` is documented, and judged by our own clock.
_NOT_JUDGED: Final[jwt.types.Options] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}


class NotAdmittedError(Exception):
    """The page was not asked for by DrChrono, now and for this practice; `reason` is our word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Visitor:
    """What DrChrono signed: who looks (a user's id, if it says so), and at whom. Ids only."""

    page: Page
    user: str
    doctor: str
    patient: str
    appointment: str = ""


def admit(sync: Sync, page: Page, query: Iterable[tuple[str, str]]) -> Visitor:
    """Believe the signed parameters, once. Raises NotAdmittedError and SQLAlchemyError."""
    pairs = list(query)
    told = dict(pairs)
    if len(told) != len(pairs):
        raise NotAdmittedError("doubled")
    token = told.pop(_TOKEN, "")
    claims = _claims(sync, token)
    at = _fresh(claims.get("iat"), sync.clock())
    if any(_text(claims.get(name)) != value for name, value in told.items()):
        raise NotAdmittedError("changed")
    ids = {name: _text(claims.get(name)) for name in _IDS[page]}
    if not all(one and REMOTE_ID.fullmatch(one) for one in ids.values()):
        raise NotAdmittedError("incomplete")
    user = _text(claims.get("user_id")) or ""
    visitor = Visitor(
        page,
        user if REMOTE_ID.fullmatch(user) else "",
        str(ids["doctor_id"]),
        str(ids["patient_id"]),
        ids.get("appointment_id") or "",
    )
    _is_ours(sync, visitor, _text(claims.get("practice_id")))
    _once(sync, token, at + 2 * AGE)
    return visitor


def _claims(sync: Sync, token: str) -> dict[str, Any]:
    secret = sync.settings.drchrono_client_secret.get_secret_value()
    if not secret:
        raise NotAdmittedError("not_set_up")
    if not token or len(token) > _LONGEST:
        raise NotAdmittedError("unsigned")
    try:
        # The algorithm is ours to say, never the token's (RFC 8725, section 3.1).
        return jwt.decode(token, secret, algorithms=[_ALGORITHM], options=_NOT_JUDGED)
    except jwt.InvalidTokenError:
        raise NotAdmittedError("signature") from None


def _fresh(iat: object, now: datetime) -> datetime:
    if isinstance(iat, bool) or not isinstance(iat, int | float | str):
        raise NotAdmittedError("no_time")
    try:
        at = datetime.fromtimestamp(float(iat), UTC)
    except (ValueError, OverflowError, OSError):
        raise NotAdmittedError("no_time") from None
    if abs(now - at) > AGE:
        raise NotAdmittedError("too_old")
    return at


def _text(value: object) -> str | None:
    """A signed value as it stands in an address; None for what can't stand there."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value)


def _is_ours(sync: Sync, visitor: Visitor, practice: str | None) -> None:
    """Refuse another practice's page: one application can serve several practices."""
    with sync.store.read() as conn:
        pinned = installation.get(conn)
        known = set(facts.zones(conn))
    if pinned is None:
        raise NotAdmittedError("not_connected")
    if practice and not hmac.compare_digest(practice.encode(), pinned.practice_group.encode()):
        raise NotAdmittedError("practice")
    mapping = mapping_of(sync)
    if mapping is not None:  # the doctors that DrChrono named are known without the file
        known |= {entry.drchrono for entry in mapping.doctors}
    if visitor.doctor not in known:
        raise NotAdmittedError("doctor")


def _once(sync: Sync, token: str, until: datetime) -> None:
    """Take note of a token's signature; its text can be written in several ways."""
    signature = base64url_decode(token.rpartition(".")[2]).hex()
    try:
        with sync.store.write() as conn:
            sync.tickets.put(conn, f"iframe.{signature}", "iframe", until, {})
    except IntegrityError:
        raise NotAdmittedError("replayed") from None
