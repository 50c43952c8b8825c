"""Judge a new token pair in memory before anything is stored.

Its calls go through the same gate, budget and audit as all others, under its own token.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.core.errors import AuthFailed, Refused, RemoteError
from sync.core.tokens import StoredToken
from sync.drchrono.client import DrChrono
from sync.outbound.gate import Ticket
from sync.outbound.pages import Record
from sync.run.evidence import accounts, ownership
from sync.runtime import Sync
from sync.store.service import installation

# The scopes that the service needs (docs/setup.md, step 3). Where DrChrono says what it granted,
# these must be among them; what it does not say is tried.
NEEDED = frozenset(
    {
        *("user:read", "calendar:read", "calendar:write", "patients:read", "patients:write"),
        *("clinical:read", "clinical:write"),
    }
)


class ConnectError(Exception):
    """The exchange can't go on; the text says what to do and repeats nothing that was sent."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Which accounts a candidate is of; `first` when none is pinned yet. `practice` is a name."""

    practice_group: str
    oncall_org: str
    practice: str
    doctors: int
    providers: int
    first: bool


class _Bearer:
    """The candidate's token for DrChrono; OnCall's key as it is configured."""

    def __init__(self, sync: Sync, pair: StoredToken) -> None:
        self._sync = sync
        self._pair = pair

    def headers(self, system: str) -> Mapping[str, str]:
        if system == "drchrono":
            return {"authorization": f"Bearer {self._pair.access}"}
        return self._sync.credentials.headers(system)


def judge(sync: Sync, pair: StoredToken, granted: frozenset[str] | None) -> Judged:
    """Compare a candidate with what is pinned and mapped, and try its rights; stores nothing.

    Some three calls of DrChrono, one for each page of OnCall's providers. Raises ConnectError.
    """
    client = DrChrono(
        sync.gate.under(_Bearer(sync, pair)),
        sync.settings.drchrono_base_url,
        sync.settings.drchrono_other_origins,
    )
    with sync.store.read() as conn:
        pinned = installation.get(conn)
    ticket = sync.task_ticket()
    doctors = _asked("user:read", lambda: client.doctors(ticket))
    accounts.readable("drchrono", doctors)
    if not doctors:
        # A missing scope can show as an empty list instead of a 403 (docs/api-facts.md, D21).
        raise ConnectError("this user sees no doctors: the right user:read is missing")
    group = ownership.group_of(doctors)
    if pinned is not None:
        group = pinned.practice_group
        if not accounts.is_our_practice(sync, group, doctors):
            raise ConnectError(
                "this is a user of another practice, or one who sees none of the mapped doctors; "
                "the connection that was there is untouched. Sign in as a user of the practice"
            )
    _rights(sync, client, ticket, granted)
    providers = _oncall(sync, ticket)
    org = min(ownership.divisions(providers), key=lambda one: (len(one), one))
    if pinned is not None:
        org = pinned.oncall_org
        if not accounts.is_our_organisation(sync, org, providers):
            raise ConnectError(
                "ONCALL_KEY is the key of another OnCall organisation than the one attached to "
                "this installation; use a database of its own for each"
            )
    first = pinned is None
    return Judged(group, org, _name_of(doctors, group), len(doctors), len(providers), first)


def _rights(sync: Sync, client: DrChrono, ticket: Ticket, granted: frozenset[str] | None) -> None:
    """Try what is read all day, and look at what was granted. Raises ConnectError."""
    today = sync.clock().date().isoformat()
    _asked(
        "calendar:read", lambda: next(client.list_appointments(ticket, date=today)), "clinical:read"
    )
    _asked("patients:read", lambda: next(client.list_patients(ticket, page_size="1")))
    if granted is None:
        return
    # "calendar" alone stands for both rights (D20).
    missing = {one for one in NEEDED if one not in granted and one.partition(":")[0] not in granted}
    if missing:
        raise ConnectError(f"this user granted too little: missing {', '.join(sorted(missing))}")


def _asked(right: str, call: Callable[[], Any], *more: str) -> Any:
    try:
        return call()
    except (Refused, AuthFailed) as refusal:
        rights = " or ".join([right, *more])
        raise ConnectError(
            f"DrChrono refuses this user ({refusal.code}): the right {rights} is missing. Sign in "
            "as a user who has it, or give it to this one"
        ) from None


def _oncall(sync: Sync, ticket: Ticket) -> list[Record]:
    try:
        return accounts.readable("oncall", list(sync.oncall.providers(ticket)))
    except RemoteError as error:
        raise ConnectError(
            f"OnCall did not answer as expected ({error.code}); try again, or run "
            "drchrono-oncall check"
        ) from None


def _name_of(doctors: list[Record], group: str) -> str:
    """What the practice calls itself; its number where it has no name."""
    for one in doctors:
        name = one.get("practice_group_name")
        if str(one.get("practice_group")) == group and isinstance(name, str) and name.strip():
            return name.strip()[:100]
    return f"practice group {group}"


def revoke(sync: Sync, pair: StoredToken) -> bool:
    """Have DrChrono end a pair that is not used; False when it could not be told just now."""
    try:
        sync.keeper.revoke(pair)
    except RemoteError as error:
        sync.log.warning("a refused authorisation could not be revoked", reason=error.code)
        return False
    return True
