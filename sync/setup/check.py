"""Check an installation: each setting, both APIs, the handshake, the mapping, the lists.

Everything is tried for real and by its effect. A finding names the setting, never its value.

D… are facts of docs/api-facts.md.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import redis
from cryptography.fernet import InvalidToken
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sync import redis_server
from sync.config import Mode, Settings
from sync.core.errors import RemoteError, TransportError, WrongAccount
from sync.drchrono.keeper import ConnectionState
from sync.mapping import MappingError
from sync.matching import preview
from sync.outbound.call import Outgoing, read_json
from sync.outbound.pages import Record
from sync.run.evidence import accounts
from sync.runtime import Sync
from sync.settings_read import judge, plain
from sync.settings_rules import is_loopback
from sync.setup import belonging, check_mapping, probes, told
from sync.setup.check_mapping import DrChronoSide
from sync.setup.finding import Finding, good, remote_trouble, trouble
from sync.store import attention, revisions
from sync.store import trouble as database_trouble
from sync.store.lanes import Lane
from sync.store.service import installation

__all__ = ["Finding", "check", "settings_findings", "wrong_setting"]

CONNECT: Final = "Attach the account with: drchrono-oncall connect"
ONCALL_CREDENTIALS: Final = "Look at ONCALL_KEY, and at ONCALL_KEY_PREFIX if the key needs one."
GO_LIVE: Final = "drchrono-oncall go-live"
_REDIS_SECONDS: Final = 2.0


def check(sync: Sync) -> list[Finding]:
    """Try everything, in the order in which it is set up.

    Some twelve calls of DrChrono and five of OnCall, in the bulk lane; what the lists turn out to
    support is remembered (`facts`). Never raises for what is found.
    """
    settings = sync.settings
    found = [*settings_findings(settings), database(sync), redis_finding(settings)]
    found.append(_handshake(sync))
    if any(not one.ok for one in found if one.name == "database"):
        return found  # every call is written down there first
    found += belonging_findings(sync)
    if sync.misfit() is not None:
        return found  # what would be read can't be compared with what is stored
    drchrono, here = _drchrono(sync)
    there, providers = oncall(sync)
    found += [*drchrono, there, *_mapping(sync, here, providers), _going_live(sync)]
    if here is not None:
        found += probes.drchrono(sync)
    if providers is not None:
        found += probes.oncall(sync)
    return found


# --- settings -------------------------------------------------------------------------------------


# Nothing works without them; what else may stay empty has a default.
_REQUIRED: Final = (
    *("drchrono_client_id", "drchrono_client_secret", "drchrono_webhook_secrets"),
    *("oncall_key", "oncall_webhook_tokens", "encryption_keys", "digest_keys"),
)
_ADDRESSES: Final = ("public_url", "drchrono_base_url", "oncall_base_url")


def settings_findings(
    settings: Settings, environ: Mapping[str, str] | None = None
) -> list[Finding]:
    """One finding for each setting that must be there or is wrong; comes before anything else."""
    wrong = judge(settings, os.environ if environ is None else environ)
    first = [field.upper() for field in (*_ADDRESSES, *_REQUIRED)]
    return [
        *(_setting(settings, name, wrong.get(name)) for name in first),
        *(wrong_setting(name, what) for name, what in wrong.items() if name not in first),
        _mode(settings.sync_mode),
    ]


def wrong_setting(name: str, what: str) -> Finding:
    """The finding of a setting that can't be used; `what` says what to do too."""
    return trouble(name, what, f"Correct {name} in the environment or in .env.")


def _setting(settings: Settings, name: str, wrong: str | None) -> Finding:
    if wrong is not None:
        return wrong_setting(name, wrong)
    value = plain(settings, name.lower())
    if name.lower() in _ADDRESSES:
        parts = urlsplit(value)
        host = parts.hostname or ""
        return good(name, f"{parts.scheme}, {'this host' if is_loopback(host) else host}")
    if not value.strip(", "):
        return trouble(name, "not set", f"Set {name} in the environment or in .env.")
    # Compose puts something else in its place, and nobody sees that here afterwards.
    dollar = "; it holds a $: where Compose reads it, write it in single quotes"
    return good(name, "set" + (dollar if "$" in value else ""))


