"""Connect to Redis, check that it can be written, and put its refusals into words.

What is needed is a write: a replica, a full memory or a lost primary answer every PING. Texts of
Redis and of TLS are looked at here and shown nowhere.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import AuthenticationError, BusyLoadingError
from redis.retry import Retry

_PROBE: Final = "rq:sync:probe"  # under RQ's prefix: an ACL may know no other
_PROBE_LIFE: Final = 60  # seconds


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why Redis can't be used, in our words, and what to do."""

    words: str
    fix: str

    def __str__(self) -> str:
        """Both, as one line."""
        return f"{self.words}. {self.fix}"


_UP: Final = "Look at REDIS_URL and whether the server is up."
_SWITCH: Final = "It goes on by itself when REDIS_URL leads to a primary again."
_TLS: Final = (
    "If that is known (Heroku's chain is its own), write REDIS_TLS_VERIFY=no; better, name its "
    "certificate authority: rediss://…?ssl_ca_certs=/path/to/ca.pem"
)
# The first that is found in the error's text (Redis' own codes, OpenSSL's words) is meant.
_MEANINGS: Final = (
    ("readonly", Trouble("it takes no writes: it is a replica by now", _SWITCH)),
    ("against a read only", Trouble("it takes no writes: it is a replica by now", _SWITCH)),
    ("masterdown", Trouble("it is a replica that lost its primary", _SWITCH)),
    ("instance state changed", Trouble("it has just become a replica", _SWITCH)),
    ("noreplicas", Trouble("it takes no writes: too few replicas follow it", _SWITCH)),
    ("clusterdown", Trouble("its cluster is down", _SWITCH)),
    ("moved ", Trouble("it is a part of a cluster", "Use a Redis that is not a cluster.")),
    ("oom ", Trouble("its memory is full", "Give it more: maxmemory, with noeviction.")),
    ("out of memory", Trouble("its memory is full", "Give it more: maxmemory, with noeviction.")),
    ("used memory >", Trouble("its memory is full", "Give it more: maxmemory, with noeviction.")),
    ("misconf", Trouble("it takes no writes: it can't save to its disk", "Look at its log.")),
    ("loading", Trouble("it is still loading its data", "Nothing to do: it is asked again.")),
    ("certificate_verify_failed", Trouble("TLS: its certificate is not trusted", _TLS)),
    ("certificate verify failed", Trouble("TLS: its certificate is not trusted", _TLS)),
    ("invalid ssl certificate requirements",
     Trouble("ssl_cert_reqs in REDIS_URL has no such value", "Write none, optional or required.")),
    ("ssl", Trouble("TLS does not come about", "rediss:// is with TLS, redis:// without it.")),
    ("without any password", Trouble("it has no password, and REDIS_URL names one",
                                     "Give the server one: requirepass.")),
    ("wrongpass", Trouble("the password is not taken", "Look at REDIS_URL.")),
    ("noauth", Trouble("it wants a password", "Write REDIS_URL as redis://:password@host:port.")),
    ("authentication required", Trouble("it wants a password",
                                        "Write REDIS_URL as redis://:password@host:port.")),
    ("noperm", Trouble("its user may not do what is needed",
                       "Allow that user all commands on keys rq:*.")),
    ("no permissions", Trouble("its user may not do what is needed",
                               "Allow that user all commands on keys rq:*.")),
    ("wrongtype", Trouble("something else has written to its keys",
                          "Give this service a Redis, or a database number, of its own.")),
)  # fmt: skip


def connect(url: str, *, timeout: float) -> redis.Redis:
    """A client that waits `timeout` seconds at most, for connecting and for each answer.

    Raises ValueError when the address is none.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
    )


def try_write(client: redis.Redis) -> None:
    """Write a key that is forgotten within a minute. Raises redis.RedisError."""
    client.set(_PROBE, "1", ex=_PROBE_LIFE)


def forget(client: redis.Redis) -> None:
    """Close the idle connections: the next one asks for the name's address anew."""
    client.connection_pool.disconnect(inuse_connections=False)


def why(error: BaseException) -> Trouble:
    """What an error of Redis means, without a word of its own."""
    text = str(error).lower()
    for words, meaning in _MEANINGS:
        if words in text or (words == "readonly" and isinstance(error, redis.ReadOnlyError)):
            return meaning
    if isinstance(error, BusyLoadingError):
        return Trouble("it is still loading its data", "Nothing to do: it is asked again.")
    if isinstance(error, AuthenticationError):
        return Trouble("the password is not taken", "Look at REDIS_URL.")
    if isinstance(error, redis.TimeoutError):
        return Trouble("it does not answer in time", _UP)
    if isinstance(error, redis.ConnectionError):
        return Trouble("it does not answer", _UP)
    return Trouble(f"it refused ({type(error).__name__})", _UP)


def refusal(url: str) -> str | None:
    """Why a process must not start with this address, and what to do; None when it may.

    Who can write to Redis can stop all work, and on a network that is anybody without a password.
    """
    if not url:
        return None
    try:
        options = _options(url)
    except ValueError:
        return "REDIS_URL is no address: write redis://:password@host:6379/0, or rediss:// for TLS."
    if _is_fenced(options):
        return None
    return (
        "REDIS_URL leads to another host without a password: anybody who reaches it could stop all "
        "work. Give that Redis one (requirepass) and write REDIS_URL as "
        "redis://:password@host:6379/0."
    )


def is_open(url: str) -> bool:
    """Whether the Redis at `url`, on another host, answers one who shows no password at all."""
    options = _options(url)
    if "path" in options or _is_loopback(str(options.get("host", "localhost"))):
        return False
    nobody = {key: value for key, value in options.items() if key not in {"username", "password"}}
    nobody |= {"socket_timeout": 2.0, "socket_connect_timeout": 2.0}
    if "ssl_certfile" in nobody:
        return False
    pool = redis.ConnectionPool(**nobody)
    try:
        return bool(redis.Redis(connection_pool=pool, retry=Retry(NoBackoff(), 0)).ping())
    except redis.RedisError:
        return False
    finally:
        pool.disconnect()


def _options(url: str) -> dict[str, Any]:
    """What the address says, as redis-py reads it. Raises ValueError."""
    return dict(parse_url(url))  # type: ignore[no-untyped-call]


def _is_fenced(options: dict[str, Any]) -> bool:
    if "path" in options or options.get("password") or options.get("ssl_certfile"):
        return True
    return _is_loopback(str(options.get("host", "localhost")))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
