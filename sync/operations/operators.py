"""Decide who may use the operations pages: operators, signing in, sessions. Nothing of the web.

Every way in gives a session with a new id, and each is audited in its own transaction, a failed one
too. A password is judged in the same time whether there is such a name or not.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Final, Literal

import argon2
import pyotp
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection

from sync.core.actor import Actor
from sync.runtime import Sync
from sync.store.operators import accounts, sessions, tries
from sync.store.operators.accounts import Account
from sync.store.trail.acting import acting, somebody
from sync.store.trail.deeds import Deed, note

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=8)
LINK: Final = timedelta(minutes=15)
NOTE_EVERY: Final = timedelta(seconds=60)  # so often a session in use is written down
ISSUER: Final = "drchrono-oncall"
_MADE_UP: Final = 20  # failed names that are nobody's, of one network, until an hour without any
_LINK: Final = "sign-in"  # the kind of its ticket
_CODE_SECONDS: Final = 30
_LATE: Final = (-1, 0, 1)  # steps of a code that a telephone's clock may be off

NAME: Final = r"[0-9A-Za-z][0-9A-Za-z_.@+-]{0,79}"  # what the audit takes as an id
# OWASP's least for argon2id, 19 MiB: some threads of a web process may be at it at once.
_HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY: Final = _HASHER.hash(secrets.token_urlsafe(16))  # judged where there is no such name

Way = Literal["password", "openid", "link"]


class Role(StrEnum):
    """What somebody may do; each may what the one before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether it is this role or more."""
        ranks = tuple(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who is signed in, in what role, by which way and since when."""

    name: str
    role: Role
    way: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """A new operator's secrets, shown once: the password, and the address for their telephone."""

    password: str
    address: str


class SignInError(Exception):
    """Signing in is refused; `seconds`: the next try waits so long. The text is for the person."""

    def __init__(self, words: str, seconds: int = 0) -> None:
        """Say why, without telling whether there is such a name."""
        super().__init__(words)
        self.seconds = seconds


class TakenError(Exception):
    """There is an operator of that name already."""


WRONG: Final = "Name, password or code is wrong."

# --- operators ------------------------------------------------------------------------------------


def add(sync: Sync, name: str, role: Role, password: str | None = None) -> Made:
    """Make an operator, with a password of ours where none is given. Raises TakenError."""
    password = password or secrets.token_urlsafe(15)
    secret = pyotp.random_base32()
    now = sync.clock()
    with sync.store.write() as conn:
        made = accounts.put(
            conn,
            name,
            role=role,
            password=_HASHER.hash(password),
            totp=_box(sync).encrypt(secret.encode()),
            now=now,
        )
        if not made:
            raise TakenError
        note(conn, Deed("add_operator", (("operator", name),), ("role",), str(role)), now)
    return Made(password, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER))


def every(sync: Sync) -> list[Account]:
    """All operators who may sign in with a password."""
    with sync.store.read() as conn:
        return accounts.every(conn)


def remove(sync: Sync, name: str) -> bool:
    """Let an operator in no more, and end their sessions; False when there is nothing of theirs.

    Who came by a provider or a printed address has sessions only.
    """
    now = sync.clock()
    with sync.store.write() as conn:
        there = accounts.disable(conn, name, now)
        removed = sessions.end_all(conn, name, now) > 0 or there
        if removed:
            note(conn, Deed("remove_operator", (("operator", name),)), now)
    return removed


def _box(sync: Sync) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in sync.settings.fernet_keys])


# --- ways in --------------------------------------------------------------------------------------


def sign_in(
    sync: Sync, name: str, password: str, code: str, *, caller: str
) -> tuple[str, SignedIn]:
    """Begin a session for who knows the password and holds the telephone; its id and who.

    `caller`: the address, or a browser that is known. Raises SignInError.
    """
    now = sync.clock()
    key = tries.key(name, caller)
    with sync.store.write() as conn:
        wait = tries.take(conn, key, now)
        account = accounts.find(conn, name)
    if wait is not None:
        seconds = ceil(wait.total_seconds())
        raise SignInError(f"Too many tries. Try again in {seconds} seconds.", seconds)
    right = _is_right(account.password if account else _NOBODY, password)
    step = _step(sync, account, code, now) if account else None
    with sync.store.write() as conn:
        good = (
            account is not None
            and right
            and step is not None
            and accounts.use_code(conn, account.name, step)
        )
        if good and account is not None:
            tries.forget(conn, key)
            return _begin(sync, conn, account.name, Role(account.role), "password")
        _note_failure(conn, account, caller, now)
    raise SignInError(WRONG)