def _mode(mode: Mode) -> Finding:
    said = {
        Mode.SHADOW: "shadow: it plans and writes nothing",
        Mode.LIVE: "live: changes are written",
        Mode.PAUSED: "paused: nothing is worked on",
    }
    return good("SYNC_MODE", said[mode])


# --- what the service stands on -------------------------------------------------------------------


def database(sync: Sync) -> Finding:
    """Whether the database answers and has this version's tables."""
    fix = "Look at DATABASE_URL and whether the server is up."
    try:
        with sync.store.engine.connect() as conn:
            present, wrong = revisions.present(conn), revisions.trouble(conn)
    except DBAPIError as failure:
        return trouble("database", "it can't be used", database_trouble.sentence(failure))
    except SQLAlchemyError as failure:
        return trouble("database", f"it does not answer ({type(failure).__name__})", fix)
    if wrong is not None:
        is_at = (
            f"the tables are at {present or 'nothing'}, this version needs {revisions.known()[0]}"
        )
        return trouble("database", is_at, wrong)
    return good("database", f"{sync.store.engine.dialect.name}, tables at {present}")


def belonging_findings(sync: Sync, *, account: bool = True) -> list[Finding]:
    """Whether this process, with these settings, belongs to the database; and its clock.

    Whose a new ONCALL_KEY is costs a call, unless `account` is off.
    """
    wrong = sync.misfit(account=account)
    name = "this installation"
    found = [
        good(name, "its keys and accounts are those of the database")
        if wrong is None
        else trouble(name, "a process with these settings does no work", wrong)
    ]
    with sync.store.read() as conn:
        off = attention.is_open(conn, 0, belonging.CLOCK_OFF)
    fix = "Have the host's clock set by NTP, and the database's."
    if off:
        found.append(trouble("clock", "a host's clock is off by more than 5 s", fix))
    return found


def redis_finding(settings: Settings) -> Finding:
    """Whether Redis answers, takes writes and asks for a password."""
    url = settings.redis_url
    if not url:
        return good(
            "redis", "REDIS_URL is empty: the processes of this host share one of their own"
        )
    refused = redis_server.refusal(url)
    if refused is not None:
        return trouble("redis", "REDIS_URL must not be used so", refused)
    try:
        with redis_server.connect(url, timeout=_REDIS_SECONDS) as client:
            redis_server.try_write(client)
    except (redis.RedisError, ValueError) as failure:
        found = redis_server.why(failure)
        return trouble("redis", found.words, found.fix)
    if redis_server.is_open(url):
        fix = "Give its default user a password (requirepass), or switch that user off."
        return trouble("redis", "it answers anybody without a password", fix)
    return good("redis", "it answers and takes writes")


def _handshake(sync: Sync) -> Finding:
    """Ask our own address as DrChrono does when a webhook is registered (D56)."""
    name, wanted = "handshake", sync.settings.webhook_secrets[:1]
    if not wanted:
        return trouble(name, "DRCHRONO_WEBHOOK_SECRETS is not set", "Set it, then check again.")
    msg = told.OWN + secrets.token_hex(16)
    url = f"{sync.settings.public_url}/webhooks/drchrono"
    request = Outgoing("GET", url, {"accept": "application/json"}, {"msg": msg})
    try:
        # Our own address: no remote's budget is spent, so the gate is not asked.
        answer = sync.wire.send(request)
    except TransportError as failure:
        fix = "Start the web process, and see that PUBLIC_URL leads to it from outside."
        return trouble(name, f"PUBLIC_URL does not answer ({failure.code})", fix)
    if answer.status != 200:
        # A redirect is a failure to DrChrono (D64).
        fix = "PUBLIC_URL must lead to the web process itself, with the same settings as here."
        return trouble(name, f"PUBLIC_URL answers {answer.status}", fix)
    digest = hmac.new(wanted[0].encode(), msg.encode(), hashlib.sha256).hexdigest()
    body = read_json(answer)
    given = body.get("secret_token") if isinstance(body, dict) else None
    if not (isinstance(given, str) and hmac.compare_digest(given.encode(), digest.encode())):
        fix = "Give the web process the same DRCHRONO_WEBHOOK_SECRETS, the new one first."
        return trouble(name, "PUBLIC_URL answers with another secret", fix)
    return good(name, "PUBLIC_URL answers as DrChrono wants")


# --- both systems ---------------------------------------------------------------------------------


