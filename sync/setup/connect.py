"""Connect the DrChrono account: a one-time address, OAuth, judging, pinning both accounts.

Looking at a page changes nothing: one button starts (`begin`), another exchanges the code
(`exchange`), and the first pin is confirmed by the practice's name (`confirm`). The new pair is
judged in memory; the stored one stays in use until the new one is found right (ADR 0020).

The states of a secret: connect (the address) → state (sent to DrChrono) → busy (being exchanged) →
held (waits for the practice's name to be confirmed) → done; or failed (may be started anew). All
but the address are bound to the browser by its cookie.
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from sync.core.errors import AuthFailed, Refused, RemoteError
from sync.core.records import SYSTEMS
from sync.core.tokens import StoredToken
from sync.drchrono.oauth import SYSTEM, authorise_url
from sync.run.evidence import accounts
from sync.runtime import Sync
from sync.setup import candidate, practice
from sync.setup.candidate import ConnectError, Judged
from sync.store import attention
from sync.store.lanes import Lane
from sync.store.service import installation
from sync.store.tables import blockers, facts
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

__all__ = ["ConnectError", "Judged"]

NOT_OF_THE_ACCOUNT = ("mapping_unusable", "database_behind", "malformed_record")
CONNECT_LIFE = timedelta(minutes=15)
STATE_LIFE = timedelta(minutes=10)
END_AGAIN = timedelta(minutes=1)
# Whether DrChrono takes PKCE is unknown (docs/api-facts.md, D22): it is used until it is refused.
PKCE = "pkce"
_USED = "this address was used already or is too old; make a new one with: drchrono-oncall connect"


class Started(NamedTuple):
    """DrChrono's address at which the account's owner agrees; what the browser's cookie holds."""

    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class Stage:
    """How far an exchange is: `kind`, and of a held candidate what is to be confirmed."""

    kind: str
    judged: Judged | None = None


def new_ticket(sync: Sync) -> str:
    """A one-time secret, good for 15 minutes, that starts the exchange."""
    secret = secrets.token_urlsafe(32)
    with sync.store.write() as conn:
        now = sync.clock()
        sync.tickets.put(conn, secret, "connect", now + CONNECT_LIFE, {})
        deeds.note(conn, Deed("offer_connect"), now)
    return secret


def start_address(sync: Sync, ticket: str) -> str:
    """The address at which the OAuth exchange of a ticket starts."""
    return f"{sync.settings.public_url}/oauth/drchrono/start?ticket={ticket}"


def is_good(sync: Sync, secret: str) -> bool:
    """Whether an address may still start an exchange; changes nothing."""
    with sync.store.read() as conn:
        held = sync.tickets.find(conn, secret)
    return held is not None and held.kind == "connect"


def begin(sync: Sync, secret: str) -> Started:
    """Spend an address, and give where to send the browser.

    Raises ConnectError when the secret is unknown, spent or too old.
    """
    with sync.store.write() as conn:
        if not sync.tickets.spend(conn, secret, "connect"):
            raise ConnectError(_USED)
    return _started(sync, secrets.token_urlsafe(32))


def begin_again(sync: Sync, state: str, browser: str, refusal: str = "") -> Started:
    """Start anew what was refused, in the same browser; `refusal` is DrChrono's word for it.

    A request that it calls invalid is made without PKCE from then on. Raises ConnectError.
    """
    with sync.store.write() as conn:
        held = sync.tickets.find(conn, _bound(state, browser))
        if held is None or held.kind not in {"state", "failed"}:
            raise ConnectError(_USED)
        if refusal == "invalid_request" and held.data.get("verifier"):
            facts.put(conn, PKCE, "no", sync.clock())
        sync.tickets.spend(conn, _bound(state, browser), held.kind)
    return _started(sync, browser)


def stage(sync: Sync, state: str, browser: str) -> Stage | None:
    """How far an exchange is, for this browser; None where nothing is known. Changes nothing."""
    with sync.store.read() as conn:
        held = sync.tickets.find(conn, _bound(state, browser))
    if held is None:
        return None
    return Stage(held.kind, Judged(**held.data["judged"]) if held.kind == "held" else None)


def exchange(sync: Sync, state: str, browser: str, code: str) -> Stage:
    """Exchange the code, judge the pair, and store it; the first one is held to be confirmed.

    Raises ConnectError when the state is not this browser's, DrChrono refuses, or the account is
    another one; the pair that was stored is untouched then.
    """
    secret = _bound(state, browser)
    with sync.store.write() as conn:
        held = sync.tickets.find(conn, secret)
        if held is None or not sync.tickets.move(conn, secret, "state", "busy"):
            raise ConnectError(_USED)
    outcome = "failed"
    try:
        with sync.keeper.held() as alone:
            _wait_unless(sync, alone)
            pair, judged = _candidate(sync, code, held.data.get("verifier"))
            if not judged.first:
                with sync.store.write() as conn:
                    _adopt(conn, sync, pair, judged)
                outcome = "done"
        if outcome != "done":
            outcome = "held"
    finally:
        if outcome != "held":
            with sync.store.write() as conn:
                sync.tickets.move(conn, secret, "busy", outcome)
    if outcome == "held":
        with sync.store.write() as conn:
            data = {"pair": _packed(pair), "judged": asdict(judged)}
            sync.tickets.move(conn, secret, "busy", "held", data)
        return Stage("held", judged)
    _learn(sync)
    return Stage("done")


