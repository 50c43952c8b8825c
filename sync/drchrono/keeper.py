"""Give the access token, and renew the token pair at half of its life.

A renewal kills the refresh token that it sends (docs/api-facts.md, D18). After two renewals at
once, or one whose answer is lost, a person has to reconnect. Therefore one process renews at a
time, under a lease row; the attempt is stored before the call, and the new pair before its first
use. Renewing at half of the token's life leaves a day to reconnect (docs/rules.md, R22).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from threading import local
from typing import Any
from uuid import uuid4

from sync.core.answers.verdict import LOGIN_PAGE
from sync.core.errors import (
    AuthFailed,
    Deferred,
    NotBefore,
    NotTheApi,
    RemoteError,
    Transient,
    Unresolved,
)
from sync.core.tokens import StoredToken, TokenStore
from sync.drchrono import oauth
from sync.drchrono.oauth import SYSTEM, Application
from sync.outbound.call import Answer, Call, Sender

# A run reads the pair once, and anew when it is as old as this.
KEPT = timedelta(seconds=15)
# Longer than a call's total deadline with all its redirects.
LEASE = timedelta(seconds=90)
# A renewal whose outcome is unknown is tried again only after this: it may not have been made.
AGAIN_AFTER = timedelta(minutes=15)
# A token this young is not the reason for a 401.
YOUNG = timedelta(seconds=60)
BUSY = timedelta(seconds=5)
# A proxy in front of the API answers so too: these do not prove that the token is refused.
UNAUTHORISED_PAGES = frozenset({LOGIN_PAGE, "edge_401"})
ELSEWHERE = "connected_elsewhere"


class ConnectionState(StrEnum):
    """How the connection to DrChrono stands."""

    NONE = "none"  # never connected
    GOOD = "good"
    LOST = "lost"  # can't be renewed: a person must reconnect before `access_until`
    EXPIRED = "expired"
    ELSEWHERE = "elsewhere"  # another deployment connected it, and this one is a copy of it


@dataclass(frozen=True)
class ConnectionStatus:
    """The state, and until when (aware UTC) the access token lives; None without one."""

    state: ConnectionState
    access_until: datetime | None


class TokenKeeper:
    """Gives the access token and renews it. `now` gives aware UTC; `owner` names this process.

    Never call it inside an open transaction: it makes calls, and the store commits by itself.
    """

    def __init__(
        self,
        store: TokenStore,
        send: Callable[[Call], Answer],
        application: Application,
        now: Callable[[], datetime],
        owner: str,
    ) -> None:
        self._store = store
        self._send = send
        self._application = application
        self._now = now
        self._owner = owner
        self._used = local()

    def status(self) -> ConnectionStatus:
        """Say how the connection stands, from what is stored; makes no call."""
        token = self._store.load(SYSTEM)
        if token is None:
            return ConnectionStatus(ConnectionState.NONE, None)
        if token.elsewhere:
            return ConnectionStatus(ConnectionState.ELSEWHERE, token.expires_at)
        if token.expires_at <= self._now():
            return ConnectionStatus(ConnectionState.EXPIRED, token.expires_at)
        at = self._store.attempted_at(SYSTEM)
        # An attempt that is still under way is as old as a lease at most.
        lost = not token.refresh or (at is not None and at + LEASE <= self._now())
        return ConnectionStatus(
            ConnectionState.LOST if lost else ConnectionState.GOOD, token.expires_at
        )

    def version(self) -> int:
        """Give the stored pair's version, 0 when there is none."""
        self._forget_kept()
        token = self._store.load(SYSTEM)
        return token.version if token else 0

    @contextmanager
    def kept(self, token: StoredToken | None) -> Iterator[None]:
        """Have this thread read the pair once in the block; `token`: it was read just now.

        A newer one that another process has stored meanwhile is taken after a 401.
        """
        self._used.keeps = True
        self._keep(token)
        try:
            yield
        finally:
            self._used.keeps = False
            self._forget_kept()

    def version_used(self) -> int:
        """Give the version of the pair that `access_token` last gave this thread, 0 for none."""
        return int(getattr(self._used, "version", 0))

    def access_token(self) -> str:
        """Give a token to use now, renewed when half of its life is over.

        Raises AuthFailed when there is none that lives, and what the renewal raised when it failed
        and the old token is over. While the old one lives, a failed renewal raises nothing.
        """
        token = self._current()
        self._used.version = token.version if token else 0
        if token is None:
            raise AuthFailed("not_connected")
        _refuse_elsewhere(token)
        if self._now() < token.renew_at:
            return token.access
        try:
            newer = self._renew(token.version)
        except RemoteError:
            if token.expires_at <= self._now():
                raise
            newer = None
        if newer is not None:
            self._keep(newer)
            self._used.version = newer.version
            return newer.access
        if token.expires_at <= self._now():
            raise AuthFailed("token_lost")
        return token.access

    def renew_after_refusal(self, version: int) -> bool:
        """After a 401 with the pair of that version: say whether a newer pair is stored now.

        Looks first whether another process has renewed it, and renews it at most once itself.
        Raises what the renewal raised, Deferred when another process is at it.
        """
        self._forget_kept()
        token = self._store.load(SYSTEM)
        if token is None or token.elsewhere:
            return False
        if token.version != version:
            return True
        if self._now() - token.obtained_at < YOUNG:
            return False
        return self._renew(version) is not None

    def exchange(
        self, code: str, verifier: str | None = None
    ) -> tuple[StoredToken, frozenset[str] | None]:
        """Exchange the code of an authorisation for a pair, and store nothing.

        Returns the scopes that were granted too, None where DrChrono does not say. Raises
        AuthFailed or Refused when DrChrono does not take the code, and other RemoteErrors.
        """
        answer = self._send(oauth.exchange_code(self._application, code, verifier))
        pair = oauth.pair_from(answer.json, self._now(), answer.call_id)
        return pair, oauth.scopes_in(answer.json)

    def revoke(self, pair: StoredToken) -> None:
        """Have DrChrono end a pair that is not to be used. Raises the RemoteErrors of the call."""
        self._send(oauth.revoke(self._application, pair.access))

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Keep every process from renewing meanwhile; gives whether that is so.

        A new authorisation by the same user can end the earlier access token (DrChrono's support
        page on API errors, 401): who is refused for that waits until the new pair is stored.
        """
        owner = f"{self._owner}/{uuid4().hex[:12]}"
        taken = self._store.try_lease(SYSTEM, owner, self._now() + LEASE)
        try:
            yield taken
        finally:
            self._store.release(SYSTEM, owner)

    def disconnect(self) -> bool:
        """Have DrChrono end the token, and forget the pair; False when there is none.

        Raises the RemoteErrors of the call; the pair is kept then.
        """
        token = self._store.load(SYSTEM)
        if token is None:
            return False
        _refuse_elsewhere(token)
        self._send(oauth.revoke(self._application, token.access))
        self._store.forget(SYSTEM)
        return True

    def _current(self) -> StoredToken | None:
        """The pair as this thread's run has read it, else as it is stored."""
        kept: tuple[StoredToken, datetime] | None = getattr(self._used, "kept", None)
        if kept is not None and self._now() - kept[1] < KEPT:
            return kept[0]
        token = self._store.load(SYSTEM)
        self._keep(token)
        return token

    def _keep(self, token: StoredToken | None) -> None:
        keeps = token is not None and getattr(self._used, "keeps", False)
        self._used.kept = (token, self._now()) if keeps else None

    def _forget_kept(self) -> None:
        self._used.kept = None

    def _renew(self, seen: int) -> StoredToken | None:
        """Give a pair newer than version `seen`; None when there is none and none to be had now."""
        # Two threads of one process are two renewers.
        owner = f"{self._owner}/{uuid4().hex[:12]}"
        if not self._store.try_lease(SYSTEM, owner, self._now() + LEASE):
            raise Deferred("token_renewal_under_way", self._now() + BUSY)
        try:
            token = self._store.load(SYSTEM)
            if token is None:
                return None
            if token.version != seen:
                return token
            at = self._store.attempted_at(SYSTEM)
            if (
                not token.renewable
                or not token.refresh
                or (at is not None and self._now() < at + AGAIN_AFTER)
            ):
                return None
            return self._spend(token)
        finally:
            self._store.release(SYSTEM, owner)

    def _spend(self, token: StoredToken) -> StoredToken | None:
        """Make the renewal. Unless it is certain that nothing was spent, the attempt stays open.

        The open attempt is what `status` calls lost, and what keeps the next try apart.
        """
        self._store.note_attempt(SYSTEM, self._now())
        try:
            answer = self._send(oauth.refresh(self._application, token.refresh))
        except (NotBefore, Transient):
            self._store.clear_attempt(SYSTEM)
            raise
        except AuthFailed as refusal:
            if refusal.code == "invalid_grant":
                self._forget_refresh(token)
            return None
        except Unresolved:
            # Its answer is lost: whether it was made will not be known. It is told as lost now.
            self._store.note_attempt(SYSTEM, self._now() - LEASE)
            raise
        pair = oauth.pair_from(answer.json, self._now(), answer.call_id)
        self._store.save(SYSTEM, pair, token.version)
        return self._store.load(SYSTEM)

    def _forget_refresh(self, token: StoredToken) -> None:
        dead = StoredToken(token.access, "", token.expires_at, token.obtained_at)
        self._store.save(SYSTEM, dead, token.version)


