"""Judge the addresses of the database and of Redis, and bring providers' forms into ours.

Both hold a password, so no sentence repeats any of it but names of parameters that are known.
"""

import os
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis.connection import URL_QUERY_ARGUMENT_PARSERS
from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from sync import settings_rules as rules

_DRIVER: Final = "postgresql+psycopg"
_POSTGRES: Final = ("postgres", "postgresql", _DRIVER)
# What other clients' addresses carry (Prisma, Rails, Node, JDBC); libpq refuses them.
_FOREIGN: Final = frozenset(
    [
        "pgbouncer",
        "connection_limit",
        "pool_timeout",
        "pool",
        "schema",
        "statement_cache_size",
        "socket_timeout",
        "sslaccept",
        "sslidentity",
        "sslpassword",
        "prepared_statements",
        "prepareThreshold",
        "ssl",
        "supa",
        "workaround",
        "uselibpqcompat",
        "max_connections",
        "statement_timeout",
        "reconnect",
        "encoding",
        "useSSL",
        "currentSchema",
        "serverVersion",
    ]
)
_LAST_PORT: Final = 65535
_NUMBERS: Final = frozenset(
    {"connect_timeout", "keepalives", "keepalives_idle", "keepalives_count", "tcp_user_timeout"}
)
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_SSL_MODES: Final = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
_WRITE: Final = "write postgresql://user:password@host/name, or sqlite:///directory/file"
_ENCODE: Final = (
    "can't be taken apart: in user and password write every sign but letters and digits as its "
    "percent code (@ %40, : %3A, / %2F, ? %3F, # %23, % %25)"
)
_REDIS_WRITE: Final = "write redis://host:6379/0, or rediss:// where it speaks TLS"
_REDIS_OWN: Final = frozenset(
    {
        *("username", "password", "ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_ca_data"),
        *("ssl_certfile", "ssl_keyfile", "ssl_password", "client_name", "encoding"),
    }
)
_REDIS_FILES: Final = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_VERIFY_WORDS: Final = {
    "none": "none",
    "cert_none": "none",
    "false": "none",
    "no": "none",
    "optional": "optional",
    "cert_optional": "optional",
    "required": "required",
    "cert_required": "required",
}


def database_problem(value: str) -> str | None:
    """What is wrong with a DATABASE_URL; None when it can be used."""
    scheme = value.partition("://")[0].lower()
    if "://" not in value or scheme not in {*_POSTGRES, "sqlite"}:
        return f"is no database that is known here: {_WRITE}"
    if scheme == "sqlite":
        return _sqlite_problem(value)
    if value.partition("://")[2].partition("?")[0].count("@") > 1:
        return _ENCODE
    if "," in value.partition("://")[2].partition("/")[0].rpartition("@")[2]:
        return "names more than one host: write the one that takes writes"
    try:
        url = make_url(with_driver(value))
    except (ArgumentError, ValueError):
        return _ENCODE
    return (
        _password_problem(value)
        or _place_problem(url)
        or _put_in(url.password)
        or _parameters_problem(url)
    )


def _place_problem(url: URL) -> str | None:
    """What is wrong with host, port and name."""
    if url.host and "%2f" in url.host.lower():
        return "names a socket in place of a host: write postgresql://user@/name?host=/directory"
    if url.port is not None and not 1 <= url.port <= _LAST_PORT:
        return "names no port that there is: write one of 1 to 65535"
    if "/" in (url.database or ""):
        return "has a / in the name of the database: write one name behind the host"
    return None


def _put_in(password: object) -> str | None:
    """Whether a password is the name of a value that nobody put in."""
    if isinstance(password, str) and rules.is_reference(password):
        return "has only a name for its password: nothing was put in its place"
    return None


def _sqlite_problem(value: str) -> str | None:
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        return f"is not an address: {_WRITE}"
    if url.host or not url.database or ":memory:" in value or url.query:
        return (
            "names no file of SQLite's: write sqlite:///directory/file.db, or //// and a full path"
        )
    return None


def _password_problem(value: str) -> str | None:
    """A sign of a password that ended it early leaves a piece of it in host, path or query."""
    netloc, slash, rest = value.partition("://")[2].partition("/")
    if "@" in rest.partition("?")[0] or (slash and ":" in netloc and "@" not in netloc
                                         and not netloc.rpartition(":")[2].isdigit()):  # fmt: skip
        return _ENCODE
    if "#" in value or any(char.isspace() for char in value):
        return _ENCODE
    if "?" in netloc or re.search(r"%(?![0-9A-Fa-f]{2})|%00", value):
        return _ENCODE
    return None


