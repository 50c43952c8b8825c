"""Decides how a command gets its settings and its `Sync`, and how it says what is wrong with them.

A message names the setting and what to write; never the value, which may be a secret.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from cli.output import TroubleError
from sync.config import Settings, load_settings
from sync.core.errors import AuthFailed, NotBefore, RemoteError
from sync.mapping import MappingError

if TYPE_CHECKING:
    from sync.engine.context import Sync

# Where processes that are started one by one share a Redis when REDIS_URL is not set.
EMBEDDED_REDIS = Path("var/redis")

REQUIRED = {
    "digest_keys": "a long random word; keep it with your backups: "
    'python -c "import secrets; print(secrets.token_urlsafe(32))"',
    "encryption_keys": "a Fernet key; keep it with your backups: "
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"',
}


def read_env_file(path: Path) -> dict[str, str]:
    """The NAME=value lines of a file; empty lines and lines that begin with # are skipped.

    Raises TroubleError when it can't be read or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TroubleError(f"{path} can't be read: {error.strerror}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise TroubleError(f"{path}, line {number}: write NAME=value")
        found[name.strip()] = value.strip()
    return found


def settings() -> Settings:
    """The settings of this process. Raises TroubleError that names each wrong one."""
    try:
        return load_settings()
    except ValidationError as error:
        raise TroubleError(wrong_settings(error)) from None


def wrong_settings(error: ValidationError) -> str:
    """One line for each setting that can't be used: its name and what to write."""
    told = error.errors(include_url=False, include_input=False, include_context=False)
    lines = []
    for item in told:
        name = ".".join(str(part) for part in item["loc"]).upper()
        # The text of a validator of ours could repeat the value; pydantic's own never does.
        wanted = "can't be used" if item["type"] == "value_error" else item["msg"]
        lines.append(f"  {name}: {wanted.replace('Input should be', 'write')}")
    return "\n".join(["Some settings are wrong (.env.example lists each one):", *sorted(lines)])


def missing_settings(found: Settings) -> str | None:
    """The message about settings that nothing works without, or None."""
    missing = {
        "digest_keys": not found.digest_key_list,
        "encryption_keys": not found.fernet_keys,
    }
    lines = [f"  {name.upper()}: {REQUIRED[name]}" for name, gone in missing.items() if gone]
    if not lines:
        return None
    return "\n".join(["Some settings are missing. Set them in the environment or in .env:", *lines])


@contextmanager
def opened(*, anyway: bool = False) -> Iterator["Sync"]:
    """The engine with its database and clients, closed at the end.

    `anyway` is for what only looks, with settings that do not belong to the database too.

    Raises TroubleError for missing settings, a database that is not there or not migrated, or to
    which this process does not belong, a wrong mapping file, and a remote that does not do what is
    asked.
    """
    found = settings()
    missing = missing_settings(found)
    if missing:
        raise TroubleError(missing)
    from sync.engine.context import build

    with database_told(), remote_told():
        sync = build(found, owner=f"cli@{socket.gethostname()}:{os.getpid()}")
        try:
            wrong = None if anyway else sync.misfit()
            if wrong is not None:
                raise TroubleError(wrong)
            yield sync
        finally:
            sync.close()


@contextmanager
def database_told() -> Iterator[None]:
    """Turn a database error into a message that says what to do; the address stays unsaid."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        words = str(error.orig).lower()
        if "no such table" in words or "undefinedtable" in type(error.orig).__name__.lower():
            raise TroubleError(
                "The database has no tables yet. Make them with: drchrono-oncall migrate"
            ) from error
        raise TroubleError(
            "The database does not answer: look at DATABASE_URL and whether it is up."
        ) from error
    except DBAPIError as error:
        raise TroubleError(
            f"The database refused ({type(error.orig).__name__}): look at its own log."
        ) from error


@contextmanager
def remote_told() -> Iterator[None]:
    """Turn a wrong mapping file, or a remote's refusal, into a message that says what to do."""
    try:
        yield
    except MappingError as error:
        raise TroubleError(str(error)) from None
    except AuthFailed as error:
        raise TroubleError(
            f"The credentials are not taken ({error.code}): attach the DrChrono account with "
            "drchrono-oncall connect, and look at ONCALL_KEY."
        ) from None
    except NotBefore as error:
        raise TroubleError(
            f"No call may be made before {error.until:%H:%M:%S} UTC ({error.code}): try again then."
        ) from None
    except RemoteError as error:
        raise TroubleError(
            f"A remote did not do what was asked ({error.code}). drchrono-oncall check tells more."
        ) from None


def own_names() -> frozenset[str]:
    """The names in the environment that are settings of ours."""
    return frozenset(name.upper() for name in Settings.model_fields)


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without any setting of ours, so that nothing of another set-up leaks in."""
    ours = own_names()
    return {name: value for name, value in environment.items() if name.upper() not in ours}
