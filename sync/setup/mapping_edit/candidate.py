"""Judge a candidate of the mapping file, say what it touches, and put it in place.

Accepted is only what was previewed, against the file that it was previewed against.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from typing import Final

from sync.core.errors import NotBefore, RemoteError
from sync.core.printable import printable
from sync.mapping import MappingError, parse
from sync.runtime import Sync
from sync.setup.mapping_edit import place, versions
from sync.setup.mapping_edit.place import ChangedError, Place, ReadOnlyError
from sync.setup.mapping_edit.versions import Version
from sync.setup.mapping_preview import MappingPreview, preview
from sync.store.service import installation
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

MOST: Final = 200_000  # characters; a thousand doctors are fewer
# Of a request that a person waits for; `mapping check FILE` in a terminal reads all.
PAGES: Final = 25
SECONDS: Final = 15.0

__all__ = [
    "Candidate",
    "ChangedError",
    "ReadOnlyError",
    "UnknownVersionError",
    "accept",
    "file_in_force",
    "judge",
    "known_version",
    "text_of",
]


class UnknownVersionError(LookupError):
    """There is no version of that id."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may become the mapping file, and what speaks for and against it.

    `mistakes` are told by line; with any it can't be accepted. `touches` None: it could not be
    counted, and `uncounted` says why. `base` and `digest` are those of the file it was compared
    with and of its own bytes; `unseen` are the lines that hold what nobody sees.
    """

    text: str
    base: str
    digest: str
    mistakes: tuple[str, ...] = ()
    version: str = ""
    doctors: int = 0
    touches: MappingPreview | None = None
    uncounted: str = ""
    difference: tuple[str, ...] = ()
    unseen: tuple[int, ...] = ()


def file_in_force(sync: Sync) -> Place:
    """The mapping file as it is now."""
    return place.look(sync.settings.mapping_file)


def judge(sync: Sync, text: str, *, at_most: bool = True) -> Candidate:
    """Say what a text would be as the mapping file; changes nothing.

    Without mistakes it costs a few calls of DrChrono; `at_most`: no more than a person waits for.
    """
    now = file_in_force(sync)
    text = text.replace("\r\n", "\n")
    digest = place.digest_of(place.encoded(text, now))
    if len(text) > MOST:
        return Candidate(text, now.digest, digest, (f"longer than {MOST} characters",))
    try:
        found = parse(text, now.path.name)
    except MappingError as error:
        return Candidate(text, now.digest, digest, tuple(str(error).splitlines()))
    touches, uncounted = None, ""
    try:
        limits = {"pages": PAGES, "seconds": SECONDS} if at_most else {}
        touches = preview(sync, found, **limits)  # type: ignore[arg-type]
    except MappingError:
        uncounted = "The file in force can't be used, so there is nothing to compare with."
    except RemoteError as error:
        uncounted = _not_read(error)
    return Candidate(
        *(text, now.digest, digest),
        version=found.version,
        doctors=len(found.doctors),
        touches=touches,
        uncounted=uncounted,
        difference=tuple(_difference(now.text, text)),
        unseen=tuple(_unseen(text)),
    )


def _not_read(error: RemoteError) -> str:
    if isinstance(error, NotBefore):
        return f"DrChrono can't be asked before {error.until.astimezone(UTC):%H:%M} UTC."
    if error.code == "not_connected":
        return "DrChrono is not connected yet."
    return f"DrChrono could not be asked just now ({error.code})."


def _difference(before: str, after: str) -> Iterator[str]:
    old, new = before.replace("\r\n", "\n").split("\n"), after.split("\n")
    for line in unified_diff(old, new, "in force", "new", lineterm="", n=2):
        if not line.startswith(("---", "+++")):
            yield line


def _unseen(text: str) -> Iterator[int]:
    """The lines (from 1) with a letter that is not seen, or that turns the others around."""
    for number, line in enumerate(text.split("\n"), start=1):
        plain = line.replace("\t", " ")
        if printable(plain, len(plain) * 8 + 1) != plain:
            yield number


def accept(sync: Sync, text: str, base: str, digest: str) -> None:
    """Put a text that was judged in place of the file that it was judged against.

    Who did is in the audit before the file is replaced; the services take it as they take any
    changed file. Raises MappingError, ChangedError and ReadOnlyError; then nothing was changed.
    """
    path = file_in_force(sync).path
    found = parse(text, path.name)
    with versions.alone(path):
        now = file_in_force(sync)
        content = place.encoded(text, now)
        if now.digest != base or place.digest_of(content) != digest:
            raise ChangedError
        if now.read_only:
            raise ReadOnlyError(now.read_only)
        _keep_what_is_there(now)
        at = sync.clock()
        told = (("version", found.version), ("file", digest[:12]))
        with sync.store.write() as conn:
            whose = deeds.whose(conn)
            deeds.note(conn, Deed("accept_mapping", told), at)
        kept = versions.keep(path, content, whose, at)
        try:
            place.replace(now, content)
        except (ChangedError, ReadOnlyError):
            kept.unlink(missing_ok=True)
            with sync.store.write() as conn:
                deeds.note(conn, Deed("accept_mapping", told, outcome="failed"), sync.clock())
            raise


def _keep_what_is_there(now: Place) -> None:
    """Keep the file that is replaced, unless it is the newest version: changed by hand."""
    if not now.there:
        return
    content = now.path.read_bytes()
    newest = next(iter(versions.every(now.path)), None)
    if newest is None or newest.digest != now.digest[:12]:
        changed = datetime.fromtimestamp(now.path.stat().st_mtime, UTC)
        versions.keep(now.path, content, "", changed)


def known_version(sync: Sync) -> str | None:
    """The version that the service works by: the beat has taken it up. None: it has none yet."""
    with sync.store.read() as conn:
        return installation.mapping_version(conn)


def text_of(sync: Sync, version: str) -> tuple[Version, str]:
    """A version that was kept, and its text. Raises UnknownVersionError."""
    found = versions.find(file_in_force(sync).path, version)
    try:
        if found is not None:
            return found, found.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        pass
    raise UnknownVersionError(f"There is no version {version}.")
