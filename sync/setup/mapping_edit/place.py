"""Read and replace the mapping file where it is: whole or not at all, and never over a change.

A file that is replaced has another number (inode). So one that is mounted by itself can't be
replaced from inside a container, and is read-only to us (ADR 0034).
"""

import errno
import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync.hosting import reason
from sync.text_file import TextFileError, read_text

NONE: Final = "none"  # the digest of a file that is not there
UNKNOWN: Final = "unknown"  # the same of one that can't be read
_MOUNTS: Final = Path("/proc/self/mountinfo")


class ChangedError(Exception):
    """The file is another one than the one that was looked at."""


class ReadOnlyError(Exception):
    """The file can't be written from here; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """The file as it was looked at: its text, and the digest of its bytes (NONE: not there).

    `unreadable` says why it is no text, `read_only` why it can't be replaced from here.
    """

    path: Path
    text: str
    digest: str
    unreadable: str = ""
    read_only: str = ""

    @property
    def there(self) -> bool:
        """Whether there is a file."""
        return self.digest != NONE


def look(named: Path) -> Place:
    """The file that MAPPING_FILE names; of a symbolic link the file that it leads to."""
    path = named.resolve()
    text, digest, unreadable = "", NONE, ""
    try:
        # The digest first: of a file that changes just now it is the former one's, and no match.
        digest = digest_of(path.read_bytes()) if path.is_file() else NONE
        text = read_text(path)
    except FileNotFoundError:
        digest = NONE
    except OSError as error:
        digest, unreadable = UNKNOWN, f"can't be read ({reason(error)})"
    except TextFileError as error:
        digest, unreadable = digest if digest != NONE else UNKNOWN, str(error)
    return Place(path, text, digest, unreadable, _read_only(path, there=digest != NONE))


def digest_of(content: bytes) -> str:
    """What a text is known by: of any two, one can tell whether they are the same."""
    return hashlib.sha256(content).hexdigest()


def encoded(text: str, before: Place) -> bytes:
    """The bytes that a text is written as: with the line ends that the file has."""
    plain = text.replace("\r\n", "\n")
    if "\r\n" in before.text:
        plain = plain.replace("\n", "\r\n")
    return plain.encode()


def replace(place: Place, content: bytes) -> None:
    """Put these bytes in the file's place, with its rights; a reader reads one or the other whole.

    Raises ChangedError when the file is not the one of `place` any more, ReadOnlyError.
    """
    draft = place.path.with_name(f".{place.path.name}.{os.getpid()}.part")
    try:
        try:
            rights = stat.S_IMODE(place.path.stat().st_mode) if place.there else 0o600
            opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(opened, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), rights)
                file.flush()
                os.fsync(file.fileno())
            if look(place.path).digest != place.digest:
                raise ChangedError
            draft.replace(place.path)
            _sync_directory(place.path.parent)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise ReadOnlyError(_MOUNTED) from None
        raise ReadOnlyError(f"it can't be written ({reason(error)})") from None


def _sync_directory(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


_MOUNTED: Final = "it is mounted by itself, so it can be changed on the host only"


def _read_only(path: Path, *, there: bool) -> str:
    """Why the file can't be replaced from here; "" when it can."""
    if str(path) in _mounted():
        return _MOUNTED
    if not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return f"user {os.getuid()} may make no file in its directory"
    if there and not os.access(path, os.W_OK):
        return f"user {os.getuid()} may not write it"
    if there and path.stat().st_uid != os.geteuid():
        return "it belongs to another user, whom it would be taken from"
    return ""


def _mounted() -> frozenset[str]:
    """Every place at which something is mounted (proc(5), mountinfo); none where nobody tells."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split(" ")[4].replace("\\040", " ") for line in lines if " " in line)
