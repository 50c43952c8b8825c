"""Attaching the DrChrono account: a one-time address, OAuth, and pinning both accounts.

Without the address nobody can attach an account, and once one is pinned another is refused.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, insert, select, update

from sync.core.errors import RemoteError
from sync.drchrono.oauth import authorise_url
from sync.engine import practice
from sync.engine.context import Sync
from sync.store import journal, links, work
from sync.store.schema import installation, ticket
from sync.store.work import Hints, Lane

NOT_OF_THE_ACCOUNT = ("mapping_unusable", "database_behind", "malformed_record")
CONNECT_LIFE = timedelta(minutes=15)
STATE_LIFE = timedelta(minutes=10)


class ConnectError(Exception):
    """The exchange can't go on; the text says what to do and repeats nothing that was sent."""


@dataclass(frozen=True, slots=True)
class ConnectResult:
    """The pinned accounts."""

    practice_group: str
    oncall_org: str


def new_ticket(sync: Sync) -> str:
    """A one-time secret, good for 15 minutes, that starts the exchange."""
    return _issue(sync, "connect", CONNECT_LIFE)


def redeem(sync: Sync, secret: str) -> str:
    """Spend the secret; returns DrChrono's address at which the account's owner agrees.

    Raises ConnectError when the secret is unknown, spent or too old.
    """
    _spend(sync, "connect", secret)
    scopes = sync.settings.drchrono_scopes.replace(",", " ").split()
    state = _issue(sync, "state", STATE_LIFE)
    return authorise_url(sync.settings.drchrono_base_url, sync.application, scopes, state)


def finish(sync: Sync, state: str, code: str) -> ConnectResult:
    """Exchange the code, pin both accounts, learn the practice, and wake what waited for it.

    Raises ConnectError when the state is not ours, DrChrono refuses, or the account is another one.
    """
    _spend(sync, "state", state)
    try:
        sync.keeper.connect(code)
        accounts = practice.accounts(sync)
    except RemoteError as error:
        raise ConnectError(
            f"DrChrono or OnCall did not answer as expected ({error.code}); try again, or run "
            "drchrono-oncall check"
        ) from None
    result = _pin(sync, *accounts)
    practice.learn(sync)
    with sync.store.write() as conn:
        journal.close_attention(conn, 0, sync.clock(), keep=NOT_OF_THE_ACCOUNT)
        for waiting in links.blocked_on(conn, "auth"):
            work.raise_(conn, waiting, now=sync.clock(), hints=Hints.both(), lane=Lane.CATCHUP)
    return result


def _pin(sync: Sync, practice_group: str, divisions: frozenset[str]) -> ConnectResult:
    with sync.store.write() as conn:
        row = conn.execute(select(installation)).first()
        if row is not None and row.practice_group is not None:
            if row.practice_group != practice_group or row.oncall_org not in divisions:
                raise ConnectError(
                    "another practice group or OnCall organisation is attached to this "
                    "installation; use a database of its own for each"
                )
            return ConnectResult(row.practice_group, row.oncall_org)
        organisation = min(divisions, key=lambda one: (len(one), one))
        _store(conn, row is not None, practice_group, organisation, sync)
        return ConnectResult(practice_group, organisation)


def _store(
    conn: Connection,
    known: bool,
    practice_group: str,
    organisation: str,
    sync: Sync,
) -> None:
    values = {
        "practice_group": practice_group,
        "oncall_org": organisation,
        "name": sync.digests.installation(practice_group, organisation),
    }
    if known:
        conn.execute(update(installation).values(**values))
    else:
        conn.execute(insert(installation).values(id=1, **values))


# --- one-time secrets -----------------------------------------------------------------------------


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _issue(sync: Sync, kind: str, life: timedelta) -> str:
    secret = secrets.token_urlsafe(32)
    with sync.store.write() as conn:
        conn.execute(
            insert(ticket).values(hash=_hash(secret), kind=kind, expires_at=sync.clock() + life)
        )
    return secret


def _spend(sync: Sync, kind: str, secret: str) -> None:
    with sync.store.write() as conn:
        spent = conn.execute(
            delete(ticket).where(
                ticket.c.hash == _hash(secret),
                ticket.c.kind == kind,
                ticket.c.expires_at > sync.clock(),
            )
        )
    if spent.rowcount != 1:
        raise ConnectError(
            "this address was used already or is too old; make a new one with: "
            "drchrono-oncall connect"
        )