def _drchrono(sync: Sync) -> tuple[list[Finding], DrChronoSide | None]:
    """The token and the practice; None when it can't be read."""
    connection = token(sync)
    if not connection.ok and connection.detail != str(ConnectionState.LOST):
        return [connection], None
    ticket = sync.task_ticket(Lane.BULK)
    right = "user:read"
    try:
        doctors = sync.drchrono.doctors(ticket)
        offices = sync.drchrono.offices(ticket)
        right = "calendar:read or settings:read"
        profiles = sync.drchrono.profiles(ticket)
    except RemoteError as failure:
        return [connection, remote_trouble("drchrono", failure, CONNECT, right)], None
    if not doctors:
        # A missing scope can show as an empty list instead of a 403 (D21).
        return [
            connection,
            trouble("drchrono", "it shows no doctors", f"A scope is missing. {CONNECT}"),
        ], None
    detail = f"{len(doctors)} doctors, {len(offices)} offices, {len(profiles)} profiles"
    return [connection, good("drchrono", detail), _pinned(sync, doctors)], DrChronoSide(
        doctors, offices, profiles
    )


def token(sync: Sync) -> Finding:
    """How the connection to DrChrono stands; makes no call."""
    name = "drchrono token"
    try:
        found = sync.keeper.status()
    except InvalidToken:
        fix = f"Put the key that sealed it back into ENCRYPTION_KEYS. Or: {CONNECT}"
        return trouble(name, "unreadable: none of ENCRYPTION_KEYS opens it", fix)
    if found.state is ConnectionState.ELSEWHERE:
        fix = f"Put PUBLIC_URL back if it was changed. A copy is attached by itself: {CONNECT}"
        return trouble(name, "another PUBLIC_URL connected it; a copy uses no other's token", fix)
    if found.state is ConnectionState.GOOD:
        return good(name, str(found.state))
    return trouble(name, str(found.state), CONNECT)


def _pinned(sync: Sync, doctors: list[Record]) -> Finding:
    with sync.store.read() as conn:
        pinned = installation.get(conn)
    if pinned is None:
        return trouble("accounts", "the two accounts are not tied to this installation", CONNECT)
    try:
        accounts.saw(sync, "drchrono", doctors)
    except WrongAccount:
        other = "another practice is connected, or one that shows none of the mapped doctors"
        return trouble("accounts", other, f"Nothing is believed of it. {CONNECT}")
    return good("accounts", "both accounts are tied to this installation")


def _going_live(sync: Sync) -> Finding:
    """Whether anything may be made yet. Nothing would be in another mode than live anyway."""
    name = "going live"
    with sync.store.read() as conn:
        accepted = installation.accepted_at(conn)
    if accepted is not None:
        return good(name, "accepted: what is missing on one side is made")
    if not preview.waits(sync):
        return good(name, "both systems are matched first; nothing is made before that")
    waiting = "both systems are matched, and nothing is made before somebody accepts it"
    if sync.live:
        return trouble(name, waiting, f"{GO_LIVE} --dry-run, then: {GO_LIVE} --yes")
    return good(name, waiting)


def oncall(sync: Sync) -> tuple[Finding, list[Record] | None]:
    """Whether the key opens OnCall: its providers are read; None when they can't be."""
    try:
        providers = list(sync.oncall.providers(sync.task_ticket(Lane.BULK)))
    except RemoteError as failure:
        return remote_trouble("oncall", failure, ONCALL_CREDENTIALS), None
    if not providers:
        fix = "Ask OnCall whether the key is that of the clinic's organisation."
        return trouble("oncall", "it shows no providers", fix), None
    return good("oncall", f"{len(providers)} providers"), providers


def _mapping(
    sync: Sync, here: DrChronoSide | None, providers: list[Record] | None
) -> list[Finding]:
    try:
        mapping = sync.mapping
    except MappingError as error:
        return [trouble("mapping", str(error), "Correct the lines named, then check again.")]
    if not mapping.doctors:
        fix = "Write a first one with: drchrono-oncall mapping suggest"
        return [trouble("mapping", "MAPPING_FILE is missing or maps no doctor", fix)]
    if here is None or providers is None:
        detail = f"{len(mapping.doctors)} doctors; not compared, as a system can't be read"
        return [good("mapping", detail)]
    return check_mapping.compare(mapping, here, providers)