def _parameters_problem(url: URL) -> str | None:
    from psycopg import pq  # 9 MB that SQLAlchemy loads for PostgreSQL, and SQLite does without

    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    unknown = set(url.query) - known
    named = sorted(unknown & _FOREIGN)
    if named:
        return (
            f"has parameters of another client behind the ? ({', '.join(named)}): remove them; "
            "a pooler in transaction mode needs none here"
        )
    if unknown:
        return f"has a parameter behind the ? that PostgreSQL does not know: {_WRITE}"
    mode = url.query.get("sslmode")
    if mode is not None and mode not in _SSL_MODES:
        return f"has an sslmode that is none: write one of {', '.join(sorted(_SSL_MODES))}"
    for name in sorted(_NUMBERS & url.query.keys()):
        if not str(url.query[name]).isdecimal():
            return f"has a {name} that is no number"
    return unreadable({name: url.query.get(name) for name in _FILES})


def unreadable(files: Mapping[str, object]) -> str | None:
    """Which parameter names a file that is not there, or that we may not read."""
    for name, file in sorted(files.items()):
        if isinstance(file, str) and file not in {"", "system"} and not os.access(file, os.R_OK):
            return f"names a file by {name} that user {os.getuid()} can't read: look at its path"
    return None


def with_driver(value: str) -> str:
    """The address with the driver we bring: platforms write postgres:// or postgresql://."""
    scheme, mark, rest = value.partition("://")
    if mark and scheme.lower() in _POSTGRES:
        return f"{_DRIVER}://{rest}"
    return value


def redis_problem(value: str) -> str | None:
    """What is wrong with a REDIS_URL; None when it can be used."""
    if value.partition("://")[0].lower() not in {"redis", "rediss", "unix"}:
        return f"is not an address of a Redis: {_REDIS_WRITE}"
    if any(char.isspace() for char in value):
        return f"holds a blank: {_REDIS_WRITE}"
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return _ENCODE
    if parts.fragment or "@" in parts.path or parts.netloc.count("@") > 1 or port == 0:
        return _ENCODE
    unix = parts.scheme.lower() == "unix"
    if (not unix and not host) or (unix and not parts.path):
        return f"names no host: {_REDIS_WRITE}"
    if "," in parts.netloc.rpartition("@")[2]:
        return "names more than one host: write the one that takes writes"
    if not unix and not re.fullmatch(r"/?[0-9]{0,4}", parts.path):
        return "names its database by something else than a number: write /0"
    put_in = _put_in(parts.password)
    return put_in or _redis_parameters_problem(parts.query, tls=parts.scheme.lower() == "rediss")


def _redis_parameters_problem(query: str, *, tls: bool) -> str | None:
    asked = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in asked.items():
        if name.startswith("ssl_") and not tls:
            return f"has {name}, and does not speak TLS: write rediss://, or leave it out"
        reader: Any = URL_QUERY_ARGUMENT_PARSERS.get(name)
        if reader is None and name not in _REDIS_OWN:
            return "has a parameter behind the ? that is not known: look at its spelling"
        if name == "ssl_cert_reqs" and value.lower() not in _VERIFY_WORDS:
            return "has an ssl_cert_reqs that is none: write required, or none"
        try:
            if reader is not None:
                reader(value)
        except (TypeError, ValueError):
            return "has a parameter behind the ? whose value can't be used"
        if "timeout" in name and value.startswith("-"):
            return "has a time behind the ? that is below zero"
    return unreadable({name: asked.get(name) for name in _REDIS_FILES})


def redis_address(value: str, *, verify: bool) -> str:
    """The address as redis-py reads it, everywhere the same.

    `verify` False accepts a certificate that nobody vouches for, as Heroku's are; the connection is
    encrypted all the same. It says so in the address, so that whoever opens it does alike.
    """
    scheme, mark, rest = value.partition("://")
    parts = urlsplit(f"{scheme.lower()}{mark}{rest}")  # redis-py knows schemes in small letters
    if parts.scheme != "rediss":
        return parts.geturl() if scheme != scheme.lower() else value
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "ssl_cert_reqs" in asked:
        asked["ssl_cert_reqs"] = _VERIFY_WORDS.get(asked["ssl_cert_reqs"].lower(), "required")
    if not verify:
        asked["ssl_cert_reqs"] = "none"
    return urlunsplit(parts._replace(query=urlencode(asked)))