def confirm(sync: Sync, state: str, browser: str) -> Stage:
    """Pin the practice whose name was confirmed, and store the pair that was held for it.

    Raises ConnectError when nothing is held for this browser, or another practice was pinned since.
    """
    secret = _bound(state, browser)
    with sync.store.write() as conn:
        held = sync.tickets.find(conn, secret)
        if held is not None and held.kind == "done":
            return Stage("done")
        if held is None or not sync.tickets.move(conn, secret, "held", "done"):
            raise ConnectError(_USED)
        judged = Judged(**held.data["judged"])
        pinned = installation.locked(conn)
        if pinned is not None and pinned.practice_group != judged.practice_group:
            raise ConnectError("another practice was attached meanwhile")
        _adopt(conn, sync, _unpacked(held.data["pair"]), judged)
        sync.tickets.move(conn, secret, "done", "done", {})
    _learn(sync)
    return Stage("done")


def refuse(sync: Sync, state: str, browser: str) -> None:
    """It is not the practice that was meant: end the pair that was held. Raises ConnectError."""
    secret = _bound(state, browser)
    with sync.store.write() as conn:
        held = sync.tickets.find(conn, secret)
        if held is None or not sync.tickets.move(conn, secret, "held", "failed"):
            raise ConnectError(_USED)
        deeds.note(conn, Deed("refuse_connect"), sync.clock())
    _end(sync, _unpacked(held.data["pair"]))


def end_forgotten(sync: Sync) -> None:
    """Have DrChrono end the pairs that nobody confirmed in time, or that it could not end before.

    Their rows are pruned after.
    """
    with sync.store.read() as conn:
        left = sync.tickets.expired(conn, "held")
    for data in left:
        _end(sync, _unpacked(data["pair"]))


def _end(sync: Sync, pair: StoredToken) -> None:
    """Have DrChrono end a pair that is not used; the beat tries again while it lives."""
    now = sync.clock()
    if candidate.revoke(sync, pair) or pair.expires_at <= now:
        return
    with sync.store.write() as conn:
        again = now + END_AGAIN
        sync.tickets.put(conn, secrets.token_urlsafe(32), "held", again, {"pair": _packed(pair)})


# --- the exchange ---------------------------------------------------------------------------------


def _started(sync: Sync, browser: str) -> Started:
    state = secrets.token_urlsafe(32)
    with sync.store.write() as conn:
        verifier = None if facts.get(conn, PKCE) == "no" else secrets.token_urlsafe(48)
        until = sync.clock() + STATE_LIFE
        data = {"verifier": verifier} if verifier else {}
        sync.tickets.put(conn, _bound(state, browser), "state", until, data)
    scopes = sync.settings.drchrono_scopes.replace(",", " ").split()
    base = sync.settings.drchrono_base_url
    return Started(authorise_url(base, sync.application, scopes, state, verifier), browser)


def _bound(state: str, browser: str) -> str:
    """What is stored of a state: nothing is found without the browser's cookie."""
    return f"{state}.{browser}"


def _wait_unless(sync: Sync, alone: bool) -> None:
    """Another process is renewing: let it end, so that it does not spend what is replaced."""
    if not alone:
        sync.pause(1.0)


def _candidate(sync: Sync, code: str, verifier: str | None) -> tuple[StoredToken, Judged]:
    """Exchange and judge; what is not right is ended. Raises ConnectError."""
    try:
        pair, granted = sync.keeper.exchange(code, verifier)
    except RemoteError as error:
        if verifier and isinstance(error, AuthFailed | Refused):
            with sync.store.write() as conn:
                facts.put(conn, PKCE, "no", sync.clock())
        raise _unexpected(error) from None
    try:
        return pair, candidate.judge(sync, pair, granted)
    except Exception as error:
        _end(sync, pair)
        if isinstance(error, RemoteError):
            raise _unexpected(error) from None
        raise


def _unexpected(error: RemoteError) -> ConnectError:
    return ConnectError(
        f"DrChrono did not answer as expected ({error.code}); try again, or run "
        "drchrono-oncall check"
    )


def _adopt(conn: Connection, sync: Sync, pair: StoredToken, judged: Judged) -> None:
    """Store the pair, pin both accounts and wake what waited for it, in one transaction."""
    now = sync.clock()
    sync.tokens.replace(conn, SYSTEM, pair)
    installation.pin(
        conn,
        practice_group=judged.practice_group,
        oncall_org=judged.oncall_org,
        name=sync.digests.installation(judged.practice_group, judged.oncall_org),
    )
    accounts_named = (("practice", judged.practice_group), ("oncall-org", judged.oncall_org))
    deeds.note(conn, Deed("connect", accounts_named), now)
    attention.close_rest(conn, 0, now, keep=NOT_OF_THE_ACCOUNT)
    for system in SYSTEMS:
        accounts.note_right(conn, sync, system, now)
    blockers.wake(conn, "auth", None, now=now, lane=Lane.CATCHUP)


def _learn(sync: Sync) -> None:
    """Learn the practice now, or by the beat when a system does not answer just now."""
    try:
        practice.learn(sync)
    except RemoteError as error:
        sync.log.warning("the practice is learned later", reason=error.code)


def _packed(pair: StoredToken) -> dict[str, str]:
    return {
        "access": pair.access,
        "refresh": pair.refresh,
        "expires_at": pair.expires_at.isoformat(),
        "obtained_at": pair.obtained_at.isoformat(),
    }


def _unpacked(data: dict[str, str]) -> StoredToken:
    return StoredToken(
        data["access"],
        data["refresh"],
        datetime.fromisoformat(data["expires_at"]),
        datetime.fromisoformat(data["obtained_at"]),
    )