def _note_failure(conn: Connection, account: Account | None, caller: str, now: datetime) -> None:
    """Write a failed sign-in into the audit; of made-up names only the first ones of a network.

    Else whoever reaches the page could fill the audit, which is kept for years.
    """
    if account is not None:
        note(conn, Deed("sign_in", (("operator", account.name),), outcome="refused"), now)
    elif tries.count(conn, tries.key("", caller), now) <= _MADE_UP:
        note(conn, Deed("sign_in", outcome="refused"), now)


def _is_right(kept: str, given: str) -> bool:
    try:
        return _HASHER.verify(kept, given)
    except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
        return False


def _step(sync: Sync, account: Account, code: str, now: datetime) -> int | None:
    """The step whose code was given; None when it is none of those that may be shown now."""
    try:
        secret = _box(sync).decrypt(account.totp).decode()
    except InvalidToken:
        return None  # sealed with a key that is gone: the operator is made anew
    present = int(now.timestamp()) // _CODE_SECONDS
    codes = pyotp.TOTP(secret)
    given = "".join(code.split())
    matching = [
        present + late
        for late in _LATE
        if secrets.compare_digest(codes.generate_otp(present + late).encode(), given.encode())
    ]
    return matching[0] if matching else None


def admit(sync: Sync, name: str, role: Role) -> tuple[str, SignedIn]:
    """Begin a session for who a provider of OpenID Connect vouches for."""
    with sync.store.write() as conn:
        return _begin(sync, conn, name, role, "openid")


def new_link(sync: Sync, name: str, role: Role) -> str:
    """Make the secret of an address that signs its opener in, once and within 15 minutes."""
    secret = secrets.token_urlsafe(32)
    now = sync.clock()
    with sync.store.write() as conn:
        sync.tickets.put(conn, secret, _LINK, now + LINK, {"name": name, "role": str(role)})
        note(conn, Deed("offer_sign_in", (("operator", name),), outcome=str(role)), now)
    return secret


def use_link(sync: Sync, secret: str) -> tuple[str, SignedIn]:
    """Begin a session for who opens such an address first. Raises SignInError."""
    with sync.store.write() as conn:
        held = sync.tickets.find(conn, secret)
        if held is not None and sync.tickets.spend(conn, secret, _LINK):
            name, role = str(held.data["name"]), Role(held.data["role"])
            return _begin(sync, conn, name, role, "link")
    raise SignInError("This address was used already or is too old.")


def refused(sync: Sync, way: Way) -> None:
    """Note that a provider's answer, or the role in it, let nobody in."""
    with sync.store.write() as conn:
        note(conn, Deed("sign_in", (("way", way),), outcome="refused"), sync.clock())


def _begin(sync: Sync, conn: Connection, name: str, role: Role, way: Way) -> tuple[str, SignedIn]:
    secret = secrets.token_urlsafe(32)
    now = sync.clock()
    opened = sessions.Open(name, str(role), way, now, now)
    sessions.begin(conn, secret, opened, now + LONGEST)
    asks = somebody()
    with acting(Actor("operator", name, "ops", asks.request if asks else "")):
        note(conn, Deed("sign_in", (("way", way),), outcome=str(role)), now)
    return secret, SignedIn(name, role, way, now)


# --- sessions -------------------------------------------------------------------------------------


def who(sync: Sync, secret: str, *, used: bool) -> SignedIn | None:
    """Who is signed in by a session's id, if it was used within 15 minutes and is not 8 hours old.

    `used`: the person did something now; a page that keeps itself fresh did not.
    """
    now = sync.clock()
    with sync.store.read() as conn:
        found = sessions.find(conn, secret, now, now - IDLE)
    if found is None:
        return None
    if used and now - found.seen_at >= NOTE_EVERY:
        with sync.store.write() as conn:
            sessions.seen(conn, secret, now)
    return SignedIn(found.operator, Role(found.role), found.way, found.created_at)


def sign_out(sync: Sync, secret: str) -> None:
    """End a session for good, wherever its cookie is kept."""
    now = sync.clock()
    with sync.store.write() as conn:
        if sessions.end(conn, secret, now):
            note(conn, Deed("sign_out"), now)
