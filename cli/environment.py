"""Give a command its settings and its `Sync`, and say what is wrong with the settings.

A message names the setting and what to write; never the value, which may be a secret.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from cli.output import TroubleError
from sync import env_file
from sync.config import Settings
from sync.core.errors import AuthFailed, NotBefore, RemoteError
from sync.hosting import PlaceError, reason
from sync.log import place
from sync.mapping import MappingError
from sync.settings_read import WrongSettingsError, load_settings, missing_settings
from sync.store import trouble

if TYPE_CHECKING:
    from sync.runtime import Sync

# Where processes that are started one by one share a Redis when REDIS_URL is not set.
EMBEDDED_REDIS = Path("var/redis")


def read_env_file(path: Path) -> dict[str, str]:
    """The NAME=value lines of a file, as `.env` is read.

    Raises TroubleError that names each line which can't be read.
    """
    try:
        found = env_file.read_env_file(path)
    except FileNotFoundError:
        raise TroubleError(f"There is no file {path}.") from None
    if found.problems:
        raise TroubleError(str(WrongSettingsError(found.problems)))
    return found.values


def take_env_file(path: Path) -> None:
    """Put a file's settings into the environment, before those that are there."""
    os.environ.update(read_env_file(path))
    load_settings.cache_clear()


def settings() -> Settings:
    """The settings of this process. Raises TroubleError that names each wrong one."""
    try:
        return load_settings()
    except WrongSettingsError as error:
        raise TroubleError(str(error)) from None


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
    from sync.assemble import build

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
    except DBAPIError as error:
        raise TroubleError(trouble.sentence(error)) from None
    except PlaceError as error:
        raise TroubleError(f"DATABASE_URL {error}.") from None


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


def unexpected(error: Exception) -> str:
    """What a command says of an error that nothing else has told of; never its own text.

    That can quote what was being handled: an address with its password, a patient's name.
    """
    if isinstance(error, DBAPIError):
        return trouble.sentence(error)
    if isinstance(error, OSError):
        return (
            f"The system refused something ({type(error).__name__}: {reason(error)}), "
            f"at {place(error)}."
        )
    return (
        f"This ended on an error that was not expected: {type(error).__name__} at {place(error)}. "
        "drchrono-oncall check may tell what is wrong."
    )


def own_names() -> frozenset[str]:
    """The names in the environment that are settings of ours."""
    return frozenset(name.upper() for name in Settings.model_fields)


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without any setting of ours, so that nothing of another set-up leaks in."""
    ours = own_names()
    return {name: value for name, value in environment.items() if name.upper() not in ours}
