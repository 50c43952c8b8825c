"""Keep the versions of the mapping file beside it: each a file of its own, for its owner alone.

They hold what the mapping file holds, names of staff in its comments and addresses too, so they
are where that is, and not in the database (ADR 0034).
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from sync.hosting import reason
from sync.setup.mapping_edit.place import ReadOnlyError, digest_of

KEPT: Final = 100
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
# When, whose, and the digest's beginning: all that the list says, and one file is one version.
_NAME: Final = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)_([0-9A-Za-z%.~-]*)_([0-9a-f]{12})\.toml")
_SHOWN: Final = 12
_LONGEST_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its id, when it was put in place (UTC) and by whom.

    `by` is "" for one that was found: somebody had changed the file by hand, at that time.
    """

    id: str
    at: datetime
    by: str
    digest: str
    path: Path

    def read(self) -> bytes:
        """What the file held. Raises OSError."""
        return self.path.read_bytes()


def directory(path: Path) -> Path:
    """Where the versions of that mapping file are."""
    return path.with_name(f"{path.name}.versions")


def every(path: Path) -> list[Version]:
    """All versions of that mapping file, newest first; files of other names are left alone."""
    try:
        files = sorted(directory(path).iterdir(), reverse=True)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    return [found for one in files if (found := _of(one)) is not None]


def find(path: Path, version: str) -> Version | None:
    """The version of that id, or None."""
    return next((one for one in every(path) if one.id == version), None)


def keep(path: Path, content: bytes, by: str, at: datetime) -> Path:
    """Keep a version, and no more than KEPT; its file. Raises ReadOnlyError."""
    digest = digest_of(content)[:_SHOWN]
    whose = quote(by, safe="")[:_LONGEST_NAME].replace("_", "%5F")
    name = f"{at.astimezone(UTC).strftime(_STAMP)}_{whose}_{digest}.toml"
    draft = directory(path) / f".{os.getpid()}.part"
    try:
        opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        kept = draft.replace(directory(path) / name)
        for old in every(path)[KEPT:]:
            with suppress(FileNotFoundError):
                old.path.unlink()
    except OSError as error:
        raise ReadOnlyError(f"its versions can't be kept ({reason(error)})") from None
    return kept


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Change that mapping file alone among all processes of this host. Raises ReadOnlyError."""
    try:
        directory(path).mkdir(mode=0o700, exist_ok=True)
        opened = os.open(directory(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ReadOnlyError(f"its versions can't be kept ({reason(error)})") from None
    try:
        flock(opened, LOCK_EX)
        yield
    finally:
        os.close(opened)


def _of(path: Path) -> Version | None:
    told = _NAME.fullmatch(path.name)
    if told is None:
        return None
    try:
        at = datetime.strptime(told[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Version(f"{told[1]}-{told[3]}", at, unquote(told[2]), told[3], path)