def _refuse_elsewhere(token: StoredToken) -> None:
    """A renewal, and ending it, would take the pair from who lives on it; so would its calls."""
    if token.elsewhere:
        raise AuthFailed(ELSEWHERE)


class _FreshTokenSender:
    def __init__(self, sender: Sender, keeper: TokenKeeper) -> None:
        self._sender = sender
        self._keeper = keeper

    def send(self, call: Call, ticket: Any) -> Answer:
        if call.system != SYSTEM or not call.bearer:
            return self._sender.send(call, ticket)
        try:
            return self._sender.send(call, ticket)
        except AuthFailed:
            if not self._keeper.renew_after_refusal(self._keeper.version_used()):
                raise
        except NotTheApi as page:
            # It may mean a lapsed token, or nothing of ours: a newer pair is taken, none is spent.
            stored, used = self._keeper.version(), self._keeper.version_used()
            if page.code not in UNAUTHORISED_PAGES or stored == used:
                raise
        return self._sender.send(call, ticket)


def with_fresh_token(sender: Sender, keeper: TokenKeeper) -> Sender:
    """Give a sender that answers a 401 of DrChrono with a newer token, once.

    A page where people sign in, or a 401 that is not the API's, is answered so only where a newer
    pair is stored already. Neither was executed, so sending again, a write too, does nothing twice.
    AuthFailed is raised when no newer token can be had, or when that one is not taken either.
    """
    return _FreshTokenSender(sender, keeper)
